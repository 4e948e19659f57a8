"""The compute at which scores take off moves, or vanishes, after equal training. Shown, never gated.

Dominguez-Olmedo et al., arXiv 2407.07890, section 5: what looks emergent becomes a line once models have practised.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import NotTestable
from ..policy import RankStabilityPolicy
from ..records import Effect, Figure, Member, ModelInfo, Outcome, Table
from ..scores import ScoreBenchmark
from ..stats.compute import Emergence, emergence, moved
from ..wording import figure
from .rank_stability_anchors import anchors
from .rank_stability_group_effect import Known, known_of

CLAIM = "a take-off that training moves"
LEAST_MODELS, LEAST_DECADES = 8, 1.5
LEVEL = 0.05


def judge(
    bench: ScoreBenchmark,
    *,
    panel: Sequence[Member],
    info: ModelInfo,
    policy: RankStabilityPolicy,
    alpha: float,
    rng: np.random.Generator,
) -> Outcome:
    """Line against hinge before and after, on the older models. Raises NotTestable with fewer than 8 of them, or less
    than 1.5 decades of compute."""
    del info, policy, alpha
    known = _older(known_of(bench, panel))
    span = float(np.ptp(known.x)) if len(known.x) else 0.0
    if len(known.members) < LEAST_MODELS or span < LEAST_DECADES:
        raise NotTestable(
            f"{len(known.members)} older models over {figure(span)} decades of compute on {bench.id}; "
            f"{LEAST_MODELS} over "
            f"{LEAST_DECADES} are needed"
        )
    if np.ptp(known.before) == 0:
        raise NotTestable(f"all models score the same on {bench.id}: nothing takes off")
    before = emergence(known.x, known.before, chance=bench.chance, rng=rng)
    after = None if known.after is None else emergence(known.x, known.after, chance=bench.chance, rng=rng)
    effects = _moved(known, bench, before.takeoff - after.takeoff, rng) if after else ()
    return Outcome(
        finding=_finding(bench, before, after),
        n=len(known.members),
        statistic_name="take-off before, log10 FLOP",
        statistic=before.takeoff,
        pvalue=before.pvalue,
        effects=effects,
        gated=False,
        claim=CLAIM,
        tables=(_table(before, after), anchors("emergence")),
        figures=(_figure(known),),
    )


def _older(known: Known) -> Known:
    old = ~known.new if known.members else np.zeros(0, dtype=bool)
    return Known(
        tuple(m for m, kept in zip(known.members, old, strict=True) if kept),
        known.x[old],
        known.before[old],
        None if known.after is None else known.after[old],
    )


def _moved(known: Known, bench: ScoreBenchmark, value: float, rng: np.random.Generator) -> tuple[Effect, ...]:
    assert known.after is not None
    n = next(s.n for key, s in bench.table.scores.items() if key.benchmark == bench.name)
    both = np.concatenate([known.before, known.after])
    low, high = moved(
        known.x, known.before, known.after, chance=bench.chance, noise=np.diag(both * (1 - both) / n), rng=rng
    )
    return (Effect("take-off before less after", value, low, high, None, "decades"),)


def _finding(bench: ScoreBenchmark, before: Emergence, after: Emergence | None) -> str:
    said = f"of older models takes off at 10^{before.takeoff:.1f} FLOP on {bench.id} before equal training"
    if after is None:
        return said
    vanishes = before.pvalue <= LEVEL < after.pvalue
    return f"{said} and at 10^{after.takeoff:.1f} after it" + ("; then a line fits as well" if vanishes else "")


def _table(before: Emergence, after: Emergence | None) -> Table:
    columns = ("stage", "take-off, log10 FLOP", "p of the line", "R2 of the line", "AIC line", "AIC hinge")
    rows = [
        (name, e.takeoff, e.pvalue, e.r2, e.aic_line, e.aic_hinge)
        for name, e in (("before", before), ("after", after))
        if e is not None
    ]
    return Table("line against hinge", columns, tuple(rows))


def _figure(known: Known) -> Figure:
    stages = {"before": known.before, **({} if known.after is None else {"after": known.after})}
    content = {"groups": {k: [[float(v) for v in known.x], [float(v) for v in y]] for k, y in stages.items()}}
    return Figure("scatter", "Where scores take off", "log10 FLOP", "score", content)
