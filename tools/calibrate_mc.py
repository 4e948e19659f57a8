"""Measure what the statistics of mc_generation do where there is nothing to find, and what they find where there is.

    python tools/calibrate_mc.py [--seeds 400] [--workers 2] [--document docs/calibration-mc-generation.md]

Writes levels, coverage and power of both claims beside the figures that the rule was designed with, and the comparisons
that decided which guess rate is taken. Exit code 1 where a gated statistic exceeds its binomial bound.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one process a core; before numpy is imported

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binom

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "tools"))

import mc_marks  # noqa: E402  (models that are nothing but marks: test code, asked here too)
from pages import Part, Row, over, write  # noqa: E402

from seepage.policy import McGenerationPolicy  # noqa: E402
from seepage.stats import calibration, clusters, recognition  # noqa: E402
from seepage.stats.compression import cluster_flip, interaction, mcnemar  # noqa: E402
from seepage.stats.recognition import Marks  # noqa: E402

POLICY = McGenerationPolicy()
DRAWS = 999  # p = .05 is then 50 of 1000
ICC = 0.3
SIZES = (1, 5)  # items a passage
KINDS = ("3", "4", "3 to 10")  # options of an item
PACKAGES = ("seepage", "numpy", "scipy")
BLIND = {  # what a picker that never reads the question generates rightly, where its shortcut works and where not
    "no shortcut": {"short": 0.0, "right_on": 0.3, "right_off": 0.3},
    "a shortcut, generation unrelated": {"short": 0.45, "right_on": 0.3, "right_off": 0.3},
    "other items without the question": {"short": 0.45, "right_on": 0.3, "right_off": 0.3, "same": False},
    "it works where generation fails": {"short": 0.45, "right_on": 0.1, "right_off": 0.5},
    "it works where generation succeeds": {"short": 0.45, "right_on": 0.5, "right_off": 0.1},
    "no shortcut, 3 to 10 options": {"short": 0.0, "right_on": 0.3, "right_off": 0.3, "kind": "3 to 10"},
}
PAIRS = {
    "nothing lost, 3 in 10 answers waver": {"before": 0.6, "after": 0.6, "noise": 0.3},
    ".9 to .6, no shortcuts": {"before": 0.9, "after": 0.6},
    ".6 to .3, no shortcuts": {"before": 0.6, "after": 0.3},
    ".9 to .6, both have shortcuts": {"before": 0.9, "after": 0.6, "short": (0.45, 0.45)},
    ".9 to .6, the twin lost them": {"before": 0.9, "after": 0.6, "short": (0.45, 0.0)},
    ".9 to .6, the twin gained them": {"before": 0.9, "after": 0.6, "short": (0.0, 0.45)},
}
SHARE_FOUND = {100: ".22 to .25", 200: ".18 to .21", 400: ".16 to .17", 1000: ".14 to .15"}
MCNEMAR = {  # (items, net drop, discordant share): designed power
    (200, 0.06, 0.10): 0.83,
    (200, 0.06, 0.20): 0.55,
    (200, 0.06, 0.30): 0.42,
    (500, 0.06, 0.10): 1.00,
    (500, 0.06, 0.20): 0.90,
    (500, 0.06, 0.30): 0.77,
    (200, 0.10, 0.20): 0.93,
}
FEWEST = {0.05: (5, 69), 0.05 / 20: (9, 147), 0.05 / 60: (11, None)}  # alpha: lost pairs, items of the rank test


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=400)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--document", default="docs/calibration-mc-generation.md")
    given = parser.parse_args()
    if given.seeds < 20:
        parser.error("fewer than 20 seeds measure nothing; below 100 they cannot tell .05 from .10")
    started = time.monotonic()
    with ProcessPoolExecutor(given.workers) as pool:
        running = [(job, pool.submit(job, *arguments)) for job, arguments in jobs(given.seeds)]
        done: dict[Callable[..., Row], list[Row]] = {}
        for number, (job, future) in enumerate(running, 1):
            done.setdefault(job, []).append(future.result())
            print(f"{number}/{len(running)} {job.__name__}, {time.monotonic() - started:.0f} s", flush=True)
    parts = parts_of(done, given.seeds)
    written = (
        f"Written by `make calibrate`, which runs `python tools/calibrate_mc.py --seeds {given.seeds}`, in "
        f"{(time.monotonic() - started) / 60:.1f} minutes on {given.workers} processes"
    )
    return write(ROOT / given.document, "Calibration of mc_generation", parts, written=written, packages=PACKAGES)


def jobs(seeds: int) -> list[tuple[Callable[..., Row], tuple[Any, ...]]]:
    return [
        *((recognition_level, (n, kind, size, seeds)) for n in (100, 200, 500) for kind in KINDS for size in SIZES),
        *((guess_rate, (name, seeds)) for name in BLIND),
        *((recognition_power, (n, seeds)) for n in SHARE_FOUND),
        *((passages, (n, seeds)) for n in (100, 300, 1000)),
        *((share_of_wrong, (n, seeds)) for n in (100, 200, 1000)),
        *((compression_level, (name, size, seeds)) for name in PAIRS for size in SIZES),
        *((compression_power, (n, share, seeds)) for n in (200, 500, 1000) for share in (0.06, 0.10, 0.20)),
        *((mcnemar_power, design) for design in MCNEMAR),
        *((fewest, (alpha,)) for alpha in FEWEST),
    ]


# --- what one process measures --------------------------------------------------------------------------------------


def rngs(seeds: int, *name: int) -> Iterable[np.random.Generator]:
    return (np.random.default_rng([*name, seed]) for seed in range(seeds))


def judged(marks: Marks, margin: float, rng: np.random.Generator) -> recognition.Recognition:
    return recognition.recognition(marks, margin=margin, n_resamples=DRAWS, rng=rng)


def share(values: Iterable[object]) -> str:
    return f"{np.mean(list(values)):.3f}"


def icc(size: int) -> float:
    return ICC if size > 1 else 0.0


def recognition_level(n: int, kind: str, size: int, seeds: int) -> Row:
    """Rejections at .05 of a guesser at margin 0, and of a model whose RO* is the margin; coverage of that."""
    asked = {"kind": kind, "size": size, "icc": icc(size)}
    guessed = [judged(mc_marks.guesser(n, rng=rng, **asked), 0.0, rng) for rng in rngs(seeds, 30)]
    edge = [
        judged(mc_marks.recogniser(n, share=POLICY.margin, right=0.4, rng=rng, **asked), POLICY.margin, rng)
        for rng in rngs(seeds, 31)
    ]
    fired = [sum(run.pvalue <= 0.05 for run in runs) for runs in (guessed, edge)]
    accused = sum(run.pvalue <= 0.05 and run.low > POLICY.margin for run in edge)
    covered = share(run.low <= POLICY.margin <= run.high for run in edge)
    return (f"{n} items, {kind} options, {size} a passage", *fired, accused, covered)


def guess_rate(name: str, seeds: int) -> Row:
    """RO* of a picker that reads no question, with the rate over the generation-wrong items and with that over all."""
    found = []
    for rng in rngs(seeds, 32):
        marks = mc_marks.blind(200, rng=rng, **BLIND[name])
        own = judged(marks, 0.0, rng)
        plain, columns = plain_share(marks)
        table = clusters.cluster_sums(columns, marks.clusters)
        draws = clusters.draw(table, n_resamples=DRAWS, rng=rng)
        found.append(
            (
                own.ro,
                own.pvalue <= 0.05,
                float(plain(table.total)),
                clusters.studentised(plain, table, draws, null=0.0) <= 0.05,
            )
        )
    ours, fired, theirs, theirs_fired = np.array(found, dtype=np.float64).T
    return (name, f"{ours.mean():+.3f}", int(fired.sum()), f"{theirs.mean():+.3f}", int(theirs_fired.sum()))


def plain_share(marks: Marks) -> tuple[clusters.Statistic, np.ndarray]:
    """RO* with g_i = max(1/K_i, share of all items right after the stem), and the columns whose sums it takes."""
    ks = np.unique(marks.options)
    wrong = ~marks.generated
    columns = [np.ones(len(marks)), marks.stem]
    for k in ks:
        columns += [wrong & (marks.options == k), wrong & marks.picked & (marks.options == k)]

    def ro(sums: np.ndarray) -> np.ndarray:
        found = np.zeros(sums.shape[:-1])
        for place, k in enumerate(ks):
            g = np.clip(sums[..., 1] / sums[..., 0], 1 / k, 1 - 0.5 / sums[..., 0])
            found += (sums[..., 3 + 2 * place] - g * sums[..., 2 + 2 * place]) / (1 - g)
        return found / sums[..., 0]

    return ro, np.stack(columns, axis=1).astype(np.float64)


def recognition_power(n: int, seeds: int) -> Row:
    """Detectable RO* of a guesser and of a model with four in ten right, and how often the latter is then found."""
    guessed = [judged(mc_marks.guesser(n, rng=rng), 0.0, rng).se for rng in rngs(seeds, 33)]
    known = [judged(mc_marks.recogniser(n, share=0.1, right=0.4, rng=rng), 0.1, rng).se for rng in rngs(seeds, 34)]
    shares = [
        float(np.mean([recognition.detectable_share(se, margin=POLICY.margin, alpha=alpha) for se in errors]))
        for errors in (known, guessed)
        for alpha in (0.05, 0.0025)
    ]
    runs = [
        judged(mc_marks.recogniser(n, share=shares[0], right=0.4, rng=rng), POLICY.margin, rng)
        for rng in rngs(seeds, 35)
    ]
    found = [share(run.pvalue <= 0.05 for run in runs)]
    found += [share(run.pvalue <= 0.05 and run.low > POLICY.margin for run in runs)]
    return (n, shares[0], shares[2], SHARE_FOUND[n], shares[1], shares[3], *found)


def passages(n: int, seeds: int) -> Row:
    """Coverage of a true RO* of .3 by passages of 5, drawn as items and as passages."""
    covered: dict[int, list[bool]] = {1: [], 5: []}
    for rng in rngs(seeds, 36):
        marks = mc_marks.recogniser(n, share=0.3, right=0.3, size=5, icc=ICC, rng=rng)
        for size in covered:
            grouped = Marks(
                marks.generated, marks.picked, marks.options, marks.stem, mc_marks.clusters_of(n, 1 if size == 1 else 5)
            )
            run = judged(grouped, POLICY.margin, rng)
            covered[size].append(run.low <= 0.3 <= run.high)
    return (n, n // 5, share(covered[1]), share(covered[5]), ".89 and .93" if n == 300 else "")


def share_of_wrong(n: int, seeds: int) -> Row:
    """Coverage of r* by Wilson's interval (no stem arm) and by the bootstrap (with one), half of the items known."""
    covered: dict[bool, list[bool]] = {False: [], True: []}
    for rng in rngs(seeds, 37):
        full = mc_marks.recogniser(n, share=0.2, right=0.5, rng=rng)
        bare = Marks(full.generated, full.picked, full.options, None, full.clusters)
        for stem, marks in ((False, bare), (True, full)):
            run = judged(marks, POLICY.margin, rng)
            if run.r_low is not None and run.r_high is not None:
                covered[stem].append(run.r_low <= 0.4 <= run.r_high)
    return (n, share(covered[False]), ".947 to .953", share(covered[True]))


