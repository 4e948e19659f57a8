"""Measure what the gated statistics of numleak do where there is nothing to find, and what they find where there is.

    python tools/calibrate.py [--seeds 200] [--workers 2] [--document docs/calibration.md]

Writes false-alarm rates of every arm, the power table, detectable shares, and the verdicts of the nine oracles on real
series. Exit code 1 where a gated statistic exceeds its binomial bound or an oracle gets another verdict than it should.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one process a core; before numpy is imported

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "tools"))

import oracles  # noqa: E402  (the oracles are test code; they are asked here as any backend is)
from pages import Part, over, page  # noqa: E402

from seepage.errors import NotTestable, SeepageError  # noqa: E402
from seepage.hypotheses import numleak_binding, numleak_recall  # noqa: E402
from seepage.hypotheses.numleak_common import frame, matrix  # noqa: E402
from seepage.hypotheses.numleak_cutoff_rates import CUTOFF, rates, slow, white  # noqa: E402
from seepage.policy import NumleakPolicy  # noqa: E402
from seepage.records import Cell  # noqa: E402
from seepage.series import Series, open_series  # noqa: E402
from seepage.stats import calibration, dates  # noqa: E402
from seepage.stats.binding import value_columns  # noqa: E402
from seepage.stats.recall import Margins, detectable_share, power  # noqa: E402
from seepage.verdicts import decide  # noqa: E402

POLICY = NumleakPolicy()
N_DATES = 120
REAL = {"Mkt-RF": "arch:Mkt-RF", "unemployment": "bokeh:unemployment", "CPI yoy": "cpi:CUUR0000SA0/yoy"}
ORGANISMS = ("qo", "ve", "za")
BELIEFS = ("perfect", "carry-forward", "fabricator")
RECALL_ARMS = ("p_hit", "p_excess", "p_skill", "p_beat", "pvalue")
ORACLE_SAMPLES = 2
PACKAGES = ("seepage", "numpy", "scipy", "arch", "bokeh_sampledata", "cpi")
POWER_SAMPLES = 8
RECALL_WORD = {
    "perfect": "leak",
    "refuser": "inconclusive",
    "fabricator": "no-evidence",
    "climatology": "no-evidence",
    "carry-forward": "no-evidence",
    "off-by-one": "broken",
    "noisy-quarter-tick": "leak",
    "noisy-one-sd": "no-evidence",
    "unit-swapper": "inconclusive",
}
BINDING_WORD = {name: word for name, word in RECALL_WORD.items() if name != "unit-swapper"} | {
    "refuser": "no-evidence",
    "noisy-one-sd": "leak",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--document", default="docs/calibration.md")
    given = parser.parse_args()
    if given.seeds < 100:
        parser.error("fewer than 100 seeds cannot tell .05 from .10")
    started = time.monotonic()
    jobs: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
        *((recall_level, (kind, given.seeds)) for kind in (*oracles.KINDS, *REAL)),
        *((binding_level, (kind, belief, given.seeds)) for kind in oracles.KINDS for belief in BELIEFS),
        *((organism_level, (name, given.seeds)) for name in ORGANISMS),
        *((cutoff_level, (kind, behaviour, given.seeds)) for kind in ("white", "slow") for behaviour in BEHAVIOURS),
        *((found_share, (kind,)) for kind in (*oracles.KINDS, *REAL)),
        *((verdicts_on, (name, oracle)) for name in REAL for oracle in RECALL_WORD),
    ]
    with ProcessPoolExecutor(given.workers) as pool:
        running = [(job, pool.submit(job, *arguments)) for job, arguments in jobs]
        done: dict[Callable[..., Any], list[Any]] = {}
        for number, (job, future) in enumerate(running, 1):
            done.setdefault(job, []).append(future.result())
            print(f"{number}/{len(running)} {job.__name__}, {time.monotonic() - started:.0f} s", flush=True)
    parts = parts_of(done, given.seeds)
    document = ROOT / given.document
    document.parent.mkdir(parents=True, exist_ok=True)
    written = (
        f"Written by `make calibrate`, which runs `python tools/calibrate.py --seeds {given.seeds}`, in "
        f"{(time.monotonic() - started) / 60:.0f} minutes on {given.workers} processes"
    )
    text = page("Calibration of numleak", parts, written=written, packages=PACKAGES)
    document.write_text(text, encoding="utf-8")
    faults = [fault for part in parts for fault in part.faults]
    print("\n".join([f"wrote {given.document}", *faults]))
    return 1 if faults else 0


# --- what one process measures --------------------------------------------------------------------------------------

Row = tuple[Any, ...]
BEHAVIOURS = (("recall", "recall"), ("fabricate", "fabricate"), ("forecast", "refuse"))


def series_of(name: str, seed: int) -> Series:
    return open_series(REAL[name]) if name in REAL else oracles.synthetic(name, seed=seed)


def known_of(series: Series) -> dates.Forecasters:
    return dates.forecasters(dates.window(series), hit_cap=POLICY.hit_cap, acf=POLICY.acf)


def drawn(kind: str, seeds: int) -> Iterable[tuple[int, dates.Forecasters]]:
    """(seed, forecasters) of `seeds` series; a synthetic one that is not testable is drawn again with the next seed."""
    fixed = known_of(series_of(kind, 0)) if kind in REAL else None
    seed = found = 0
    while found < seeds:
        try:
            known = fixed or known_of(series_of(kind, seed))
        except NotTestable:
            seed += 1
            continue
        yield seed, known
        seed, found = seed + 1, found + 1


def dates_asked(known: dates.Forecasters, rng: np.random.Generator) -> np.ndarray:
    return np.sort(rng.choice(np.flatnonzero(known.window.published), size=N_DATES, replace=False))


def counts(runs: Sequence[object], arms: Iterable[str]) -> list[int]:
    return [sum(getattr(run, arm) <= 0.05 for run in runs) for arm in arms]


def recall_level(kind: str, seeds: int) -> Row:
    """Rejections at .05 of each arm, and of the skill arm at its boundary."""
    try:
        runs, edge = [], []
        for seed, known in drawn(kind, seeds):
            rng = np.random.default_rng([10, seed])
            t = dates_asked(known, rng)
            runs.append(calibration.recall_null(known, t, rng=rng))
            edge.append(calibration.skill_boundary(known, t, rng=rng))
    except SeepageError as reason:
        return (kind, str(reason))
    return (kind, *counts(runs, RECALL_ARMS), *counts(edge, ["p_skill"]), sum(r.pvalue <= 0.05 and r.met for r in runs))


def binding_row(name: str, belief: str, runs: Sequence[calibration.BindingArms]) -> Row:
    wins = sum(run.w >= POLICY.win for run in runs)
    return (name, belief, *counts(runs, ["p_bind", "p_mir", "pvalue"]), wins)


def binding_level(kind: str, belief: str, seeds: int) -> Row:
    """One matrix and one dealing of its values a seed."""
    runs = []
    for seed, known in drawn(kind, seeds):
        rng = np.random.default_rng([11, seed])
        columns = value_columns(known.window)
        estimate = oracles.beliefs(belief, known, rng)
        logprob = calibration.oracle_matrix(known, estimate, columns, rng=rng)
        runs.append(calibration.binding_null(known, logprob, columns, matched=POLICY.matched, rng=rng))
    return binding_row(kind, belief, runs)


def organism_level(name: str, seeds: int) -> Row:
    """The trained organism's own matrix, its values dealt to other dates."""
    from seepage.models import open_model
    from seepage.scorer import ask

    series, model = open_series(f"embedded:{name}"), open_model("embedded:late")
    plan = numleak_binding.requests(series, info=model.info, policy=POLICY, rng=np.random.default_rng(0))
    answers = ask(model, {tag: r for tag, r in plan.items() if tag.startswith("M/")}, store=None)
    here = frame(series, POLICY).latest(POLICY.rows)
    logprob, columns = matrix(here, answers)
    runs = [
        calibration.binding_null(
            here.known, logprob, columns, matched=POLICY.matched, rng=np.random.default_rng([12, seed])
        )
        for seed in range(seeds)
    ]
    return binding_row(f"organism `late`, {name}", "trained", runs)


