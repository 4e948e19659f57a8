"""The hooks seepage calls. Built-in providers register through the same hooks as a third party's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seepage.benchmarks.record import Benchmark
    from seepage.models.protocol import Model
    from seepage.policy import Policy
    from seepage.records import Entry, Outcome, Run, Verdict
    from seepage.scores import ScoreBenchmark
    from seepage.series.record import Series


def pytest_seepage_models(config: pytest.Config) -> Sequence[Entry]:  # type: ignore[empty-body]
    """Models of this run, beside those of the configuration. Every process."""


def pytest_seepage_series(config: pytest.Config) -> Sequence[Entry]:  # type: ignore[empty-body]
    """Series of this run, beside those of the configuration. Every process."""


def pytest_seepage_benchmarks(config: pytest.Config) -> Sequence[Entry]:  # type: ignore[empty-body]
    """Benchmarks of this run, beside those of the configuration. Every process."""


@pytest.hookspec(firstresult=True)
def pytest_seepage_policy(policy: Policy, config: pytest.Config) -> Policy | None:
    """Replace the policy read from the configuration. Every process."""


@pytest.hookspec(firstresult=True)
def pytest_seepage_open_model(spec: str, config: pytest.Config) -> Model | None:
    """Open `scheme:rest`, or return None for a scheme that is not yours. The process that runs the test."""


@pytest.hookspec(firstresult=True)
def pytest_seepage_open_series(spec: str, config: pytest.Config) -> Series | None:
    """Open `provider:column[/transform]`, or return None. The process that runs the test."""


@pytest.hookspec(firstresult=True)
def pytest_seepage_open_benchmark(spec: str, config: pytest.Config) -> Benchmark | ScoreBenchmark | None:
    """Open `provider:rest`, or return None. The process that runs the test."""


def pytest_seepage_verdict(verdict: Verdict, outcome: Outcome | None, item: pytest.Item) -> None:
    """A verdict was reached; outcome is None where nothing was computed. The process that ran the test."""


def pytest_seepage_summary(run: Run, config: pytest.Config) -> None:
    """The run is decided: write it down. The controller, once."""