def compression_level(name: str, size: int, seeds: int) -> Row:
    """Rejections of I, of the generation drop and of both; ends of the interval; I with three other corrections."""
    runs, drops, others = [], [], []
    for rng in rngs(seeds, 38):
        dense, twin = mc_marks.pair(200, size=size, icc=icc(size), rng=rng, **PAIRS[name])
        runs.append(interaction(dense, twin, n_resamples=DRAWS, rng=rng))
        drops.append(cluster_flip(dense.generated, twin.generated, dense.clusters))
        fall = dense.picked.mean() - twin.picked.mean()
        rates = [max(0.25, float(model.stem.mean())) for model in (dense, twin)]
        others.append([runs[-1].net_drop - fall / (1 - g) for g in (0.0, rates[0], max(rates))])
    both = sum(run.pvalue <= 0.05 and p <= 0.05 for run, p in zip(runs, drops, strict=True))
    means = [f"{value:+.3f}" for value in (np.mean([run.value for run in runs]), *np.mean(others, axis=0))]
    return (
        f"{name}, {size} a passage",
        sum(run.pvalue <= 0.05 for run in runs),
        sum(p <= 0.05 for p in drops),
        both,
        share(run.low > 0 for run in runs),
        share(run.high < 0 for run in runs),
        *means,
    )


