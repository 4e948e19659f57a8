"""How far the order before equal training agrees with the order after it. Shown, never gated: tau alone accuses panels
in which nothing happened."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import NotTestable
from ..policy import RankStabilityPolicy
from ..records import Effect, Figure, Member, ModelInfo, Outcome, Table
from ..scores import ScoreBenchmark
from ..stats.order import Agreement, agreement
from ..stats.stages import Stages
from ..wording import figure
from .rank_stability_anchors import anchors
from .rank_stability_common import scored, stages_of

CLAIM = "an order that equal training changes"
LEAST = 3


def judge(
    bench: ScoreBenchmark,
    *,
    panel: Sequence[Member],
    info: ModelInfo,
    policy: RankStabilityPolicy,
    alpha: float,
    rng: np.random.Generator,
) -> Outcome:
    """tau-b of the panel beside its noise ceiling. Raises NotTestable with fewer than 3 models that have both stages,
    or where all of them score the same."""
    del info, policy, alpha
    members = [m for m in panel if all(scored(bench, m.name, stage) for stage in ("before", "after"))]
    if len(members) < LEAST:
        raise NotTestable(
            f"{len(members)} models have scores on {bench.id} before and after training, {LEAST} are needed"
        )
    made = stages_of(bench, members)
    try:
        found = agreement(made, rng=rng)
    except ValueError as constant:
        raise NotTestable(f"{bench.id}: {constant}") from constant
    return Outcome(
        finding=_finding(found, bench, len(members)),
        n=made.n,
        statistic_name="tau-b",
        statistic=found.tau,
        pvalue=None,
        effects=(Effect("tau-b", found.tau),),
        gated=False,
        claim=CLAIM,
        notes=(
            f"where one order holds for both stages tau lies in {figure(found.band[0])} to {figure(found.band[1])}",
        ),
        tables=(_table(made, found), _falls(found), anchors("order_agreement")),
        figures=(_bumps(made, found),),
    )


def _finding(found: Agreement, bench: ScoreBenchmark, k: int) -> str:
    ceilings = " and ".join(map(figure, found.ceilings))
    return (
        f"of {k} models agrees before and after equal training on {bench.id} with tau {figure(found.tau)}, where noise "
        f"alone allows {ceilings}; {len(found.falls)} falls are certified"
    )


def _ranks(scores: np.ndarray) -> np.ndarray:
    """1 for the best; equal scores share the mean of their ranks."""
    better = (scores[None] > scores[:, None]).sum(axis=1)
    equal = (scores[None] == scores[:, None]).sum(axis=1)
    return np.asarray(better + (equal + 1) / 2)


def _places(scores: np.ndarray) -> list[float]:
    """As the ranks, with equal scores one below the other: a picture has no room for two names in one place."""
    places = np.empty(len(scores))
    places[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return [float(place) for place in places]


def _table(made: Stages, found: Agreement) -> Table:
    before, after = _ranks(made.before), _ranks(made.trained)
    rows = tuple(
        (name, float(before[k]), *map(int, found.before[k]), float(after[k]), *map(int, found.after[k]))
        for k, name in enumerate(made.models)
    )
    return Table("ranks", ("model", "before", "from", "to", "after", "from ", "to "), rows)


def _falls(found: Agreement) -> Table:
    rows = tuple((f.model, f.over, f.lead, f.trail, p) for f, p in found.falls)
    return Table("certified falls", ("model", "below", "lead before", "trail after", "adjusted p"), rows)


def _bumps(made: Stages, found: Agreement) -> Figure:
    fallen = {f.model for f, _ in found.falls}
    content = {
        "labels": list(made.models),
        "before": _places(made.before),
        "after": _places(made.trained),
        "before_range": [[int(low), int(high)] for low, high in found.before],
        "after_range": [[int(low), int(high)] for low, high in found.after],
        "bold": [name in fallen for name in made.models],
        "caption": f"tau {figure(found.tau)}; bold: a certified fall; grey bars: ranks that noise allows.",
    }
    return Figure("bump", "Ranks before and after equal training", "", "rank", content)
