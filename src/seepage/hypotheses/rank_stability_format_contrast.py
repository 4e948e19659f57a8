"""A model's multiple-choice score exceeds its cloze score by more than the references' do: it knows the letters.

Shown, never gated. Dominguez-Olmedo et al., arXiv 2407.07890, section 4: the advantage of newer models is larger in
multiple choice than in the cloze form of the same items.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import NotTestable
from ..policy import RankStabilityPolicy
from ..records import Detectable, Effect, Member, ModelInfo, Outcome
from ..scores import ScoreBenchmark, Scores
from ..stats import stages
from ..stats.rank import format_contrast
from ..stats.stages import Stages
from ..wording import figure
from .rank_stability_common import member, one_before, references_of, same, scored

CLAIM = "practice in the answer format"


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
    """D_fmt of the model. Raises NotTestable where a form is missing or fewer than the policy's references have
    both."""
    del info, rng
    candidate = member(panel, model)
    both = [m for m in (candidate, *references_of(panel, candidate)) if _has_both(bench, m)]
    if candidate not in both:
        raise NotTestable(f"{model} has no scores on {bench.id} in both forms, mc and cloze")
    if len(both) - 1 < policy.min_references:
        raise NotTestable(f"{len(both) - 1} references have both forms, {policy.min_references} are needed")
    made = format_contrast(forms_of(bench, both), 0, range(1, len(both)), alpha=alpha)
    return Outcome(
        finding=f"scores {_beside(made.gain)} its cloze score on {bench.id} in multiple choice, as a share of what is "
        f"above chance, its {len(both) - 1} references {_beside(made.median)} theirs",
        n=one_before(bench, candidate, "mc").n,
        statistic_name="T",
        statistic=made.t,
        pvalue=made.pvalue,
        effects=(Effect("format contrast", made.value, made.low, made.high, None, "share above chance"),),
        detectable=(Detectable("format contrast", made.detectable, None, "share above chance"),),
        gated=False,
        claim=CLAIM,
    )


def _beside(contrast: float) -> str:
    return f"{figure(abs(contrast))} {'below' if contrast < 0 else 'above'}"


def _has_both(bench: ScoreBenchmark, model: Member) -> bool:
    return all(scored(bench, model.name, "before", form) for form in ("mc", "cloze"))


def forms_of(bench: ScoreBenchmark, members: Sequence[Member]) -> Stages:
    """Cloze scores as `before`, multiple choice as `after`."""
    rows: list[list[Scores]] = [[one_before(bench, m, form) for form in ("cloze", "mc")] for m in members]
    names = [m.id for m in members]
    same(rows, names, bench)
    if any(scores.correct is None for row in rows for scores in row):
        cloze, mc = (np.array([row[i].accuracy for row in rows]) for i in (0, 1))
        return stages.from_accuracies(names, cloze, mc[:, None], n=rows[0][0].n, chance=bench.chance)
    cloze, mc = (np.stack([row[i].correct for row in rows]) for i in (0, 1))  # type: ignore[misc]
    return stages.from_items(names, cloze, mc[..., None], chance=bench.chance, clusters=rows[0][0].clusters)
