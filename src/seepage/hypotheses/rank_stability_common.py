"""What the claims of rank_stability share: the panel's scores on one benchmark, and who of it can be a yardstick.

Nothing here says cheating, contaminated or dishonest: training on a benchmark's task is common and no misconduct; it
only makes raw scores incomparable (Dominguez-Olmedo, Dorner and Hardt, arXiv 2407.07890).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import Broken, NotTestable
from ..finetune import LATE, SMALL, Training
from ..policy import RankStabilityPolicy
from ..records import Effect, Member
from ..scores import ScoreBenchmark, Scores, same_items
from ..stats import stages
from ..stats.stages import Stages, off_scale, saturation, without
from ..wording import figure

NOWHERE = "at all"
UNKNOWN = "not known from a table of scores: whether each model had learned, and whether training had flattened"


@dataclass(frozen=True, slots=True)
class Measured:
    """The candidate beside the references that can be measured, on one benchmark. at: the candidate's place."""

    stages: Stages
    at: int
    references: tuple[int, ...]
    notes: tuple[str, ...] = ()


def measured(
    bench: ScoreBenchmark, panel: Sequence[Member], candidate: Member, *, policy: RankStabilityPolicy, by_logits: bool
) -> Measured:
    """Scores before and after training. by_logits: models near chance or the ceiling cannot be used.

    Raises NotTestable with too few items, seeds or references, or where the candidate lacks a stage or lies off the
    scale; Broken where the models were not asked the same items or not trained by the same recipe.
    """
    references = references_of(panel, candidate)
    members = [candidate, *references]
    lacking = {m.id: lack for m in members if (lack := _lack(bench, m))}
    trained_alike(bench, [m for m in members if m.id not in lacking])
    if candidate.id in lacking:
        raise NotTestable(f"{candidate.id} has no scores on {bench.id} {lacking[candidate.id]}")
    notes = [f"left out: {name}, no scores {lack}" for name, lack in lacking.items() if lack != NOWHERE]
    members = [m for m in members if m.id not in lacking]
    idle = [m.id for m in members if not had_learned(bench, m)]
    if candidate.id in idle:
        raise NotTestable(f"{candidate.id} was not equalized: training on {bench.id} hardly moved its validation loss")
    notes += [f"left out: {name}, which had not learned" for name in idle]
    members = [m for m in members if m.id not in idle]
    made = stages_of(bench, members)
    _enough(made, bench, policy)
    if by_logits:
        off = {at: why for at in range(len(members)) if (why := off_scale(made, at))}
        if 0 in off:
            raise NotTestable(f"{candidate.id} {off[0]} on {bench.id}: a gain in logits says nothing there")
        notes += [f"left out: {members[at].id}, {why}" for at, why in off.items()]
        made = without(made, list(off))
    found = Measured(made, 0, tuple(range(1, len(made.models))), (*notes, flattened(bench, made.models, members)))
    enough_references(found, policy)
    return found


def trained_alike(bench: ScoreBenchmark, members: Sequence[Member]) -> None:
    """Raises NotTestable where some had all their weights trained and others adapters: that is not equal."""
    methods = {m.id: t[0].method for m in members if (t := trainings_of(bench, m))}
    if len(set(methods.values())) > 1:
        small = [name for name, method in methods.items() if method == "full"]
        raise NotTestable(
            f"the panel stands on both sides of {SMALL // 10**6} M parameters: all weights of {', '.join(small)} were "
            "trained and adapters of the others"
        )


def trainings_of(bench: ScoreBenchmark, model: Member) -> tuple[Training, ...]:
    """What training gave a model, () where only its scores are known."""
    return bench.table.trainings.get((bench.name, model.name), ())


def had_learned(bench: ScoreBenchmark, model: Member) -> bool:
    """Whether every training moved its validation loss; yes where that is not known."""
    return all(training.learned for training in trainings_of(bench, model))


def flattened(bench: ScoreBenchmark, names: Sequence[str], members: Sequence[Member]) -> str:
    """A note that training had flattened, or that nobody knows. Raises NotTestable where it had not: a lead may then be
    one of speed."""
    made = [trainings_of(bench, m) for m in members if m.id in names]
    if not all(made):
        return UNKNOWN
    still = saturation([[(t.looks[1].right, t.looks[2].right) for t in of_model] for of_model in made])
    if not still.flat:
        raise NotTestable(
            f"training on {bench.id} had not flattened: from {LATE:.0%} of the steps to the end the validation "
            f"accuracy still rose by {points(still.rise)} (t {figure(still.t)}); state more steps in the policy"
        )
    return f"training had flattened: its last quarter moved the validation accuracy by {points(still.rise)}"


def references_of(panel: Sequence[Member], candidate: Member) -> list[Member]:
    """The members that the candidate is measured by."""
    return [m for m in panel if m.role == "reference" and m.id != candidate.id]


