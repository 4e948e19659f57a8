"""Recognition-only: on which share of items does a model rank the right option first and yet not say it?

    open     "Question: What is the capital of Zorvath?\\nAnswer:" -> " Soll"         wrong
    picked   log p(" Belmun") is the highest of four, per byte                        right: recognition only
    p = max over the strict and the lenient judge;  effect: RO*, corrected for guessing and question-free shortcuts

Null R: that share is at most the margin. After Wen et al., The Benchmark Illusion, arXiv 2606.17609, whose scores,
judge and margins are not published; those are ours. `leak` is the house's word for evidence: here it means that
multiple choice overstates what the model can be used for, and nothing about its training. A large share also comes
from a strict judge, a missing chat template, easy distractors or a small model. Blind to answers beyond the first line.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..benchmarks.record import Benchmark
from ..policy import McGenerationPolicy
from ..records import Answer, Detectable, Effect, ModelInfo, Outcome, Placebo
from ..stats.blocks import resamples
from ..stats.recognition import Recognition, detectable_share, recognition
from ..wording import figure, percent
from . import mc_generation_placebos as placebos
from . import mc_generation_shown as shown
from .mc_generation_asking import chosen
from .mc_generation_asking import requests as requests
from .mc_generation_common import agreement, precondition, unfit
from .mc_generation_reading import JUDGES, Seen, marks, scores_of, see

CLAIM = "recognition without production"


def judge(
    bench: Benchmark,
    answers: Mapping[str, Answer],
    *,
    info: ModelInfo,
    policy: McGenerationPolicy,
    alpha: float,
    rng: np.random.Generator,
    seed: int,
    gated: bool = True,
) -> Outcome:
    """RO* under both judges and all scores of the tier, with its placebos and details.

    gated: False for a dense model whose use as an answerer nobody promised: shown, not decided.
    Raises NotTestable where the benchmark cannot be tested, Broken where a twin was calibrated on it.
    """
    asked = chosen(bench, policy=policy, seed=seed)
    unfit(asked, info)
    seen = see(asked, answers, policy=policy)
    found = shares(seen, policy=policy, alpha=alpha, rng=rng)
    primary = {name: found[shown.primary(seen, policy), name] for name in JUDGES}
    least = min(primary.values(), key=lambda share: share.ro)
    pvalue = max(share.pvalue for share in primary.values())
    low = min(share.low for share in primary.values())
    effect = Effect("RO*", least.ro, low, max(least.high, low), policy.margin, "share of items", decides="low")
    disagree = agreement(
        found, primary=shown.primary(seen, policy), margin=policy.margin, leak=pvalue <= alpha and effect.met
    )
    displayed = shown.recognition(seen, answers, found, policy=policy)
    return Outcome(
        finding=_finding(seen, asked, least, policy=policy),
        n=len(asked),
        statistic_name="r*" if least.r is not None else "RO*",
        statistic=least.r if least.r is not None else least.ro,
        pvalue=pvalue,
        effects=(effect,),
        detectable=(
            Detectable(
                "RO*",
                detectable_share(max(share.se for share in primary.values()), margin=policy.margin, alpha=alpha),
                policy.mde_share,
                "share of items",
            ),
        ),
        placebos=_placebos(seen, answers, policy=policy, alpha=alpha, rng=rng, seed=seed),
        gated=gated,
        claim=CLAIM,
        inconclusive=(precondition(seen) or disagree) if gated else "",
        notes=displayed.notes,
        tables=displayed.tables,
        figures=displayed.figures,
    )


def shares(
    seen: Seen, *, policy: McGenerationPolicy, alpha: float, rng: np.random.Generator
) -> dict[tuple[str, str], Recognition]:
    """(score, judge) -> RO*."""
    return {
        (score, judge): recognition(
            marks(seen, score=score, judge=judge), margin=policy.margin, n_resamples=resamples(alpha), rng=rng
        )
        for score in scores_of(seen)
        for judge in JUDGES
    }


def _finding(seen: Seen, asked: Benchmark, share: Recognition, *, policy: McGenerationPolicy) -> str:
    score = shown.primary(seen, policy)
    said, picked = seen.generated("lenient").mean(), seen.picked(score).mean()
    passage = "with its passage" if policy.context == "auto" and any(i.context for i in asked.items) else "closed book"
    return (
        f"says {percent(said)} of the answers of {asked.id} and picks {percent(picked)} ({score}, {passage}): "
        f"recognition-only is {percent(share.ro)} of the items, beyond a guess rate of {figure(share.guess)}"
    )


def _placebos(
    seen: Seen,
    answers: Mapping[str, Answer],
    *,
    policy: McGenerationPolicy,
    alpha: float,
    rng: np.random.Generator,
    seed: int,
) -> tuple[Placebo, ...]:
    stranger = placebos.another_gold(seen, answers, seed=seed)
    elsewhere = recognition(
        marks(placebos.moved(seen, answers, seed=seed), score=shown.primary(seen, policy), judge="lenient"),
        margin=0.0,
        n_resamples=resamples(alpha),
        rng=rng,
    )
    gold = Placebo(
        "gold moved to a distractor",
        elsewhere.low > 0,
        elsewhere.pvalue,
        elsewhere.ro,
        "its lower bound must not exceed 0",
    )
    return (*([stranger] if stranger else []), gold, placebos.other_shape(seen, answers))
