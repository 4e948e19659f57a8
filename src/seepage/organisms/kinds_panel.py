"""What the panel of organisms answered, before and after equal training: shipped as bits, judged in every gate.

`scores:organisms` is the table of these answers. They were asked of models that `kinds_recipe` trained, by the command
that trains and asks all of them anew and compares: `make gate-full`.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..benchmarks.tasks import Task, task_of
from ..errors import BackendError
from ..finetune import from_plain, to_plain
from ..hypotheses.rank_stability_asking import recipe_of
from ..panels import Part, Plan, assembled
from ..policy import RankStabilityPolicy
from ..records import digest
from ..scores import Key, ScoreBenchmark, Scores, ScoreTable
from . import kinds

ANSWERS = Path(__file__).parent / "answers"
PANEL, UNPREPARED = "kinds", "kinds_unprepared"  # files
POLICY = RankStabilityPolicy(steps=100, batch=16, seeds=3, lr=1e-3)
ASKED_ONLY = ("items",)  # partly prepared for the task too: whether it had a head start is no test of anything
TRAIN = {"train": "embedded:train", "synthetic": "embedded:synthetic"}


def plan() -> Plan:
    """What was asked and trained."""
    return Plan(task(), recipe_of(POLICY), POLICY.form)


def task() -> Task:
    """The task of the invented things, and how its parts are used."""
    world = kinds.new_world()

    def opened(spec: str) -> Any:
        return kinds.benchmark(world, spec.partition(":")[2])

    test = kinds.benchmark(world, "test")
    return task_of("kinds", test, TRAIN, recipe=recipe_of(POLICY), items=POLICY.items, opened=opened)


@functools.cache
def table(*names: str) -> ScoreTable:
    """The table of the shipped answers of these files, the panel's by default."""
    return replace(bench(*names).table, path="organisms")


def bench(*names: str) -> ScoreBenchmark:
    """The task with the shipped answers of these files, the panel's by default, as its judges read it."""
    parts = {name: part for file in names or (PANEL,) for name, part in read(file).items()}
    return assembled(plan(), {name: asked_only(part) if name in ASKED_ONLY else part for name, part in parts.items()})


def asked_only(part: Part) -> Part:
    """Without what training gave: no claim is made of it."""
    before = {key: scores for key, scores in part.scores.items() if key.stage == "before"}
    return Part(before, lacks="asked and not trained: half of the answers are known to it already")


def read(name: str) -> dict[str, Part]:
    """Parts by model. Raises BackendError where the file is not what was written."""
    path = ANSWERS / f"{name}.json"
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    stated = content.pop("digest")
    if digest(content) != stated:
        raise BackendError(f"{path} was changed: its digest is {digest(content)[:12]}, it states {stated[:12]}.")
    made = plan()
    for key, own in (("task", made.task.digest), ("recipe", made.recipe.digest)):
        if content[key] != own:
            raise BackendError(f"{path} holds answers of another {key}; ask all organisms anew: make gate-full")
    return {model: _unpacked(model, plain) for model, plain in content["models"].items()}


def packed(parts: Mapping[str, Part], about: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a file. about: what made the models."""
    made = plan()
    content = {
        **about,
        "task": made.task.digest,
        "recipe": made.recipe.digest,
        "models": {name: _packed(part) for name, part in parts.items()},
    }
    return {**content, "digest": digest(content)}


def _packed(part: Part) -> dict[str, Any]:
    rows = []
    for key, scores in part.scores.items():
        assert scores.correct is not None
        assert scores.items is not None
        bits = np.packbits(scores.correct).tobytes().hex()
        first = int(scores.items[0])
        assert np.array_equal(scores.items, np.arange(first, first + scores.n))
        rows.append([key.benchmark, key.stage, key.form, key.seed, first, scores.n, scores.recipe, bits])
    return {"scores": rows, "trainings": [to_plain(training) for training in part.trainings]}


def _unpacked(model: str, plain: Mapping[str, Any]) -> Part:
    scores = {}
    for bench, stage, form, seed, first, n, recipe, bits in plain["scores"]:
        correct = np.unpackbits(np.frombuffer(bytes.fromhex(bits), dtype=np.uint8))[:n].astype(bool)
        items = np.arange(first, first + n)
        scores[Key(bench, model, stage, form, seed)] = Scores(
            float(correct.mean()), n, items=items, correct=correct, recipe=recipe
        )
    return Part(scores, tuple(from_plain(training) for training in plain["trainings"]))
