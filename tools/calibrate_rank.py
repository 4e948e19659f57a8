"""Measure false alarms and power of the gates of rank_stability on simulated panels, beside what the design says.

    python tools/calibrate_rank.py [--runs 1000] [--workers 2] [--document docs/calibration-rank-stability.md]

Exit code 1 where a gate fires oftener than its binomial bound where there is nothing to find.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one process a core; before numpy is imported

import argparse
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t as student

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "tools"))

import rank_organisms  # noqa: E402
import rank_panels  # noqa: E402  (simulated panels: test code, asked here too)
from pages import Part, Row, over, write  # noqa: E402
from rank_panels import Design  # noqa: E402

from seepage.organisms import TRAINED_ROLES  # noqa: E402
from seepage.policy import RankStabilityPolicy  # noqa: E402
from seepage.stats import calibration, compute, inflation, rank  # noqa: E402
from seepage.stats.stages import Stages, gains, seed_variance  # noqa: E402

POLICY = RankStabilityPolicy()
ALPHA = 0.05
PACKAGES = ("seepage", "numpy", "scipy")
HEADS = (0.0, 0.6, 1.2)
SIZES = ((5, 1000), (7, 500), (7, 1000), (11, 1000))
SPREADS = (0.0, 0.25, 0.5)
LINEAGES = (8, 12, 20)
NEWER = {8: "0.43", 12: "0.71", 20: "0.93"}  # designed power at theta .07
# (references, items, sd of gains): false alarms of equal gains, of the gate, power at .6, at 1.2, median detectable
DESIGNED = {
    (5, 1000, 0.0): (0.06, 0.00, 0.71, 1.00, 0.52),
    (5, 1000, 0.25): (0.18, 0.03, 0.42, 0.88, 0.82),
    (5, 1000, 0.5): (0.31, 0.05, 0.21, 0.51, 1.42),
    (7, 500, 0.0): (0.05, 0.01, 0.71, 1.00, 0.57),
    (7, 500, 0.25): (0.16, 0.04, 0.44, 0.92, 0.81),
    (7, 500, 0.5): (0.27, 0.07, 0.24, 0.54, 1.35),
    (7, 1000, 0.0): (0.06, 0.00, 0.77, 1.00, 0.47),
    (7, 1000, 0.25): (0.18, 0.03, 0.48, 0.94, 0.75),
    (7, 1000, 0.5): (0.27, 0.04, 0.23, 0.58, 1.32),
    (11, 1000, 0.0): (0.04, 0.00, 0.78, 1.00, 0.42),
    (11, 1000, 0.25): (0.19, 0.04, 0.52, 0.98, 0.70),
    (11, 1000, 0.5): (0.29, 0.04, 0.26, 0.64, 1.23),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--document", default="docs/calibration-rank-stability.md")
    given = parser.parse_args()
    if given.runs < 20:
        parser.error("fewer than 20 runs measure nothing; below 100 they cannot tell .05 from .10")
    started = time.monotonic()
    trained = organisms()  # first: seconds, and a failure must not cost the minutes that follow
    with ProcessPoolExecutor(given.workers) as pool:
        running = [(job, pool.submit(job, *arguments)) for job, arguments in jobs(given.runs)]
        done: dict[Callable[..., Row], list[Row]] = {}
        for number, (job, future) in enumerate(running, 1):
            done.setdefault(job, []).append(future.result())
            print(f"{number}/{len(running)} {job.__name__}, {time.monotonic() - started:.0f} s", flush=True)
    parts = [*parts_of(done, given.runs), trained]
    written = (
        f"Written by `make calibrate`, which runs `python tools/calibrate_rank.py --runs {given.runs}`, in "
        f"{(time.monotonic() - started) / 60:.1f} minutes on {given.workers} processes"
    )
    return write(ROOT / given.document, "Calibration of rank_stability", parts, written=written, packages=PACKAGES)


def jobs(runs: int) -> list[tuple[Callable[..., Row], tuple[Any, ...]]]:
    return [
        *((gate_2, (r, n, sd, runs)) for r, n in SIZES for sd in SPREADS),
        *((gate_1, (r, n, sd, runs)) for r in (5, 7, 11) for n in (300, 1000, 2000) for sd in (0.0, 0.5)),
        *((placebo, (head, runs)) for head in HEADS),
        *(
            (delta, (f, n, sd, paired, runs))
            for f in (8, 20)
            for n in (250, 1000)
            for sd in (0.0, 0.25)
            for paired in (0, 1)
        ),
        *((by_ability, (r, slope, runs)) for r in (8, 11) for slope in (0.0, 0.5)),
        *((theta, (k, own, runs)) for k in LINEAGES for own in (0.0, 0.03)),
        *((takeoff, (k, span, noise, runs)) for k in (8, 12) for span in (1.5, 3.0) for noise in (0.015, 0.03)),
    ]


# --- what one process measures --------------------------------------------------------------------------------------


def rng_of(*name: int) -> np.random.Generator:
    return np.random.default_rng([50, *name])


def equal(stages: Stages) -> bool:
    """The test that is not our gate: are gains equal, for one candidate and a normal."""
    r = len(stages.models) - 1
    g = gains(stages)
    noise = rank.contrast_variance(stages, 0, range(1, r + 1)) + seed_variance(stages) / stages.seeds * (1 + 1 / r)
    return bool((np.median(g[1:]) - g[0]) / noise**0.5 > 1.6449)


def gate_2(r: int, n: int, sd: float, runs: int) -> Row:
    """False alarms of equal gains and of the gate with its margin; its power at two head starts; median detectable."""
    fired: dict[float, int] = {}
    alarms, reach = 0, []
    for head in HEADS:
        design = Design(references=r, items=n, gain_sd=sd, head=head)
        count = 0
        for i in range(runs):
            made = rank_panels.panel(design, rng_of(1, i))
            found = rank.head_start(made, 0, range(1, r + 1), alpha=ALPHA)
            count += found.pvalue <= ALPHA and found.value >= POLICY.head_start_margin
            if head == 0:
                alarms += equal(made)
                reach.append(found.detectable)
        fired[head] = count
    powers = [f"{fired[head] / runs:.2f}" for head in HEADS[1:]]
    designed = DESIGNED[r, n, sd]
    said = " / ".join(f"{value:.2f}" for value in designed)
    return (f"R {r}, n {n}, sd {sd:g}", fired[0.0], f"{alarms / runs:.2f}", *powers, float(np.median(reach)), said)


def by_ability(r: int, slope: float, runs: int) -> Row:
    """Where gains grow with ability (spread 1): false alarms of the gate by the references' line of gain on ability and
    by their median, and its power at 1.2."""
    line, median, power = 0, 0, 0
    for i in range(runs // 2):
        for head in (0.0, 1.2):
            design = Design(references=r, gain_sd=0.25, head=head, spread=1.0, slope=slope)
            made, ability = rank_panels.panel_and_ability(design, rng_of(9, i))
            one = rank.head_start(made, 0, range(1, r + 1), alpha=ALPHA, ability=ability)
            other = rank.head_start(made, 0, range(1, r + 1), alpha=ALPHA)
            said = [each.pvalue <= ALPHA and each.value >= POLICY.head_start_margin for each in (one, other)]
            if head:
                power += said[0]
            else:
                line, median = line + said[0], median + said[1]
    return (f"R {r}, slope {slope:g}", line, f"{median / (runs // 2):.2f}", f"{power / (runs // 2):.2f}")


def gate_1(r: int, n: int, sd: float, runs: int) -> Row:
    """Certified falls of an honest candidate, and of one with a head start of 1.2; median detectable fall, points."""
    fired, reach = [], []
    for head in (0.0, 1.2):
        count = 0
        for i in range(runs // 2):
            design = Design(references=r, items=n, gain_sd=sd, head=head, spread=0.3 if i % 2 else 1.0)
            found = rank.inversion(rank_panels.panel(design, rng_of(2, i)), 0, range(1, r + 1), alpha=ALPHA)
            count += found.pvalue <= ALPHA and found.fall.effect >= POLICY.inversion_margin
            reach.append(found.detectable)
        fired.append(count)
    return (f"R {r}, n {n}, sd {sd:g}", fired[0], f"{fired[1] / (runs // 2):.2f}", float(100 * np.median(reach)))


def placebo(head: float, runs: int) -> Row:
    """One prepared reference (1.2): power of the gate with and without leaving it out."""
    count = [0, 0, 0]
    design = Design(references=8, head=head, prepared=1.2)
    for i in range(runs // 2):
        made = rank_panels.panel(design, rng_of(3, i))
        found = rank.prepared_references(made, range(1, 9))
        kept = [j for j in range(1, 9) if j not in found]
        for place, references in ((0, list(range(1, 9))), (1, kept)):
            one = rank.head_start(made, 0, references, alpha=ALPHA)
            count[place] += one.pvalue <= ALPHA and one.value >= POLICY.head_start_margin
        count[2] += found == [1]
    shares = [f"{c / (runs // 2):.2f}" for c in count]
    return (f"{head:g}", *shares)


def delta(f: int, n: int, sd: float, paired: int, runs: int) -> Row:
    """False alarms of inflated performance at p alone, and its power at 10 and 20 points with the margin."""
    alarms = 0
    found = {0.1: 0, 0.2: 0}
    for i in range(runs // 2):
        for points in (0.0, *found):
            one = _inflation(f, n, sd, bool(paired), points, rng_of(4, i))
            if points == 0:
                alarms += one.pvalue <= ALPHA
            else:
                found[points] += one.pvalue <= ALPHA and one.delta >= POLICY.inflation_margin
    powers = [f"{count / (runs // 2):.2f}" for count in found.values()]
    return (f"F {f}, n {n}, sd {sd:g}, {'rephrased' if paired else 'new items'}", alarms, *powers)


def _inflation(f: int, n: int, sd: float, paired: bool, points: float, rng: np.random.Generator) -> inflation.Inflation:
    """chance 0, slope 1.2, ability and difficulty N(0, 1), reference items easier by .8; the last model is tested."""
    k = f + 1
    ability = rng.normal(0, 1, k)
    own = rng.normal(0, sd, (2, k))
    u_items, v_items = rng.normal(0, 1, n), rng.normal(0, 1, n)
    u_own, v_own = rng.normal(0, 0.8, (k, n)), rng.normal(0, 0.8, (k, n))
    if paired:
        v_items, v_own = u_items, u_own
    right = []
    for stage, items, affinity, easier in ((0, u_items, u_own, 0.0), (1, v_items, v_own, 0.8)):
        x = 1.2 * (ability[:, None] + own[stage][:, None] - items + affinity + easier)
        right.append(rng.random((k, n)) < 1 / (1 + np.exp(-x)))
    u, v = right
    if points:
        wrong = np.flatnonzero(~u[-1])
        u[-1, rng.permutation(wrong)[: round(points * n)]] = True
    variances = np.array([inflation.item_variances(a, b, paired=paired) for a, b in zip(u, v, strict=True)])
    names = [str(i) for i in range(k)]
    pair = inflation.pair_of(
        names,
        u.mean(axis=1).tolist(),
        v.mean(axis=1).tolist(),
        n=(n, n),
        chance=(0.0, 0.0),
        lineages=names,
        items=variances,
    )
    return inflation.inflation(replace(pair), k - 1, range(f), alpha=ALPHA)


def theta(lineages: int, own: float, runs: int) -> Row:
    """False alarms of newer against older models by permutation, and its power at theta .07; beside them those of an
    ordinary t after the same search for the take-off."""
    fired, ordinary, found = 0, 0, 0
    for i in range(runs // 4):
        for effect in (0.0, 0.07):
            x, y, new, names = rank_panels.newer(lineages, own, effect, rng_of(5, i))
            made = compute.group_effect(x, y, new, names, chance=0.0, rng=rng_of(6, i))
            if effect:
                found += made.pvalue <= ALPHA
            else:
                fired += made.pvalue <= ALPHA
                ordinary += 2 * student.sf(abs(made.theta / made.se), len(x) - 3) <= ALPHA
    n = runs // 4
    return (f"{lineages} lineages, sd {own:g}", fired, f"{ordinary / n:.2f}", f"{found / n:.2f}", NEWER[lineages])


def takeoff(k: int, span: float, noise: float, runs: int) -> Row:
    """How often a line is rejected where scores lie on one, and where they take off."""
    counts = []
    for hinge in (False, True):
        drawn = [rank_panels.rising(k, span, noise, hinge, rng_of(7, i)) for i in range(runs // 4)]
        made = [compute.emergence(x, y, chance=0.25, rng=rng_of(8, i)) for i, (x, y) in enumerate(drawn)]
        counts.append(sum(one.pvalue <= ALPHA for one in made))
    return (f"{k} sizes, span {span:g}, noise {noise:g}", counts[0], f"{counts[1] / (runs // 4):.2f}")


# --- organisms that were trained -------------------------------------------------------------------------------------


def organisms() -> Part:
    """What each gate says of the organisms whose answers ship, and of how many of the unprepared ones it says what."""
    bench, words = rank_organisms.shipped(), ("leak", "no-evidence", "inconclusive")
    rows, faults = [], []
    for gate in rank_organisms.GATES:
        said = {name: rank_organisms.judged(bench, gate, name).word for name in TRAINED_ROLES}
        faults += [
            f"{gate} says {word} of {name}"
            for name, word in said.items()
            if (word == "leak") != (rank_organisms.MUST.get((name, gate)) == "leak")
        ]
        clean = [rank_organisms.judged(bench, gate, name).word for name in rank_organisms.UNPREPARED]
        counts = [clean.count(word) for word in words]
        if counts[0] > rank_organisms.NAMED_AT_MOST:
            faults.append(f"{gate} names {counts[0]} of {len(clean)} unprepared organisms")
        rows.append((gate, *said.values(), " / ".join(map(str, counts))))
    return Part(
        "Organisms that were trained",
        "Small language models of one invented task, eight of them references: what a gate says of each of the others, "
        f"and of {len(rank_organisms.UNPREPARED)} that came unprepared ({' / '.join(words)}), at .05, from the answers "
        "that ship. `format` has practised the task on other items, `items` has read half of the test items, `big` is "
        "the largest.",
        ("gate", *TRAINED_ROLES, "unprepared"),
        tuple(rows),
        tuple(faults),
    )


# --- the page -------------------------------------------------------------------------------------------------------


def parts_of(done: dict[Callable[..., Row], list[Row]], runs: int) -> list[Part]:
    bounds = {n: calibration.bounds(n) for n in (runs, runs // 2, runs // 4)}
    band = {n: f"{n} runs a row; .05 ± its 99 % binomial band is {low} to {high}" for n, (low, high) in bounds.items()}
    # The design's own simulation fires up to .07 of 1,000 runs where honest gains spread widely: its t has few degrees.
    wide = round(0.07 * runs) + bounds[runs][1] - round(0.05 * runs)
    return [
        Part(
            "A head start",
            f"{band[runs]}. `sd` is that of honest gains. False alarms are those of the gate with its margin "
            f"{POLICY.head_start_margin}; `equal` is a test of equal gains, which is not the gate: it accuses honest "
            "models. Designed: equal / false alarms / power at .6 / at 1.2 / median detectable.",
            ("design", "false alarms", "equal", "power at .6", "power at 1.2", "detectable", "designed"),
            tuple(done[gate_2]),
            over(done[gate_2], (1,), wide, "head start"),
        ),
        Part(
            "A head start, compared by ability",
            f"{band[runs // 2]}. Honest gains have sd .25 and grow with ability by the slope; abilities spread by 1. "
            "The references' line of gain on ability, measured apart to .1, takes the place of their median.",
            ("design", "false alarms", "by the median", "power at 1.2"),
            tuple(done[by_ability]),
            over(done[by_ability], (1,), bounds[runs // 2][1], "head start by ability"),
        ),
        Part(
            "A lead that is lost",
            f"{band[runs // 2]}; abilities spread by .3 and 1.0 in turn. With unequal honest gains a certified "
            "fall is a "
            "true one, so those rows have no bound. Detectable in points.",
            ("design", "falls of an honest candidate", "power at 1.2", "detectable"),
            tuple(done[gate_1]),
            over([row for row in done[gate_1] if row[0].endswith("sd 0")], (1,), bounds[runs // 2][1], "inversion"),
        ),
        Part(
            "One reference that came prepared",
            "Eight references, one of them with a head start of 1.2, equal gains. Power of the gate keeping it "
            "and leaving "
            "out those that the placebo finds; how often it finds that one alone.",
            ("head start", "keeping it", "leaving it out", "found, alone"),
            tuple(done[placebo]),
        ),
        Part(
            "Inflated performance",
            f"{band[runs // 2]}; false alarms by p alone, power with the margin {POLICY.inflation_margin}. `sd` "
            "is how far "
            "an honest model's ability on a benchmark lies from its ability.",
            ("design", "false alarms", "power at 10 points", "power at 20 points"),
            tuple(done[delta]),
            over(done[delta], (1,), round(0.075 * runs / 2) + bounds[runs // 2][1] - round(0.05 * runs / 2), "delta"),
        ),
        Part(
            "Newer against older models",
            f"{band[runs // 4]}. `sd` is that of a lineage's own effect. `ordinary` is a t test after the same search "
            "for the take-off, which takes the take-off as known and kin as independent. Shown, not gated. "
            "Designed: power with lineage effects.",
            ("design", "false alarms", "ordinary", "power at .07", "designed"),
            tuple(done[theta]),
            over(done[theta], (1,), bounds[runs // 4][1], "theta"),
        ),
        Part(
            "Emergence",
            f"{band[runs // 4]}. A line against a hinge with as many parameters; shown, not gated. The design has "
            "power .75 to .97 at 8 sizes and .92 or more at 12.",
            ("design", "false alarms", "power"),
            tuple(done[takeoff]),
            over(done[takeoff], (1,), bounds[runs // 4][1], "emergence"),
        ),
    ]


if __name__ == "__main__":
    sys.exit(main())
