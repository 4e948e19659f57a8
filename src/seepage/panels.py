"""Collect what a panel of living models scores on a task, before and after equal training: through the store, so that
nothing is asked or trained twice, and so that several processes share the work.

Each model's part is done under a lock of the operating system, which dies with its process. A process that finds a part
locked does another one first, and waits only where all that is missing is being done elsewhere; then it holds no lock.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .benchmarks.record import Benchmark
from .benchmarks.tasks import Task, chance_of
from .errors import BackendError, NotTestable
from .finetune import RATES, Look, Method, Recipe, Training, intent_of, method_of, picked, what_of
from .hypotheses.rank_stability_asking import OTHER, Form, lessons, lettered, requests, scores_of
from .models.protocol import Model
from .models.silent import Silent
from .records import Answer, ModelInfo, digest, request_digest
from .scorer import Progress, ask
from .scores import CLOZE, Key, ScoreBenchmark, Scores, ScoreTable, indexed
from .store import Store

if TYPE_CHECKING:
    from .models.training import Course

WAIT = 0.5  # seconds between two looks at parts that others do


@dataclass(frozen=True, slots=True)
class Room:
    """Where a panel is collected. home: folder of trained tensors, checkpoints and locks."""

    store: Store
    home: Path
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of every model. form: that is judged and trained; the other one is asked before training only."""

    task: Task
    recipe: Recipe
    form: Form = "cloze"


@dataclass(frozen=True, slots=True)
class Who:
    """One model of the panel. info: asked for once, because a model that was closed reads its tokenizer again."""

    name: str
    model: Model
    info: ModelInfo

    @property
    def method(self) -> Method:
        return method_of(self.info, spec=self.info.spec)


def open_panel(spec: str) -> Silent:
    """The model axis of a claim about all models."""
    return Silent(ModelInfo(spec=spec, digest=digest(spec), access=()), "all models side by side")


@dataclass(frozen=True, slots=True)
class Part:
    """All scores of one model. lacks: why it has none after training, "" where it has."""

    scores: Mapping[Key, Scores]
    trainings: tuple[Training, ...] = ()
    lacks: str = ""


def collect(plan: Plan, panel: Mapping[str, Model], room: Room) -> ScoreBenchmark:
    """The panel's scores, as its judges read them. panel: name -> model.

    Raises what a model raises that cannot be asked: a panel with a hole is no yardstick.
    """
    parts: dict[str, Part] = {}
    everyone = [Who(name, model, model.info) for name, model in panel.items()]
    while len(parts) < len(panel):
        before = len(parts)
        for who in everyone:
            if who.name not in parts:
                with _lock(room, plan, who) as ours:
                    if ours:
                        parts[who.name] = _part_of(plan, who, room)
        if len(parts) == before:
            time.sleep(WAIT)
    return assembled(plan, {name: parts[name] for name in panel})


def collect_part(plan: Plan, name: str, model: Model, room: Room) -> Part:
    """The scores of one model of the panel."""
    who = Who(name, model, model.info)
    while True:
        with _lock(room, plan, who) as ours:
            if ours:
                return _part_of(plan, who, room)
        time.sleep(WAIT)


def assembled(plan: Plan, parts: Mapping[str, Part]) -> ScoreBenchmark:
    """One table of all parts."""
    task = plan.task
    scores = {key: each for part in parts.values() for key, each in part.scores.items()}
    references = {kind: _named(task, kind) for kind in task.references}
    chances = {_named(task, kind): chance_of(bench.items) for kind, bench in task.references.items()}
    table = ScoreTable(
        path=task.id,
        digest=digest([task.digest, plan.recipe.digest, plan.form]),
        scores=scores,
        by_stage=indexed(scores),
        models=tuple(parts),
        benchmarks=(task.id, *references.values()),
        chance={task.id: chance_of(task.test.items), **chances},
        trainings={(task.id, name): part.trainings for name, part in parts.items() if part.trainings},
        lacks={(task.id, name): part.lacks for name, part in parts.items() if part.lacks},
    )
    ability = CLOZE if plan.form == "mc" else ""  # no score in letters tells how able a small model is
    return ScoreBenchmark(task.id, table, task.id, table.chance[task.id], references, ability)