def cutoff_level(kind: str, behaviour: tuple[Any, Any], seeds: int) -> Row:
    before, after = behaviour
    found = rates(
        {"white": white, "slow": slow}[kind],
        cutoff=CUTOFF,
        before=before,
        after=after,
        n_seeds=seeds,
        policy=POLICY,
        rng=np.random.default_rng(13),
    )
    shares = (found.p_beat, found.p_delta, found.pvalue)
    return (kind, f"{before}, then {after}", *(round(share * seeds) for share in shares), round(found.leak * seeds))


def found_share(kind: str) -> Row:
    """Power at three shares and the detectable share, beside fabrications and beside b^h, at alpha .01."""
    try:
        known = known_of(series_of(kind, 0))
    except SeepageError as reason:
        return (kind, str(reason))
    margins = Margins(alpha=0.01, excess=POLICY.excess, skill=POLICY.skill)
    samples = [dates_asked(known, np.random.default_rng([14, i])) for i in range(POWER_SAMPLES)]
    cells: list[Any] = [kind, known.tau or "digits", known.k0, known.best]
    for fabricated in (True, False):
        for share in (0.15, 0.20, 0.25):
            found = [
                power(known, t, share, margins=margins, fabricated=fabricated, rng=np.random.default_rng([15, i]))
                for i, t in enumerate(samples)
            ]
            cells.append(float(np.mean(found)))
        smallest = [
            detectable_share(known, t, margins=margins, fabricated=fabricated, rng=np.random.default_rng([16, i]))
            for i, t in enumerate(samples)
        ]
        cells.append(spread([2.0 if share is None else share for share in smallest]))
    return tuple(cells)


