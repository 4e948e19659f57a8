"""Equal training moves the candidate less than it moves the references: it came prepared (gate 2).

A low gain can also be saturation, forgetting, a poor learning rate, a mismatch of template or tokenizer, or the prior
of an instruction-tuned model. Coming prepared is no misconduct; a raw score then compares with prepared models only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..errors import NotTestable
from ..policy import RankStabilityPolicy
from ..records import Detectable, Effect, Figure, Member, ModelInfo, Outcome, Table
from ..scores import CLOZE, ScoreBenchmark, chance_beside
from ..stats.line import BEYOND
from ..stats.rank import (
    LEAST_FOR_A_LINE,
    EqualGains,
    HeadStart,
    equal_gains,
    head_start,
    prepared_references,
)
from ..stats.stages import Floats, gains, logit, without
from ..wording import figure
from .rank_stability_common import Measured, enough_references, measured, member, uncertain

CLAIM = "a head start"


def judge(
    bench: ScoreBenchmark,
    *,
    panel: Sequence[Member],
    model: str,
    info: ModelInfo,
    policy: RankStabilityPolicy,
    alpha: float,
    rng: np.random.Generator,
) -> Outcome:
    """D of the candidate. Raises NotTestable where training moves nothing or the panel is no yardstick, and as
    `rank_stability_common.measured` does."""
    del info
    found = _yardstick(measured(bench, panel, member(panel, model), policy=policy, by_logits=True), policy)
    ability, how = ability_of(bench, panel, found)
    made = head_start(found.stages, found.at, found.references, alpha=alpha, ability=ability)
    if made.outside > BEYOND:
        raise NotTestable(
            f"{model} lies {figure(made.outside)} of the references' range of ability outside it, at most {BEYOND:g} "
            "is predicted"
        )
    if made.median < policy.head_start_margin:
        raise NotTestable(
            f"equal training moves the median reference by {figure(made.median)} logits on {bench.id}, less than the "
            f"margin {figure(policy.head_start_margin)}: training moves nothing here"
        )
    effect = Effect("head start", made.value, made.low, made.high, policy.head_start_margin, "logits")
    equal = equal_gains(found.stages, [found.at, *found.references], alpha=alpha, rng=rng)
    limit = min(policy.head_start_mde_max, made.median)  # a head start can hardly exceed what training gives
    return Outcome(
        finding=_finding(made, bench, len(found.references)),
        n=found.stages.n,
        statistic_name="T",
        statistic=made.t,
        pvalue=made.pvalue,
        effects=(effect,),
        detectable=(Detectable("head start", made.detectable, limit, "logits"),),
        claim=CLAIM,
        inconclusive=uncertain(effect, made.pvalue, alpha=alpha),
        notes=(*found.notes, how, _equal_note(equal, found)),
        tables=(_table(found, equal),),
        figures=(_forest(found, made, policy),),
    )


def _yardstick(found: Measured, policy: RankStabilityPolicy) -> Measured:
    """The panel without a reference that itself had a head start over the others: the placebo of this test."""
    prepared = prepared_references(found.stages, found.references)
    names = [found.stages.models[j] for j in prepared]
    if len(prepared) > 1:
        raise NotTestable(
            f"{len(prepared)} references had a head start over the others ({', '.join(names)}): the panel is no "
            "yardstick"
        )
    if not prepared:
        return found
    kept = without(found.stages, prepared)
    notes = (*found.notes, f"left out: {names[0]}, which had a head start over the other references")
    found = replace(found, stages=kept, references=tuple(range(1, len(kept.models))), notes=notes)
    enough_references(found, policy)
    return found


def ability_of(bench: ScoreBenchmark, panel: Sequence[Member], found: Measured) -> tuple[Floats | None, str]:
    """([K] abilities, a note); None where gains are compared with their median."""
    if len(found.references) < LEAST_FOR_A_LINE:
        return None, f"compared with the references' median: a line on ability needs {LEAST_FOR_A_LINE} of them"
    if not bench.ability:
        return None, "compared with the references' median: the benchmark names no ability=NAME"
    cloze = bench.ability == CLOZE
    name, stage, form = (bench.name, "before", CLOZE) if cloze else (bench.ability, "after", "")
    found_scores = [bench.table.scored(name, member(panel, m).name, stage, form) for m in found.stages.models]
    if not all(found_scores):
        return None, f"compared with the references' median: not all of them have scores {stage} training on {name}"
    means = np.array([np.mean([s.accuracy for s in by_seed.values()]) for by_seed in found_scores])
    n = next(iter(found_scores[0].values())).n
    ability = logit(means, chance=chance_beside(bench, name), n=n)
    return ability, f"compared with the references' line of gain on ability, {name} {stage} training"


def _finding(made: HeadStart, bench: ScoreBenchmark, r: int) -> str:
    return (
        f"gained {figure(made.gain)} logits on {bench.id} from the training that moved its {r} references by "
        f"{figure(made.median)} (head start {figure(made.value)}); to come prepared is no misconduct, but a "
        "raw score then compares with prepared models only"
    )


def _equal_note(equal: EqualGains, found: Measured) -> str:
    beyond = [
        found.stages.models[k]
        for k, t in zip([found.at, *found.references], equal.t, strict=True)
        if t > equal.critical
    ]
    said = f"{', '.join(beyond)} gained less" if beyond else "no model gained less than the others"
    return f"by items and seeds alone (max-T, critical value {figure(equal.critical)}): {said}; not gated"


def _table(found: Measured, equal: EqualGains) -> Table:
    made = found.stages
    order = [found.at, *found.references]
    rows = tuple(
        (made.models[k], float(made.before[k]), float(made.trained[k]), float(g), float(t), *map(float, made.after[k]))
        for k, g, t in zip(order, gains(made)[order], equal.t, strict=True)
    )
    seeds = tuple(f"after, seed {s + 1}" for s in range(made.seeds))
    return Table(
        "scores before and after", ("model", "before", "after", "gain, logits", "T of equal gains", *seeds), rows
    )


def _forest(found: Measured, made: HeadStart, policy: RankStabilityPolicy) -> Figure:
    order = [found.at, *sorted(found.references, key=lambda j: -gains(found.stages)[j])]
    noise = 1.96 * made.noise
    values = [float(gains(found.stages)[k]) for k in order]
    half = made.value - made.low
    content = {
        "labels": [found.stages.models[k] for k in order],
        "values": values,
        "low": [v - noise for v in values],
        "high": [v + noise for v in values],
        "band": [made.median - half, made.median + half],
        "marks": {"median": made.median, "margin": made.median - policy.head_start_margin},
        "caption": "A gain left of the band is smaller than the references' spread lets one expect.",
    }
    return Figure("forest", "What equal training gave", "gain, logits above chance", "", content)
