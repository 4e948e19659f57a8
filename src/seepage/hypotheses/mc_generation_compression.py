"""Compression illusion: did compressing a model cost it more answers than multiple choice can see?

    dense  says 61 %, picks 92 %        twin (wanda .4)  says 9 %, picks 83 %        on the same items
    p = max(p of the drop in answers said, p of I > 0), over both judges;  effects: I and the net drop, both must hold

I is the net drop of answers said less the drop of knowledge that multiple choice shows, corrected for guessing; without
the correction multiple choice falls only (K-1)/K as fast by construction. Null C: answers do not drop more than
guess-corrected multiple choice. After Wen et al., The Benchmark Illusion, arXiv 2606.17609; thresholds are ours. `leak`
is the house's word for evidence. Blind to what was lost beyond short answers: reasoning, long text, other languages.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..benchmarks.record import Benchmark
from ..errors import Broken
from ..policy import McGenerationPolicy
from ..records import Answer, Detectable, Effect, ModelInfo, Outcome, Placebo
from ..stats.blocks import resamples
from ..stats.compression import Interaction, Paired, cluster_flip, interaction, mcnemar
from ..stats.recognition import detectable_share
from ..wording import figure, percent
from . import mc_generation_placebos as placebos
from . import mc_generation_shown as shown
from .mc_generation_asking import chosen
from .mc_generation_asking import requests as requests
from .mc_generation_common import precondition, unfit
from .mc_generation_reading import JUDGES, Seen, marks, scores_of, see

CLAIM = "a compression illusion"
LEAST_SAID = 0.10  # of the answers of the dense model: below there is nothing to lose
FEW_APART = 1  # scores without I > 0


def judge(
    bench: Benchmark,
    answers: Mapping[str, Answer],
    *,
    dense: Mapping[str, Answer],
    dense_info: ModelInfo,
    info: ModelInfo,
    policy: McGenerationPolicy,
    alpha: float,
    rng: np.random.Generator,
    seed: int,
) -> Outcome:
    """The twin's answers beside the dense model's: drop, interaction, transition table.

    Raises NotTestable where the benchmark cannot be tested, Broken where the two were not asked alike or the twin was
    calibrated on the benchmark.
    """
    _alike(dense_info, info)
    asked = chosen(bench, policy=policy, seed=seed)
    unfit(asked, info)
    before, after = (see(asked, given, policy=policy) for given in (dense, answers))
    found = interactions(before, after, alpha=alpha, rng=rng)
    primary = shown.primary(after, policy)
    drops = {name: drop(before, after, judge=name) for name in JUDGES}
    pvalue = max(max(found[primary, name].pvalue, drops[name][0]) for name in JUDGES)
    least = min((found[primary, name] for name in JUDGES), key=lambda one: one.value)
    low = min(found[primary, name].low for name in JUDGES)
    net = min((found[primary, name] for name in JUDGES), key=lambda one: one.net_drop)
    se = max(found[primary, name].se for name in JUDGES)
    displayed = shown.compression(before, after, dense, answers, found, policy=policy)
    return Outcome(
        finding=_finding(before, after, asked, least, primary),
        n=len(asked),
        statistic_name="net drop, share of items",
        statistic=net.net_drop,
        pvalue=pvalue,
        effects=(
            Effect("I", least.value, low, max(least.high, low), 0.0, "share of items", decides="low"),
            Effect("net drop", net.net_drop, net.net_drop_low, net.net_drop_high, policy.net_drop, "share of items"),
        ),
        detectable=(Detectable("I", detectable_share(se, margin=0.0, alpha=alpha), policy.mde_drop, "share of items"),),
        placebos=_placebos(before, after, dense, answers, policy=policy, alpha=alpha, rng=rng, seed=seed),
        claim=CLAIM,
        require="all",
        inconclusive=_nothing_to_lose(before) or _unreadable(before) or _disagree(found, primary),
        notes=(*_drop_notes(drops), *displayed.notes),
        tables=displayed.tables,
        figures=displayed.figures,
    )


def interactions(
    dense: Seen, twin: Seen, *, alpha: float, rng: np.random.Generator
) -> dict[tuple[str, str], Interaction]:
    """(score, judge) -> I."""
    return {
        (score, judge): interaction(
            marks(dense, score=score, judge=judge),
            marks(twin, score=score, judge=judge),
            n_resamples=resamples(alpha),
            rng=rng,
        )
        for score in scores_of(twin)
        for judge in JUDGES
    }


def drop(dense: Seen, twin: Seen, *, judge: str) -> tuple[float, Paired]:
    """(p that decides, McNemar). Whole clusters change sign where a cluster holds several items."""
    before, after = dense.generated(judge), twin.generated(judge)
    return cluster_flip(before, after, twin.clusters), mcnemar(before, after)


# --- before it decides ----------------------------------------------------------------------------------------------


def _alike(dense: ModelInfo, twin: ModelInfo) -> None:
    """Raises Broken where the two models do not read the same tokens in the same template."""
    if dense.tokenizer != twin.tokenizer or dense.chat != twin.chat:
        raise Broken(
            f"{twin.spec} and its dense model {dense.spec} have different tokenizers or chat templates "
            f"({twin.tokenizer[:12] or 'unknown'} and {dense.tokenizer[:12] or 'unknown'}); a pair is compared only "
            "where both are the same."
        )


def _nothing_to_lose(dense: Seen) -> str:
    said = min(float(dense.generated(judge).mean()) for judge in JUDGES)
    if said >= LEAST_SAID:
        return ""
    return f"the dense model says {percent(said)} of the answers, under {percent(LEAST_SAID)}: there is nothing to lose"


def _unreadable(dense: Seen) -> str:
    """The dense model must answer in the form that is judged; a twin that no longer does has lost answers."""
    why = precondition(dense)
    return f"dense model: {why}" if why else ""


def _disagree(found: Mapping[tuple[str, str], Interaction], primary: str) -> str:
    """With a lower bound above 0 in the primary score, all scores but one must have I > 0."""
    if min(found[primary, judge].low for judge in JUDGES) <= 0:
        return ""
    names = list(dict.fromkeys(score for score, _ in found))
    under = [score for score in names if min(found[score, judge].value for judge in JUDGES) <= 0]
    return f"scores disagree: no interaction by {', '.join(under)}" if len(under) > FEW_APART else ""


# --- words and placebos ---------------------------------------------------------------------------------------------


def _finding(dense: Seen, twin: Seen, asked: Benchmark, least: Interaction, score: str) -> str:
    said = [percent(float(seen.generated("lenient").mean())) for seen in (dense, twin)]
    picked = [percent(float(seen.picked(score).mean())) for seen in (dense, twin)]
    return (
        f"says {said[1]} of the answers of {asked.id} where its dense model says {said[0]}, and picks {picked[1]} "
        f"where that picks {picked[0]} ({score}): answers fall by {percent(least.net_drop)} of the items, knowledge "
        f"seen by multiple choice by {percent(least.mc_drop)} (I {figure(least.value)})"
    )


def _drop_notes(drops: Mapping[str, tuple[float, Paired]]) -> tuple[str, ...]:
    return tuple(
        f"{judge} judge: {pair.lost} answers lost, {pair.gained} gained (McNemar, exact, one-sided p = "
        f"{figure(pair.pvalue)}; by whole clusters p = {figure(p)})"
        for judge, (p, pair) in drops.items()
    )


def _placebos(
    before: Seen,
    after: Seen,
    dense: Mapping[str, Answer],
    answers: Mapping[str, Answer],
    *,
    policy: McGenerationPolicy,
    alpha: float,
    rng: np.random.Generator,
    seed: int,
) -> tuple[Placebo, ...]:
    strangers = [placebos.another_gold(seen, given, seed=seed) for seen, given in ((before, dense), (after, answers))]
    score = shown.primary(after, policy)
    moved = [
        marks(placebos.moved(seen, given, seed=seed), score=score, judge="lenient")
        for seen, given in ((before, dense), (after, answers))
    ]
    elsewhere = interaction(moved[0], moved[1], n_resamples=resamples(alpha), rng=rng)
    fired = elsewhere.low > 0 and elsewhere.net_drop >= policy.net_drop
    gold = Placebo("gold moved to a distractor", fired, elsewhere.pvalue, elsewhere.value, "the whole rule, elsewhere")
    return (*filter(None, strangers), gold, placebos.other_shape(after, answers))
