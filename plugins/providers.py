"""The built-in models, series and benchmarks: they register through the hooks that a third party uses, and ask last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from seepage.benchmarks.record import Benchmark
    from seepage.models.protocol import Model
    from seepage.scores import ScoreBenchmark
    from seepage.series.record import Series


@pytest.hookimpl(trylast=True)
def pytest_seepage_open_model(spec: str) -> Model:
    if spec.startswith("panel:"):
        from seepage.panels import open_panel

        return open_panel(spec)
    from seepage.models import open_model

    return open_model(spec)


@pytest.hookimpl(trylast=True)
def pytest_seepage_open_series(spec: str) -> Series:
    from seepage.series import open_series

    return open_series(spec)


@pytest.hookimpl(trylast=True)
def pytest_seepage_open_benchmark(spec: str) -> Benchmark | ScoreBenchmark:
    if spec.startswith("scores:"):
        from seepage import scores

        return scores.open_benchmark(spec)
    from seepage.benchmarks import open_benchmark

    return open_benchmark(spec)
