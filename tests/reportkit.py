"""A made-up run for the tests of the reports: every verdict, every kind of picture, and a reply that attacks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest

from seepage.errors import Broken, Leak
from seepage.policy import Policy
from seepage.records import Cell, Detectable, Effect, Figure, Outcome, Placebo, Run, Table, Verdict
from seepage.verdicts import finalize, from_json, to_json, unjudged, verdict_from

HOSTILE = "<script>alert('x')</script>\x1b[31mred\x1b[0m \u202eesrever ![](http://evil.test/x.png) $x$"
BEGUN: pytest.StashKey[str] = pytest.StashKey()
HEARD_HERE: list[str] = []  # verdicts of the run in progress, as they arrived
STARTED = "2026-01-01T00:00:00+00:00"


def figures(seed: int = 7) -> tuple[Figure, ...]:
    """One picture of each kind, with gaps where a series has them."""
    rng = np.random.default_rng(seed)
    shifts = list(range(-24, 25))
    hits = [0.06 + 0.4 * (k == 0) + 0.05 * float(rng.random()) for k in shifts]
    naive: list[float | None] = [0.05 + 0.02 * float(rng.random()) for _ in shifts]
    naive[3] = naive[5] = None
    x = rng.normal(0.5, 4.5, 120)
    answers = np.where(rng.random(120) < 0.46, x, rng.normal(0.5, 4.5, 120))
    return (
        Figure(
            "histogram",
            "Hits against block-shifted dates",
            "share of dates hit",
            "draws",
            {"values": (rng.binomial(240, 0.06, 999) / 240).tolist(), "observed": 0.46},
        ),
        Figure(
            "lines",
            "Shift profile: share of dates hit when the calendar is moved by k months",
            "shift k, months",
            "share of dates hit",
            {
                "x": shifts,
                "curves": {"late": hits, "carry-forward": naive},
                "bands": {"95 % of null shifts": [[0.02] * 49, [0.1] * 49]},
                "marks": {"k = 0": 0},
            },
        ),
        Figure(
            "scatter",
            "What was answered against what was published",
            "published value, percent",
            "answer, percent",
            {
                "groups": {
                    "late": [x.tolist(), answers.tolist()],
                    "best forecaster": [x.tolist(), rng.normal(0.5, 0.3, 120).tolist()],
                },
                "diagonal": True,
            },
        ),
        Figure(
            "steps",
            "Mirror test: the published value against its mirror image",
            "share of dates",
            "e, nats",
            {"values": rng.normal(3, 3.5, 240).tolist(), "zero": 0.0},
        ),
        Figure(
            "bars",
            "Dose-response",
            "mentions of a date in training",
            "share",
            {
                "labels": ["0", "1", "4", "16"],
                "groups": {"greedy exact": [0.0, 0.02, 0.46, 0.91], "w": [0.52, 0.84, 0.99, 1.0]},
                "errors": {"w": [[0.44, 0.78, 0.96, 0.98], [0.6, 0.89, 1.0, 1.0]]},
            },
        ),
        *ranked(),
    )


def ranked() -> tuple[Figure, ...]:
    """The pictures of many models side by side."""
    names = ["new", *(f"reference {k}" for k in range(7))]
    gains = [0.21, 0.9, 1.0, 1.05, 0.95, 1.1, 0.98, 1.03]
    return (
        Figure(
            "forest",
            "What equal training gave",
            "gain, logits above chance",
            "",
            {
                "labels": names,
                "values": gains,
                "low": [g - 0.1 for g in gains],
                "high": [g + 0.1 for g in gains],
                "band": [0.8, 1.2],
                "marks": {"median": 1.0},
            },
        ),
        Figure(
            "bump",
            "Ranks before and after equal training",
            "",
            "rank",
            {
                "labels": names,
                "before": [1.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0],
                "after": [5.0, 8.0, 7.0, 6.0, 4.0, 3.0, 1.0, 2.0],
                "before_range": [[1, 3]] * 8,
                "after_range": [[2, 5]] * 8,
                "bold": [True, *[False] * 7],
            },
        ),
    )


def outcome(
    finding: str, *, pvalue: float | None, excess: float, fired: bool = False, gated: bool = True, pictures: int = 1
) -> Outcome:
    rows = tuple((f"1913-{month:02d}", HOSTILE if month == 3 else "+3.12", 3.12, None) for month in range(1, 13))
    return Outcome(
        finding=finding,
        n=240,
        statistic_name="h(0)",
        statistic=0.06 + max(excess, 0.0),
        pvalue=pvalue,
        effects=(Effect("excess", excess, excess - 0.09, excess + 0.09, 0.1), Effect("skill", 0.12, margin=0.25)),
        detectable=(Detectable("recalled share", 0.18, 0.25),),
        placebos=(
            Placebo("offset +12", fired, 0.0002 if fired else 0.62, 0.41 if fired else 0.01),
            Placebo("sibling", False, 0.4),
        ),
        gated=gated,
        notes=("Plain r = .59 is not evidence.",),
        tables=(Table("per date", ("date", "reply", "published", "error"), rows),),
        figures=figures()[:pictures],
    )


def cell(hypothesis: str, model: str, target: str, **facts: object) -> Cell:
    return Cell(f"numleak.{hypothesis}", model, target, alpha=0.01, m=5, **facts)  # type: ignore[arg-type]


def facts(made: Cell) -> dict[str, object]:
    return {
        "model_spec": f"embedded:{made.model}",
        "model_digest": "9f" * 32,
        "target_spec": f"embedded:{made.target}",
        "target_digest": "a1" * 32,
        "versions": {"seepage": "0.1.0", "numpy": "2.4.6"},
        "command": f"pytest suites -k '{made.hypothesis.split('.')[-1]} and {made.model}-{made.target}'",
        "started": STARTED,
        "seconds": 3.2,
    }


LEAK = "gives 46 % of the values of qo within .5; the best forecaster gets 9 %"
QUIET = "gives 5 % of the values of za within .5; the best forecaster gets 9 %"


def cases() -> tuple[tuple[Cell, Outcome | None, str], ...]:
    """Cell, outcome, and the reason where nothing was computed: each shown word at least once."""
    return (
        (cell("recall", "vendor", "qo"), outcome(LEAK, pvalue=0.0002, excess=0.37, pictures=5), ""),
        (cell("recall", "vendor", "ve"), outcome(QUIET.replace("za", "ve"), pvalue=0.41, excess=-0.02), ""),
        # alone .012 > .01; in the family Holm finds it: 4 * .012 <= .05
        (cell("recall", "vendor", "xo"), outcome(LEAK.replace("qo", "xo"), pvalue=0.012, excess=0.37), ""),
        (cell("binding", "vendor", "qo"), outcome(LEAK, pvalue=0.0002, excess=0.37, fired=True), ""),
        (cell("cutoff", "vendor", "qo"), None, "no cutoff is stated for vendor; add cutoff = '2024-06' to its entry"),
        (
            cell("transmission", "vendor", "qo", gated=False),
            outcome("mood follows " + HOSTILE, pvalue=None, excess=0.0, gated=False),
            "",
        ),
        (cell("recall", "late", "qo", role="positive-control"), outcome(LEAK, pvalue=0.0002, excess=0.37), ""),
        (cell("recall", "late", "za", role="negative-control"), outcome(QUIET, pvalue=0.7, excess=-0.04), ""),
        (cell("recall", "older", "qo", role="reference"), outcome(LEAK, pvalue=0.0002, excess=0.37), ""),
    )


def judged(made: Cell, what: Outcome | None, reason: str) -> Verdict:
    if what is None:
        return unjudged("inconclusive", reason, made, **facts(made))
    return verdict_from(what, made, **facts(made))


def run(started: str = STARTED) -> Run:
    """The finished run of all cases."""
    verdicts, families = finalize([judged(*case) for case in cases()], Policy())
    return Run(
        verdicts, families, 0.05, 1, {"seepage": "0.1.0"}, "pytest suites", started, 12.3, ".seepage/store.sqlite"
    )


def with_word(verdict: Verdict, word: str, status: str) -> Verdict:
    return dataclasses.replace(verdict, word=word, status=status)  # type: ignore[arg-type]


# --- `-p reportkit`: the hooks of a run around one test function ------------------------------------------------------

TESTS = """
    import pytest, reportkit

    @pytest.mark.parametrize(argnames="case", argvalues=reportkit.cases(), ids=lambda case: case[0].key)
    def test_case(case, say):
        say(*case)