def enough_references(found: Measured, policy: RankStabilityPolicy) -> None:
    if len(found.references) < policy.min_references:
        why = f" ({'; '.join(found.notes)})" if found.notes else ""
        raise NotTestable(
            f"{len(found.references)} references can be measured, {policy.min_references} are needed{why}. "
            "State role = reference for more models."
        )


def uncertain(effect: Effect, pvalue: float, *, alpha: float) -> str:
    """Why an effect above its margin decides nothing, or "": its p is not small enough to call it absent either."""
    return f"a {effect.name} above the margin is suggested and not certified" if effect.met and pvalue > alpha else ""


def member(panel: Sequence[Member], name: str) -> Member:
    return next(m for m in panel if m.id == name)


def _enough(made: Stages, bench: ScoreBenchmark, policy: RankStabilityPolicy) -> None:
    if made.n < policy.items_min:
        raise NotTestable(f"{bench.id} has {made.n} items, {policy.items_min} are needed")
    if made.seeds < policy.min_seeds:
        raise NotTestable(
            f"{made.seeds} training {'seed' if made.seeds == 1 else 'seeds'} on {bench.id}, {policy.min_seeds} are "
            "needed: without a second one the luck of a training cannot be told from its gain"
        )


# --- from the table -------------------------------------------------------------------------------------------------


def scored(bench: ScoreBenchmark, name: str, stage: str, form: str = "") -> dict[int, Scores]:
    """Seed -> scores of a model at a stage."""
    return bench.table.scored(bench.name, name, stage, form)


def _lack(bench: ScoreBenchmark, model: Member) -> str:
    """ "before training", "after training" or NOWHERE, "" where both stages are there."""
    missing = [stage for stage in ("before", "after") if not scored(bench, model.name, stage)]
    if why := bench.table.lacks.get((bench.name, model.name)):
        return f"after training ({why})"
    return NOWHERE if len(missing) == 2 else "".join(f"{stage} training" for stage in missing)


def stages_of(bench: ScoreBenchmark, members: Sequence[Member]) -> Stages:
    """Both stages of models that have them. Raises Broken where items, recipes or seeds differ between them."""
    before = [one_before(bench, m) for m in members]
    after = [scored(bench, m.name, "after") for m in members]
    seeds = sorted(after[0])
    for m, found in zip(members, after, strict=True):
        if sorted(found) != seeds:
            raise Broken(
                f"{m.id} was trained with the seeds {_listed(sorted(found))} and {members[0].id} with {_listed(seeds)}"
                f" on {bench.id}; equal training means the same seeds for all"
            )
    every = [[first, *(found[seed] for seed in seeds)] for first, found in zip(before, after, strict=True)]
    names = [m.id for m in members]
    same(every, names, bench)
    right = [[scores.correct for scores in row if scores.correct is not None] for row in every]
    if any(len(known) < len(row) for known, row in zip(right, every, strict=True)):
        return stages.from_accuracies(
            names,
            np.array([row[0].accuracy for row in every]),
            np.array([[s.accuracy for s in row[1:]] for row in every]),
            n=before[0].n,
            chance=bench.chance,
        )
    return stages.from_items(
        names,
        np.stack([known[0] for known in right]),
        np.stack([np.stack(known[1:], axis=-1) for known in right]),
        chance=bench.chance,
        clusters=before[0].clusters,
    )


def one_before(bench: ScoreBenchmark, model: Member, form: str = "") -> Scores:
    """Scores before training: there is one set of them. Raises Broken where there are more."""
    found = scored(bench, model.name, "before", form)
    if len(found) != 1:
        raise Broken(f"{model.id} has {len(found)} sets of scores on {bench.id} before training; there can be one")
    return next(iter(found.values()))


def same(every: Sequence[Sequence[Scores]], names: Sequence[str], bench: ScoreBenchmark) -> None:
    """Raises Broken where a model was asked other items than the first, or trained by another recipe."""
    first = every[0][0]
    recipe = every[0][-1].recipe
    for name, row in zip(names, every, strict=True):
        for scores in row:
            if not same_items(scores, first):
                raise Broken(
                    f"{name} was scored on {scores.n} items of {bench.id} and {names[0]} on {first.n}, not the same "
                    "ones; scores are compared item by item"
                )
        if row[-1].recipe != recipe:
            raise Broken(
                f"{name} was trained by the recipe {row[-1].recipe or 'not stated'} on {bench.id} and {names[0]} by "
                f"{recipe or 'not stated'}; equal training means one recipe"
            )


def _listed(seeds: Sequence[int]) -> str:
    return ", ".join(map(str, seeds))


def points(value: float) -> str:
    """An accuracy difference in points: .131 -> 13.1 points."""
    return f"{figure(100 * value)} points"
