"""Newer models beat older ones of equal compute before they were trained equally, and less so after. Shown, not gated.

theta, phi and psi of Dominguez-Olmedo et al., arXiv 2407.07890, sections 2 and 3: what the label says at equal compute,
what training on the task takes away of it, and what is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import NotTestable
from ..policy import RankStabilityPolicy
from ..records import Effect, Figure, Member, ModelInfo, Outcome, Table
from ..scores import ScoreBenchmark
from ..stats.compute import GroupEffect, group_effect, knots_of, mediation
from ..wording import figure
from .rank_stability_anchors import anchors
from .rank_stability_common import scored

CLAIM = "an advantage of newer models at equal compute"
NEW_SINCE = "2023-11"
LEAST_MODELS, LEAST_LINEAGES = 12, 4


@dataclass(frozen=True, slots=True)
class Known:
    """Models of which compute, release and lineage are stated. x: [n] log10 FLOP, before, after: [n] scores."""

    members: tuple[Member, ...]
    x: NDArray[np.float64]
    before: NDArray[np.float64]
    after: NDArray[np.float64] | None

    @property
    def lineages(self) -> list[str]:
        return [str(m.facts["lineage"]) for m in self.members]

    @property
    def new(self) -> NDArray[np.bool_]:
        return np.array([str(m.facts["released"]) >= NEW_SINCE for m in self.members])


def judge(
    bench: ScoreBenchmark,
    *,
    panel: Sequence[Member],
    info: ModelInfo,
    policy: RankStabilityPolicy,
    alpha: float,
    rng: np.random.Generator,
) -> Outcome:
    """theta before and after. Raises NotTestable with fewer than 12 models or 4 lineages a side that state what is
    needed, or where a lineage is newer and older at once."""
    del info, policy, alpha
    known = known_of(bench, panel)
    _enough(known, bench)
    given = (known.new, known.lineages)
    try:
        before = group_effect(known.x, known.before, *given, chance=bench.chance, rng=rng)
    except ValueError as mixed:
        raise NotTestable(f"{bench.id}: {mixed}") from mixed
    found = {"theta before": before}
    if known.after is not None:
        found["theta after"] = group_effect(known.x, known.after, *given, chance=bench.chance, rng=rng)
        knots = knots_of(known.x)
        found["psi"] = mediation(known.x, known.after, *given, knots=knots, rng=rng)
        found["phi"] = mediation(known.x, known.before - known.after, *given, knots=knots, rng=rng)
    return Outcome(
        finding=_finding(found, bench, known),
        n=len(known.members),
        statistic_name="t",
        statistic=before.theta / before.se,
        pvalue=before.pvalue,
        effects=tuple(Effect(name, e.theta, e.low, e.high, None, "share of items") for name, e in found.items()),
        gated=False,
        claim=CLAIM,
        notes=(f"newer: released {NEW_SINCE} or later; labels permuted over lineages",),
        tables=(_table(found), anchors("group_effect")),
        figures=(_figure(known, before),),
    )


def known_of(bench: ScoreBenchmark, panel: Sequence[Member]) -> Known:
    """The panel's models that have scores and state released, params, train_tokens and lineage."""
    stated = [m for m in panel if all(m.facts.get(k) for k in ("released", "params", "train_tokens", "lineage"))]
    rows = [(m, scored(bench, m.name, "before"), scored(bench, m.name, "after")) for m in stated]
    rows = [row for row in rows if row[1]]
    trained = bool(rows) and all(after for _, _, after in rows)
    return Known(
        tuple(m for m, _, _ in rows),
        np.array([np.log10(6.0 * m.facts["params"] * m.facts["train_tokens"]) for m, _, _ in rows]),
        np.array([next(iter(before.values())).accuracy for _, before, _ in rows]),
        np.array([np.mean([s.accuracy for s in after.values()]) for _, _, after in rows]) if trained else None,
    )


def _enough(known: Known, bench: ScoreBenchmark) -> None:
    sides = [len({name for name, new in zip(known.lineages, known.new, strict=True) if new == side}) for side in (0, 1)]
    if len(known.members) < LEAST_MODELS or min(sides) < LEAST_LINEAGES:
        raise NotTestable(
            f"{len(known.members)} models on {bench.id} state released, params, train_tokens and lineage, of "
            f"{sides[0]} older and {sides[1]} newer lineages; {LEAST_MODELS} models and {LEAST_LINEAGES} lineages a "
            "side are needed"
        )


def _finding(found: dict[str, GroupEffect], bench: ScoreBenchmark, known: Known) -> str:
    before = found["theta before"]
    said = (
        f"has {known.new.sum()} newer models that score {figure(before.theta)} above older ones of equal compute on "
        f"{bench.id}"
    )
    if "theta after" in found:
        said += f" before equal training and {figure(found['theta after'].theta)} after it"
    return said


def _table(found: dict[str, GroupEffect]) -> Table:
    columns = ("effect", "value", "low", "high", "p", "take-off, log10 FLOP", "permutations")
    rows = tuple((name, e.theta, e.low, e.high, e.pvalue, e.takeoff, e.permutations) for name, e in found.items())
    return Table("newer against older models", columns, rows)


def _figure(known: Known, before: GroupEffect) -> Figure:
    new = known.new
    sides = {"older": ~new, "newer": new}
    content = {
        "groups": {
            name: [[float(v) for v in known.x[side]], [float(v) for v in known.before[side]]]
            for name, side in sides.items()
        },
        "caption": f"At equal compute newer models score {figure(before.theta)} more, before equal training.",
    }
    return Figure("scatter", "Score against pre-training compute", "log10 FLOP", "score before", content)