def compression_power(n: int, lost: float, seeds: int) -> Row:
    """A twin that loses `lost` of its answers in words only, and 5 % of its knowledge; 1 in 10 answers wavers."""
    runs, found = [], 0
    for rng in rngs(seeds, 39):
        dense, twin = mc_marks.pair(n, before=0.7, after=0.65, lost_only_in_words=lost, noise=0.1, rng=rng)
        run = interaction(dense, twin, n_resamples=DRAWS, rng=rng)
        drop = mcnemar(dense.generated, twin.generated).pvalue
        found += max(run.pvalue, drop) <= 0.05 and run.low > 0 and run.net_drop >= POLICY.net_drop
        runs.append(run)
    smallest = np.mean([recognition.detectable_share(run.se, margin=0.0, alpha=0.05) for run in runs])
    arms = share(run.pvalue <= 0.05 for run in runs)
    return (n, lost, f"{np.mean([run.value for run in runs]):.3f}", float(smallest), arms, f"{found / seeds:.3f}")


def mcnemar_power(n: int, drop: float, discordant: float) -> Row:
    """Power of the exact test at .05, summed over all counts of discordant items: no draws."""
    lost_share = (1 + drop / discordant) / 2
    power = 0.0
    for pairs in range(1, n + 1):
        lost = np.arange(pairs + 1)
        rejects = binom.sf(lost - 1, pairs, 0.5) <= 0.05
        power += binom.pmf(pairs, n, discordant) * binom.pmf(lost[rejects], pairs, lost_share).sum()
    return (n, drop, discordant, float(power), MCNEMAR[n, drop, discordant])


