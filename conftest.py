"""Which models, series and benchmarks *this* repository tests, and how strictly: an example to copy.

Run `pytest suites`. Yours names its own entries here, or states them in `[tool.seepage]` without a line of code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seepage.organisms import PANEL, TRAINED

if TYPE_CHECKING:
    import pytest

    from seepage.policy import Policy
    from seepage.records import Entry


def pytest_seepage_models() -> tuple[Entry, ...]:
    """The organisms that ship with the package; an entry of your own is Entry("mine", "hf:./checkpoint")."""
    return (*PANEL.models, *TRAINED.models)


def pytest_seepage_series() -> tuple[Entry, ...]:
    """Their invented series; a real one is Entry("mkt", "arch:Mkt-RF")."""
    return PANEL.series


def pytest_seepage_benchmarks() -> tuple[Entry, ...]:
    """Their invented quiz; one of your own is Entry("faq", "file:faq.jsonl?gold=answer")."""
    return (*PANEL.benchmarks, *TRAINED.benchmarks)


def pytest_seepage_policy(policy: Policy, config: pytest.Config) -> Policy | None:  # noqa: ARG001
    """None keeps what `[tool.seepage]` says; `dataclasses.replace(policy, alpha=0.01)` would be stricter."""
    return None