def part_of(plan: Plan, name: str, model: Model, room: Room) -> Part:
    """Ask, train and ask one model: whatever of it the store does not hold. Takes no lock."""
    return _part_of(plan, Who(name, model, model.info), room)


def _part_of(plan: Plan, who: Who, room: Room) -> Part:
    task, form = plan.task, plan.form
    found: dict[Key, Scores] = {}
    for bench, word, form_asked in _before(plan):
        key = Key(bench[0], who.name, "before", word, 0)
        answers = ask(who.model, requests(bench[1].items, form_asked), store=room.store, progress=room.progress)
        found[key] = _scores(plan, bench[1], answers, form_asked)
    try:
        trainings = _trainings(plan, who, room)
    except NotTestable as reason:
        return Part(found, lacks=str(reason))
    asked = [_after(plan, who, training, room) for training in trainings]
    for training, answers in asked:
        key = Key(task.id, who.name, "after", "", training.seed)
        found[key] = _scores(plan, task.test, answers, form, recipe=plan.recipe.digest)
    return Part(found, tuple(training for training, _ in asked))


def _before(plan: Plan) -> Iterator[tuple[tuple[str, Benchmark], str, Form]]:
    """((name in the table, benchmark), its form in the table, form that is asked) of all that is asked untrained."""
    task, form = plan.task, plan.form
    yield (task.id, task.test), "", form
    if lettered(task.test.items):  # else there is no other form, and nothing is said of the formats
        yield (task.id, task.test), form, form
        yield (task.id, task.test), OTHER[form], OTHER[form]
    for kind, bench in task.references.items():
        yield (_named(task, kind), bench), "", form


def _named(task: Task, kind: str) -> str:
    """A reference benchmark's name in the table: two kinds may have the same id."""
    return f"{task.references[kind].id}.{kind}"


def _scores(plan: Plan, bench: Benchmark, answers: Mapping[str, Answer], form: Form, *, recipe: str = "") -> Scores:
    every = [item.id for b in (plan.task.test, *plan.task.references.values()) for item in b.items]
    numbers = {name: i for i, name in enumerate(dict.fromkeys(every))}
    return scores_of(bench.items, answers, form, numbers=numbers, recipe=recipe)


# --- training ---------------------------------------------------------------------------------------------------------


def _trainings(plan: Plan, who: Who, room: Room) -> tuple[Training, ...]:
    """The trainings of a model, one a seed, at the learning rate that the rule picks; done where they are not known.

    Raises NotTestable where the model cannot be trained.
    """
    rates = RATES[who.method] if plan.recipe.lr is None else (plan.recipe.lr,)
    first = [_training(plan, who, room, lr=rates[0], seed=0)]
    untrained = first[0].looks[0]  # one for all rates and seeds
    first += (_training(plan, who, room, lr=lr, seed=0, untrained=untrained) for lr in rates[1:])
    lr = picked(first)
    seeds = range(1, plan.recipe.seeds)
    further = (_training(plan, who, room, lr=lr, seed=seed, untrained=untrained) for seed in seeds)
    return (next(t for t in first if t.lr == lr), *further)


def _what(plan: Plan, who: Who, lr: float, seed: int) -> str:
    examples, _ = lessons(plan.task, plan.form)
    return what_of(who.info.digest, examples, plan.recipe, lr=lr, seed=seed)


def _training(plan: Plan, who: Who, room: Room, *, lr: float, seed: int, untrained: Look | None = None) -> Training:
    """One training, from the store or done now. untrained: how the model does before, where that is known."""
    what = _what(plan, who, lr, seed)
    if room.store.readonly:
        known = room.store.trainings(what)
        if len(known) != 1:
            holds = f"holds {len(known)} trainings" if known else "lacks the training"
            raise BackendError(
                f"{room.store.path} {holds} of {who.name} at lr {lr:g}, seed {seed}; a replay needs one, of one version"
            )
        return known[0]
    intent = intent_of(what, _versions(who))
    return room.store.training(intent) or _train(plan, who, room, what=what, lr=lr, seed=seed, untrained=untrained)