def fewest(alpha: float) -> Row:
    """Fewest one-way discordant pairs, and items that the rank test needs if gold wins 65 %: exact."""
    pairs = next(n for n in range(1, 100) if 0.5**n <= alpha)
    power = {}
    for n in range(1, 400):
        wins = np.arange(n + 1)
        power[n] = binom.pmf(wins[binom.sf(wins - 1, n, 0.5) <= alpha], n, 0.65).sum()
    first = next(n for n in power if power[n] >= 0.8)
    for_good = 1 + max(n for n in power if power[n] < 0.8)
    designed = FEWEST[alpha]
    return (f"{alpha:.5f}", pairs, designed[0], first, for_good, designed[1] or "")


# --- the page -------------------------------------------------------------------------------------------------------


Done = dict[Callable[..., Row], list[Row]]


def parts_of(done: Done, seeds: int) -> list[Part]:
    low, high = calibration.bounds(seeds)
    band = f"in {seeds} seeds; .05 ± its 99 % binomial band is {low} to {high}"
    return [
        *recognition_parts(done, seeds, band, high),
        *compression_parts(done, band, high),
        *exact_parts(done),
    ]


def recognition_parts(done: Done, seeds: int, band: str, high: int) -> list[Part]:
    known = f"{ICC:.1f} within passages of 5"
    return [
        Part(
            "Recognition where there is none, and at the margin",
            f"Rejections at .05 {band}. Intra-class correlation {known}. The guesser never produces a right answer "
            f"and is tested against margin 0; `edge` is a model whose RO* is the margin, {POLICY.margin}, and that "
            "knows four in ten; accused: the edge with p ≤ .05 and the lower bound above the margin.",
            ("design", "guesser", "edge", "accused", "edge covered, of .95"),
            tuple(done[recognition_level]),
            over(done[recognition_level], (1, 2), high, "recognition"),
        ),
        Part(
            "Which guess rate",
            f"A picker that reads no question has RO* = 0. Mean RO* and rejections at .05 of margin 0, 200 items, "
            f"{band}. Ours takes the shortcut's share over the generation-wrong items, corrected item by item; the "
            "plain one is max(1/K, share of all items right after the stem), as first designed: it accuses a shortcut "
            "that works where generation fails, hides a recogniser in the opposite case, and is off where K differs.",
            ("picker", "RO*", "rejections", "RO*, plain", "rejections, plain"),
            tuple(done[guess_rate]),
            over(done[guess_rate], (2,), high, "guess rate"),
        ),
        Part(
            "Recognition that is found",
            "The detectable RO* (power .8) of a model that knows four in ten (RO* .10) and of a guesser, 4 options, "
            "and the power measured at the first, by p alone and with the lower bound above the margin.",
            (
                *("items", "at .05", "at .05, guesser", "designed", "at .0025", "at .0025, guesser"),
                *("found, of .8", "and the bound"),
            ),
            tuple(done[recognition_power]),
        ),
        Part(
            "Items of one passage",
            f"Coverage of a true RO* of .3 by intervals of nominal .95 in {seeds} seeds; intra-class correlation "
            f"{known}.",
            ("items", "passages", "drawing items", "drawing passages", "designed"),
            tuple(done[passages]),
        ),
        Part(
            "Share of the generation-wrong items",
            f"Coverage of r* = .4 by intervals of nominal .95 in {seeds} seeds; half of the items are generated "
            "rightly.",
            ("items", "Wilson, no stem arm", "designed", "bootstrap, with a stem arm"),
            tuple(done[share_of_wrong]),
        ),
    ]


