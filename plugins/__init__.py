"""When things happen: the pytest11 entry point.

It imports nothing but pytest and adds options and hooks. The rest is registered by name: what collects and runs cells
when pytest is configured, what decides and writes when the first cell is collected. Without cells it stays silent.
"""

from __future__ import annotations

import pytest

EARLY = (
    "seepage.plugins.axes",
    "seepage.plugins.planning",
    "seepage.plugins.cells",
    "seepage.plugins.workers",
    "seepage.fixtures",
)
MARKER = (
    'seepage(hypothesis, axes=("model", "series"), family="leakage", gated=True, gated_if=(), weight=1.0, world="", '
    "roles=(), facts=(), offered=(), panel=False, trained=False, **axis_values): one claim about each model and "
    "series (or bench) of the run. facts: only models that state all of these take part. "
    "offered: of these axes a benchmark takes part in the values that it offers. "
    "panel: one cell a benchmark, about all of its models. "
    "trained: only benchmarks that models are trained for in this run. "
    "gated_if: a candidate that states none of these facts, where none of these switches of the policy is on, is shown "
    'and not one of the family\'s m: gated_if=("dense", "mc_generation.answerer")'
)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    from . import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


def pytest_addoption(parser: pytest.Parser) -> None:
    from . import options

    options.add(parser)


def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    from . import workers

    workers.before_main(early_config)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    from . import desk

    config.addinivalue_line("markers", MARKER)
    config.stash[desk.KEY] = desk.Desk(config)
    desk.check(config)
    desk.register(config, *EARLY)