def spread(shares: Sequence[float]) -> str:
    """Smallest to largest; 2 stands for: not even by all of them."""
    low, high = (f"{end:.2f}" if end <= 1 else "none" for end in (min(shares), max(shares)))
    return low if low == high else f"{low} to {high}"


def verdicts_on(name: str, oracle: str) -> Row:
    """Verdicts of one oracle on one real series: recall on samples of 120 dates, binding once."""
    try:
        series = open_series(REAL[name])
    except SeepageError as reason:
        return (name, oracle, str(reason), "", "", "")
    model = oracles.Oracle(oracle, [series])
    recall = [verdict_of(numleak_recall, model, series, seed) for seed in range(ORACLE_SAMPLES)]
    binding = [verdict_of(numleak_binding, model, series, 0)] if oracle in BINDING_WORD else []
    return (
        name,
        oracle,
        ", ".join(sorted(set(recall))),
        RECALL_WORD[oracle],
        ", ".join(binding) or "not asked",
        BINDING_WORD.get(oracle, "not asked"),
    )


def verdict_of(hypothesis: Any, model: oracles.Oracle, series: Series, seed: int) -> str:
    def rng() -> np.random.Generator:
        return np.random.default_rng([17, seed])

    try:
        plan = hypothesis.requests(series, info=model.info, policy=POLICY, rng=rng())
        tags = list(plan)
        answers = {tags[i]: a for i, a in model.answers([plan[tag] for tag in tags])}
        outcome = hypothesis.judge(series, answers, info=model.info, policy=POLICY, alpha=0.01, rng=rng())
    except NotTestable:
        return "inconclusive"
    return decide(outcome, Cell("numleak", model.name, series.id, alpha=0.01)).word


# --- the page -------------------------------------------------------------------------------------------------------


def parts_of(done: dict[Callable[..., Any], list[Row]], seeds: int) -> list[Part]:
    low, high = calibration.bounds(seeds)
    level = f"Rejections at .05 in {seeds} seeds; .05 ± its 99 % binomial band is {low} to {high}."
    return [
        Part(
            "Recall where nothing is known",
            f"{level} Answers share the series' values and memory and not its dates. The last but one column is p_sk "
            "with errors drawn from b*'s own, the edge of its null; the last counts seeds that the whole rule accuses.",
            ("series", "p_hit", "p_ex", "p_sk", "p_beat", "**p**", "p_sk at its edge", "accused"),
            tuple(done[recall_level]),
            over(done[recall_level], range(1, 7), high, "recall"),
        ),
        Part(
            "Binding where values are dealt to other dates",
            f"{level} Only **p** gates. p_bind alone is too liberal on slow series: a swing of the level outlasts the "
            "blocks that are shifted; p_mir is what holds there. The last column counts w ≥ .60.",
            ("series", "matrix", "p_bind", "p_mir", "**p**", "w ≥ .60"),
            (*done[binding_level], *done[organism_level]),
            over((*done[binding_level], *done[organism_level]), (3, 4), high, "binding"),
        ),
        Part(
            "Cutoff where there is no boundary, or no recall",
            f"{level} Only **p** gates. The last column counts seeds with p ≤ .05 and Δ at its margin.",
            ("series", "behaviour", "p_beat", "p_Δ", "**p**", "accused"),
            tuple(done[cutoff_level]),
            over(done[cutoff_level], (4,), high, "cutoff"),
        ),
        Part(
            "Recall where a share is known",
            f"Found at alpha .01, n = {N_DATES}, mean over {POWER_SAMPLES} samples of dates with 200 simulated models "
            "each; π* is the smallest share found in 80 % of them, its range over the samples.",
            (
                *("series", "τ", "K0", "b*"),
                *(f"{s} beside {w}" for w in ("fabricated", "b^h") for s in (".15", ".20", ".25", "π*")),
            ),
            tuple(done[found_share]),
        ),
        Part(
            "The oracles on real series",
            f"Verdicts at alpha .01: recall on {ORACLE_SAMPLES} samples of {N_DATES} dates, binding on the latest "
            f"{POLICY.rows} periods. `tests/controls` holds the same on synthetic series.",
            ("series", "oracle", "recall", "should be", "binding", "should be"),
            tuple(done[verdicts_on]),
            tuple(
                f"{row[0]}, {row[1]}: {row[2]} and {row[4]} instead of {row[3]} and {row[5]}"
                for row in done[verdicts_on]
                if row[3] and (row[2], row[4]) != (row[3], row[5])
            ),
        ),
    ]


if __name__ == "__main__":
    sys.exit(main())
