"""The instrument of rank_stability: is the train split free of test items, was a model trained, had it learned.

Nothing here is a claim about a model: both outcomes are shown, and what fails here stops the claims that rest on it.
"""

from __future__ import annotations

from ..benchmarks.tasks import Task
from ..errors import NotTestable
from ..finetune import Recipe, Training
from ..policy import RankStabilityPolicy
from ..records import Effect, ModelInfo, Outcome, Table
from ..wording import figure

LOOKS = ("start", "late", "end")


def audit(task: Task, *, info: ModelInfo, policy: RankStabilityPolicy, alpha: float, rng: object = None) -> Outcome:
    """What was removed from the train split, and that nothing is left. Raises NotTestable where something is."""
    del info, policy, alpha, rng
    made = task.audit
    if made.left:
        raise NotTestable(f"{made.left} training examples of {task.id} still overlap its test items after the audit")
    share = len(made.removed) / made.offered
    return Outcome(
        finding=f"had {len(made.removed)} of {made.offered} training examples of {task.id} removed, because they "
        "repeat a test item; none is left",
        n=made.offered,
        statistic_name="removed",
        statistic=float(len(made.removed)),
        pvalue=None,
        effects=(Effect("examples removed", share, unit="share of examples"),),
        gated=False,
        claim="an overlap of train split and test items",
        tables=(Table("removed from the train split", ("example", "why"), made.removed),),
    )


def preparation(
    task: Task,
    trainings: tuple[Training, ...],
    *,
    recipe: Recipe,
    lacks: str,
    info: ModelInfo,
    policy: RankStabilityPolicy,
    alpha: float,
    rng: object = None,
) -> Outcome:
    """What training gave one model. Raises NotTestable where it was not trained."""
    del info, policy, alpha, rng
    if not trainings:
        raise NotTestable(lacks)
    falls = [1 - t.looks[2].loss / t.looks[0].loss for t in trainings]
    learned = sum(t.learned for t in trainings)
    one = trainings[0]
    rows = tuple(
        (
            t.seed,
            t.lr,
            *(look.loss for look in t.looks),
            *(sum(look.right) / len(look.right) for look in t.looks),
            t.tokens,
            t.seconds,
            t.weights[:12],
        )
        for t in trainings
    )
    columns = (*(f"loss, {word}" for word in LOOKS), *(f"accuracy, {word}" for word in LOOKS))
    how = "LoRA" if one.method == "lora" else "all weights"
    return Outcome(
        finding=f"was trained on {task.id} ({how}, {one.steps} steps of {recipe.batch}, lr {one.lr:g}, "
        f"{len(trainings)} seeds); its validation loss fell by {figure(100 * min(falls))} % or more, and it had "
        f"learned in {learned} of {len(trainings)}",
        n=len(one.looks[2].right),
        statistic_name="validation loss at the end",
        statistic=sum(t.looks[2].loss for t in trainings) / len(trainings),
        pvalue=None,
        effects=(Effect("fall of the validation loss", min(falls), unit="share"),),
        gated=False,
        claim="a failure of training",
        notes=(
            f"recipe {one.recipe[:12]}, {one.adapted} {'matrices' if one.method == 'lora' else 'parameters'} trained",
        ),
        tables=(Table("trainings", ("seed", "lr", *columns, "tokens", "seconds", "weights"), rows),),
    )
