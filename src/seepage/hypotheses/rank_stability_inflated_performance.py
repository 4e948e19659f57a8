"""A model scores higher on a benchmark than its score on a reference benchmark predicts.

Nothing is trained. The references answer both; the prediction allows for how far honest models lie from their own line.
After Dekoninck, Mueller and Vechev, ConStat, arXiv 2405.16281.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import Broken, NotTestable
from ..policy import RankStabilityPolicy
from ..records import Detectable, Effect, Figure, Member, ModelInfo, Outcome, Table
from ..scores import Key, ScoreBenchmark, Scores, chance_beside, same_items
from ..stats.inflation import Inflation, Pair, inflation, item_variances, pair_of, predicted, references_of
from ..stats.line import BEYOND
from ..stats.stages import logit, near_an_end
from ..wording import figure
from .rank_stability_anchors import anchors
from .rank_stability_common import member, points, uncertain

CLAIM = "inflated performance"
WORDS = {"rephrased": "reworded items", "synthetic": "new items", "same_task": "another benchmark of the task"}
UNGATED = ("same_task",)  # the reference may leak too, and mixes formats


def judge(
    bench: ScoreBenchmark,
    *,
    kind: str,
    panel: Sequence[Member],
    model: str,
    info: ModelInfo,
    policy: RankStabilityPolicy,
    alpha: float,
    rng: object = None,
) -> Outcome:
    """delta of the model. Raises NotTestable without the reference benchmark, with too few lineages or items, off the
    scale, or outside the references' range; Broken where one model was scored on other items than the rest."""
    del info, rng
    name = bench.kinds.get(kind, "")
    if not name:
        raise NotTestable(f"{bench.id} states no {kind} benchmark; add {kind}=NAME to its spec")
    subject = member(panel, model)
    others = [m for m in panel if m.role == "reference" and m.id != model]
    pair, notes = pair_from(bench, name, [subject, *others], paired=kind == "rephrased")
    if pair.models[:1] != (model,):
        raise NotTestable(f"{model} has no scores on {bench.name} and {name}, or on one of them")
    _checked(pair, policy, bench, name)
    usable = [j for j in references_of(pair, 0, range(len(pair.models))) if not _off(pair, j)]
    lineages = {pair.lineages[j] for j in usable}
    if len(lineages) < policy.min_lineages:
        raise NotTestable(f"{len(lineages)} lineages of references can be measured, {policy.min_lineages} are needed")
    made = inflation(pair, 0, usable, alpha=alpha)
    _predictable(made, model)
    effect = Effect("delta", made.delta, made.low, made.high, policy.inflation_margin, "share of items")
    return Outcome(
        finding=_finding(made, bench, kind, len(usable)),
        n=pair.n_u,
        statistic_name="T",
        statistic=made.t,
        pvalue=made.pvalue,
        effects=(effect,),
        detectable=(Detectable("delta", made.detectable, policy.inflation_mde_max, "share of items"),),
        gated=kind not in UNGATED,
        claim=CLAIM,
        inconclusive=uncertain(effect, made.pvalue, alpha=alpha),
        notes=notes,
        tables=(_table(pair, made, usable), anchors("inflated_performance")),
        figures=(_figure(pair, made, usable, name),),
    )