def _train(
    plan: Plan, who: Who, room: Room, *, what: str, lr: float, seed: int, untrained: Look | None = None
) -> Training:
    from .models.training import train
    from .models.tuned import base_of

    versions = _versions(who)
    intent = intent_of(what, versions)
    course = _course(plan, who, room, lr, seed, intent)
    examples, validation = lessons(plan.task, plan.form)
    who.model.close()
    loaded, encoder = base_of(who.info.spec)
    made = train(loaded, encoder, examples, validation, course, room.progress, untrained)
    training = Training(
        intent=intent,
        weights=made.weights,
        recipe=plan.recipe.digest,
        method=course.method,
        lr=lr,
        seed=seed,
        steps=plan.recipe.steps,
        examples=plan.recipe.examples,
        tokens=made.tokens,
        adapted=made.adapted,
        looks=made.looks,
        seconds=round(made.seconds, 1),
        versions=versions,
    )
    room.store.put_training(what, training)
    course.checkpoint.unlink(missing_ok=True)
    return training


def _course(plan: Plan, who: Who, room: Room, lr: float, seed: int, intent: str) -> Course:
    from .models.training import Course

    folder = room.home / intent[:20]
    return Course(tuned_name(plan, who.name, seed), who.info.digest, who.method, plan.recipe, lr, seed, folder)


def tuned_name(plan: Plan, name: str, seed: int) -> str:
    """Of a derived model: `mine+sciq.1a2b3c4d.s0`."""
    return f"{name}+{plan.task.id}.{plan.recipe.digest[:8]}.s{seed}"


def _versions(who: Who) -> dict[str, str]:
    found = {}
    for name in ("torch", "transformers", *(("peft",) if who.method == "lora" else ())):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):  # the training says that it is missing
            found[name] = importlib.metadata.version(name)
    return found


# --- asking a trained model -------------------------------------------------------------------------------------------


def _after(plan: Plan, who: Who, training: Training, room: Room) -> tuple[Training, dict[str, Answer]]:
    """Answers of a trained model on the test items. Where one is missing and the tensors are gone, it is trained again;
    if other weights come out, all are asked again: answers of two trainings never mix."""
    asked = requests(plan.task.test.items, plan.form)
    keys = [request_digest(request) for request in asked.values()]
    if room.store.readonly or room.store.holds(training.weights, keys):
        found = room.store.get_many(training.weights, keys)
        if missing := len(set(keys)) - len(found):
            raise BackendError(
                f"{room.store.path} lacks {missing} answers of {tuned_name(plan, who.name, training.seed)}."
            )
        return training, {tag: found[key] for tag, key in zip(asked, keys, strict=True)}
    from .models.tuned import open_tuned

    course = _course(plan, who, room, training.lr, training.seed, training.intent)
    if not course.tensors.is_file():
        what = _what(plan, who, training.lr, training.seed)
        training = _train(plan, who, room, what=what, lr=training.lr, seed=training.seed)
    who.model.close()
    tuned = open_tuned(who.info.spec, course, training)
    try:
        return training, ask(tuned, asked, store=room.store, progress=room.progress)
    finally:
        tuned.close()


@contextlib.contextmanager
def _lock(room: Room, plan: Plan, who: Who) -> Iterator[bool]:
    """Whether this process may do a model's part now. A replay reads only, and needs no lock."""
    if room.store.readonly:
        yield True
        return
    import filelock

    room.home.mkdir(parents=True, exist_ok=True)
    name = digest([who.info.digest, plan.task.digest, plan.recipe.digest])[:20]
    lock = filelock.FileLock(room.home / f"{name}.lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()
