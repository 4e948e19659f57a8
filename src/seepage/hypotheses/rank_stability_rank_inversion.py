"""A candidate leads a reference before, and trails it after both were trained equally on the task (gate 1).

It carries no cause: honest models gain unequally too. Both sides must be certified, each against its own noise.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..policy import RankStabilityPolicy
from ..records import Detectable, Effect, Member, ModelInfo, Outcome, Table
from ..scores import ScoreBenchmark
from ..stats.rank import Inversion, inversion
from .rank_stability_common import measured, member, points, uncertain

CLAIM = "a lead that is lost under equal training"


def judge(
    bench: ScoreBenchmark,
    *,
    panel: Sequence[Member],
    model: str,
    info: ModelInfo,
    policy: RankStabilityPolicy,
    alpha: float,
    rng: object = None,
) -> Outcome:
    """The surest fall below a reference. Raises NotTestable and Broken as `rank_stability_common.measured` does."""
    del info, rng
    found = measured(bench, panel, member(panel, model), policy=policy, by_logits=False)
    made = inversion(found.stages, found.at, found.references, alpha=alpha)
    fall = made.fall
    effect = Effect("fall", fall.effect, made.low, made.high, policy.inversion_margin, "share of items")
    return Outcome(
        finding=_finding(made, bench),
        n=found.stages.n,
        statistic_name="z, the smaller of the two sides",
        statistic=min(fall.z_lead, fall.z_trail),
        pvalue=made.pvalue,
        effects=(effect,),
        detectable=(Detectable("fall", made.detectable, policy.inversion_mde_max, "share of items"),),
        claim=CLAIM,
        inconclusive=uncertain(effect, made.pvalue, alpha=alpha),
        notes=found.notes,
        tables=(_table(made),),
    )


def _finding(made: Inversion, bench: ScoreBenchmark) -> str:
    fall = made.fall
    if fall.effect > 0:
        return (
            f"leads {fall.over} on {bench.id} by {points(fall.lead)} before and trails it by {points(fall.trail)} "
            "after "
            "both were trained equally; this says nothing about the cause"
        )
    return f"leads none of {len(made.falls)} references on {bench.id} before equal training that lead it afterwards"


def _table(made: Inversion) -> Table:
    columns = ("reference", "lead before", "trail after", "z before", "z after", "p")
    rows = tuple((f.over, f.lead, f.trail, f.z_lead, f.z_trail, f.pvalue) for f in made.falls)
    return Table("candidate against each reference", columns, rows)
