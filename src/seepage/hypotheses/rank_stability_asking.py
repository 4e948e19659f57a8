"""What rank_stability asks of living models, and the rows that its judges read: which items were answered right.

cloze    the question alone, each option's text as it continues it; the largest log-prob a byte is the answer
mc       the options under letters; the letter of the largest log-prob is the answer
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from ..benchmarks.record import Item, cluster_numbers
from ..benchmarks.tasks import Task
from ..finetune import Example, Recipe, chosen
from ..policy import RankStabilityPolicy
from ..records import Answer, Request, Score, Scored
from ..scores import Scores
from . import mc_generation_prompts as prompts

Form = Literal["cloze", "mc"]
OTHER: Mapping[Form, Form] = {"cloze": "mc", "mc": "cloze"}


def recipe_of(policy: RankStabilityPolicy) -> Recipe:
    """The contract of equal training that a policy states."""
    return Recipe(
        steps=policy.steps,
        batch=policy.batch,
        seeds=policy.seeds,
        lr=policy.lr or None,
        tokens=policy.tokens,
        wordings=f"{policy.form} {prompts.wordings_digest()}",
    )


def example(item: Item, form: Form) -> Example:
    """An item in a form: a prompt and its answers. Raises ValueError with more options than letters."""
    assert item.gold is not None
    if form == "cloze":
        prompt = prompts.open_prompt(item.question, context=item.context)
        answers = tuple(prompts.reply(option, chat=False) for option in item.options)
    else:
        prompt = prompts.letters(item.question, item.options, context=item.context)
        answers = tuple(prompts.reply(letter, chat=False) for letter in prompts.LETTERS[: len(item.options)])
    return Example(item.id, prompt, answers, item.gold)


def lettered(items: Sequence[Item]) -> bool:
    """Whether there is a letter for every option of every item."""
    return max(len(item.options) for item in items) <= len(prompts.LETTERS)


def requests(items: Sequence[Item], form: Form) -> dict[str, Request]:
    """One request an item, by its id. A chat model is asked in plain text too: the template is the same for all."""
    asked = {item.id: example(item, form) for item in items}
    return {name: Score(e.prompt, e.answers, detail="sums") for name, e in asked.items()}


def scores_of(
    items: Sequence[Item],
    answers: Mapping[str, Answer],
    form: Form,
    *,
    numbers: Mapping[str, int],
    recipe: str = "",
) -> Scores:
    """The rows of one model at one stage. numbers: of every item's id, the same in all rows that are compared."""
    ordered = sorted(items, key=lambda item: numbers[item.id])
    correct = np.array([is_right(item, answers[item.id], form) for item in ordered])
    return Scores(
        accuracy=float(correct.mean()),
        n=len(correct),
        items=np.array([numbers[item.id] for item in ordered]),
        clusters=np.array(cluster_numbers(ordered)) if any(item.cluster for item in ordered) else None,
        correct=correct,
        recipe=recipe,
    )


def is_right(item: Item, answer: Answer, form: Form) -> bool:
    """Whether the gold has the largest log-prob a byte; of equals the first counts."""
    assert isinstance(answer, Scored)
    asked = example(item, form)
    return chosen(answer.sums, asked.answers) == asked.gold


def lessons(task: Task, form: Form) -> tuple[list[Example], list[Example]]:
    """(examples of the steps, of the validation part)."""
    return [example(item, form) for item in task.train], [example(item, form) for item in task.validation]