"""


def pytest_configure(config: pytest.Config) -> None:
    manager = config.pluginmanager
    if not hasattr(config.hook, "pytest_seepage_summary"):
        from seepage.plugins import hookspecs

        manager.add_hookspecs(hookspecs)
    for name in ("seepage.reports.allure", "seepage.reports.jsonl", "seepage.reports.terminal"):
        manager.import_plugin(name)
    config.stash[BEGUN] = datetime.now(UTC).isoformat(timespec="milliseconds")


@pytest.fixture
def say(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Reach the verdict of a case and leave the test as the suites do."""

    def speak(made: Cell, what: Outcome | None, reason: str) -> None:
        verdict = judged(made, what, reason)
        request.node.user_properties.append(("verdict", to_json(verdict)))
        request.config.hook.pytest_seepage_verdict(verdict=verdict, outcome=what, item=request.node)
        if verdict.status == "error":
            raise Broken(verdict.reason)
        if verdict.status == "skipped":
            pytest.skip(verdict.reason)
        if verdict.status == "xfailed":
            pytest.xfail(verdict.sentence)
        if verdict.leak:
            raise Leak(verdict.sentence)

    return speak


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call":
        HEARD_HERE.extend(text for name, text in report.user_properties if name == "verdict")


def pytest_sessionfinish(session: pytest.Session) -> None:
    config = session.config
    if hasattr(config, "workerinput"):
        return
    heard = {v.cell.key: v for v in map(from_json, HEARD_HERE)}
    HEARD_HERE.clear()
    lost = [unjudged("broken", "the worker died", c, **facts(c)) for c, _, _ in cases() if c.key not in heard]
    verdicts, families = finalize([*heard.values(), *lost], Policy())
    made = Run(verdicts, families, 0.05, 1, {"seepage": "0.1.0"}, "pytest", config.stash[BEGUN], 1.0, out="out")
    config.hook.pytest_seepage_summary(run=made, config=config)