def pair_from(
    bench: ScoreBenchmark, name: str, members: Sequence[Member], *, paired: bool
) -> tuple[Pair, tuple[str, ...]]:
    """Scores of the models that have both benchmarks, before training; and who was left out."""
    rows: list[tuple[Member, Scores, Scores]] = []
    notes = []
    for m in members:
        u, v = (bench.table.scores.get(Key(b, m.name, "before", "", 0)) for b in (bench.name, name))
        if u is None and v is None:
            continue
        if u is None or v is None:
            notes.append(f"left out: {m.id}, no scores on {bench.name if u is None else name}")
        else:
            rows.append((m, u, v))
    if not rows:
        raise NotTestable(f"no model has scores on both {bench.name} and {name}")
    for m, u, v in rows:
        for scores, first, where in ((u, rows[0][1], bench.name), (v, rows[0][2], name)):
            if not same_items(scores, first):
                raise Broken(f"{m.id} was scored on other items of {where} than {rows[0][0].id}")
    _, first_u, first_v = rows[0]
    made = pair_of(
        [m.id for m, _, _ in rows],
        [u.accuracy for _, u, _ in rows],
        [v.accuracy for _, _, v in rows],
        n=(first_u.n, first_v.n),
        chance=(bench.chance, chance_beside(bench, name)),
        lineages=[str(m.facts.get("lineage", m.id)) for m, _, _ in rows],
        items=_variances(rows, paired=paired),
    )
    return made, tuple(notes)


def _variances(rows: Sequence[tuple[Member, Scores, Scores]], *, paired: bool) -> np.ndarray | None:
    """(var u, var v, cov) of every model, None where items are not known. Paired only where the items are the same."""
    if any(s.correct is None for _, u, v in rows for s in (u, v)):
        return None
    found = []
    for _, u, v in rows:
        both = paired and same_items(u, v)
        assert u.correct is not None
        assert v.correct is not None
        found.append(item_variances(u.correct, v.correct, paired=both, clusters=(u.clusters, v.clusters)))
    return np.array(found)


def _checked(pair: Pair, policy: RankStabilityPolicy, bench: ScoreBenchmark, name: str) -> None:
    least = min(policy.items_min, 500)
    for n, which in ((pair.n_u, bench.id), (pair.n_v, name)):
        if n < least:
            raise NotTestable(f"{which} has {n} items, {least} are needed")
    if why := _off(pair, 0):
        raise NotTestable(f"{pair.models[0]} {why}: its distance in logits says nothing there")


def _off(pair: Pair, at: int) -> str:
    """Why a model lies off the scale of one of the two benchmarks, or ""."""
    for value, chance, variance in (
        (pair.u[at], pair.chance_u, pair.items[at, 0]),
        (pair.v[at], pair.chance_v, pair.items[at, 1]),
    ):
        if end := near_an_end(float(value), float(variance), chance=chance):
            return f"scores {value:.3f}, too near to {end}"
    return ""


def _predictable(made: Inflation, model: str) -> None:
    if made.b <= 0:
        raise NotTestable(f"references that score more on one benchmark do not on the other (slope {figure(made.b)})")
    if made.outside > BEYOND:
        raise NotTestable(
            f"{model} lies {figure(made.outside)} of the references' range outside it, at most {BEYOND:g} is predicted"
        )


def _finding(made: Inflation, bench: ScoreBenchmark, kind: str, r: int) -> str:
    more = "more" if made.delta >= 0 else "less"
    return (
        f"scores {points(abs(made.delta))} {more} on {bench.id} than its score on {WORDS[kind]} predicts, by "
        "the line of "
        f"{r} references"
    )


def _table(pair: Pair, made: Inflation, usable: Sequence[int]) -> Table:
    x = logit(pair.v, chance=pair.chance_v, n=pair.n_v)
    line = predicted(made, x, chance=pair.chance_u)
    rows = tuple(
        (pair.models[k], pair.lineages[k], float(pair.v[k]), float(pair.u[k]), float(line[k])) for k in (0, *usable)
    )
    return Table("scores and the line", ("model", "lineage", "reference benchmark", "benchmark", "predicted"), rows)


def _figure(pair: Pair, made: Inflation, usable: Sequence[int], name: str) -> Figure:
    content = {
        "groups": {
            "references": [[float(pair.v[j]) for j in usable], [float(pair.u[j]) for j in usable]],
            pair.models[0]: [[float(pair.v[0])], [float(pair.u[0])]],
        },
        "diagonal": True,
        "caption": f"The references' line predicts {made.expected:.3f} for {pair.models[0]}.",
    }
    return Figure("scatter", "Score against its prediction", f"score on {name}", "score", content)