def compression_parts(done: Done, band: str, high: int) -> list[Part]:
    return [
        Part(
            "Equal loss of knowledge is no illusion",
            f"Rejections at .05 {band}; 200 items. A verdict needs both. The drop is real but for the first design. "
            "Mean I with each model's own guess rate (ours), without correction, with the dense model's for both and "
            "with the larger one for both. A guess rate is never set below chance, so without shortcuts "
            "I falls a little below 0, and its interval misses on that side.",
            (
                *("pair", "I", "drop", "**both**", "low > 0, of .025", "high < 0, of .025"),
                *("I", "I uncorrected", "I, dense's rate", "I, larger rate"),
            ),
            tuple(done[compression_level]),
            over(done[compression_level], (1, 3), high, "compression"),
        ),
        Part(
            "Compression that is found",
            "The twin loses 5 % of its knowledge and a further share in words only; 1 in 10 answers wavers. Found at "
            ".05 by I alone, and by the whole rule (I, drop, lower bound, net drop).",
            ("items", "lost in words", "I", "detectable I", "by I", "by the rule"),
            tuple(done[compression_power]),
        ),
    ]


def exact_parts(done: Done) -> list[Part]:
    return [
        Part(
            "Power of the exact McNemar test",
            "One-sided at .05, computed exactly.",
            ("items", "net drop", "discordant", "power", "designed"),
            tuple(done[mcnemar_power]),
        ),
        Part(
            "Fewest pairs and items",
            "One-way discordant pairs that can reach the level; items that the rank test needs for power .8 where gold "
            "wins 65 %: the first number that reaches it, and the one from which it is kept. Computed exactly.",
            ("level", "pairs", "designed", "items, first", "items, for good", "designed"),
            tuple(done[fewest]),
        ),
    ]


if __name__ == "__main__":
    sys.exit(main())
