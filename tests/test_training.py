"""Fine-tuning itself, on tiny random models: equal, repeatable, resumable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import modelkit
import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from seepage import panels
from seepage.benchmarks.record import Benchmark, Item
from seepage.benchmarks.tasks import task_of
from seepage.errors import BackendError, NotTestable
from seepage.finetune import Example, Method, Recipe
from seepage.models import open_model, training
from seepage.models.training import Course
from seepage.models.tuned import base_of
from seepage.panels import Plan, Room, collect, part_of
from seepage.store import Store

RECIPE = Recipe(steps=12, batch=4, seeds=2, lr=1e-2)
EXAMPLES = [
    Example(f"e{i}", f"Question: {i * 7 % 31} of {i}?\nAnswer:", (" red", " blue", " 7"), i % 3) for i in range(60)
]
LORA = ("llama", "gpt2", "gpt_neox")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("models")
    for architecture in (*LORA, "bloom"):
        modelkit.write_model(made / architecture, architecture=architecture)
    return made


def course(home: Path, folder: Path, *, method: Method = "full", name: str = "llama", seed: int = 0) -> Course:
    return Course(f"hf:{folder / name}", "base", method, RECIPE, 1e-2, seed, home)


def trained(home: Path, folder: Path, **more: object) -> training.Trained:
    made = course(home, folder, **more)  # type: ignore[arg-type]
    model, encoder = base_of(made.spec)
    return training.train(model, encoder, EXAMPLES, EXAMPLES[48:], made)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_what_another_seed_told_of_the_model_before_training_is_not_asked_again(
    folder: Path, tmp_path: Path, method: Method, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    look = training.look
    monkeypatch.setattr(training, "look", lambda *given: looked.append(1) or look(*given))
    alone = trained(tmp_path / "alone", folder, method=method)
    assert len(looked) == 3
    made = course(tmp_path / "told", folder, method=method, seed=1)
    model, encoder = base_of(made.spec)
    told = training.train(model, encoder, EXAMPLES, EXAMPLES[48:], made, None, alone.looks[0])
    assert len(looked) == 5
    assert told.looks[0] == trained(tmp_path / "asked", folder, method=method, seed=1).looks[0]


def loss(model: object, *rows: training.Row) -> float:
    with torch.no_grad():
        return training.loss_of(model, rows, pad=0).item()


# --- one batch ---


@pytest.mark.parametrize("name", LORA)
def test_a_batch_weighs_every_target_token_the_same(folder: Path, name: str) -> None:
    model, encoder = base_of(f"hf:{folder / name}")
    rows = [training.row_of(encoder, example, RECIPE) for example in EXAMPLES[:5]]
    assert len({len(row.ids) for row in rows}) > 1  # padding is part of what is tested
    alone = [loss(model, row) for row in rows]
    n = np.array([len(row.ids) - row.start for row in rows])
    assert loss(model, *rows) == pytest.approx(float(np.average(alone, weights=n)), abs=2e-5)


def test_a_loss_is_the_log_prob_that_the_scorer_reads(folder: Path) -> None:
    model, encoder = base_of(f"hf:{folder / 'llama'}")
    made = course(folder, folder)
    seen = training.look(model, encoder, EXAMPLES[:5], made)
    rows = [training.row_of(encoder, example, RECIPE) for example in EXAMPLES[:5]]
    assert loss(model, *rows) == pytest.approx(seen.loss, abs=1e-4)
    assert len(seen.right) == 5


def test_a_long_prompt_loses_its_left_end_and_the_target_stays_whole(folder: Path) -> None:
    _, encoder = base_of(f"hf:{folder / 'llama'}")
    whole = training.row_of(encoder, EXAMPLES[0], RECIPE)
    cut = training.row_of(encoder, EXAMPLES[0], replace(RECIPE, tokens=12))
    assert len(cut.ids) == 12
    assert cut.ids == whole.ids[-12:]
    assert cut.ids[cut.start :] == whole.ids[whole.start :]
    with pytest.raises(NotTestable, match="the answer of e0 has 4 tokens, a row has 3"):
        training.row_of(encoder, EXAMPLES[0], replace(RECIPE, tokens=3))


# --- what is trained ---


@pytest.mark.parametrize(("name", "matrices"), [("llama", 14), ("gpt2", 8), ("gpt_neox", 8)])
def test_an_adapter_has_every_matrix_and_no_effect_at_first(folder: Path, name: str, matrices: int) -> None:
    made = course(folder, folder, method="lora", name=name)
    model, encoder = base_of(made.spec)
    before = training.look(model, encoder, EXAMPLES[:9], made)
    named, adapted = training.adapt(model, made)
    assert adapted == matrices == len(named) // 2
    assert training.look(model, encoder, EXAMPLES[:9], made).loss == pytest.approx(before.loss, abs=1e-6)


def test_an_unknown_architecture_is_refused(folder: Path) -> None:
    made = course(folder, folder, method="lora", name="bloom")
    with pytest.raises(NotTestable, match="architecture bloom; LoRA is known for gemma"):
        training.adapt(base_of(made.spec)[0], made)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_the_same_seed_gives_the_same_weights_and_another_does_not(
    folder: Path, tmp_path: Path, method: Method
) -> None:
    first, again, other = (
        trained(tmp_path / str(k), folder, method=method, seed=seed) for k, seed in enumerate((0, 0, 1))
    )
    assert first.weights == again.weights != other.weights
    assert first.looks == again.looks
    assert first.looks[2].loss < 0.9 * first.looks[0].loss
    assert first.tokens == other.tokens > 12 * 4 * 20  # the same examples, in another order


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_killed_training_ends_with_the_weights_of_one_that_was_not(
    folder: Path, tmp_path: Path, method: Method, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained(tmp_path / "whole", folder, method=method)
    steps = 0
    plain = training.loss_of

    def killed(*given: object, **more: object) -> object:
        nonlocal steps
        steps += 1
        if steps == 11:  # after the late look and the checkpoint of step 10
            raise KeyboardInterrupt
        return plain(*given, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(training, "loss_of", killed)
        with pytest.raises(KeyboardInterrupt):
            trained(tmp_path / "killed", folder, method=method)
    assert (tmp_path / "killed/checkpoint.safetensors").is_file()
    done: list[int] = []
    monkeypatch.setattr(training, "rate_at", lambda step, recipe: done.append(step) or _rate(step, recipe))
    resumed = trained(tmp_path / "killed", folder, method=method)
    assert done == [10, 11]
    assert resumed.weights == whole.weights
    assert resumed.looks == whole.looks
    assert resumed.tokens == whole.tokens


_rate = training.rate_at


def test_a_damaged_checkpoint_is_named(folder: Path, tmp_path: Path) -> None:
    made = course(tmp_path, folder)
    made.checkpoint.write_bytes(b"no tensors")
    with pytest.raises(Exception, match=r"checkpoint\.safetensors is damaged"):
        trained(tmp_path, folder)


def test_no_memory_is_no_smaller_batch(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> object:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(training, "loss_of", full)
    with pytest.raises(BackendError, match="no memory for a batch of 4; a batch is never made smaller"):
        trained(tmp_path, folder)


# --- a panel ---


@dataclass
class Counted:
    """A model that counts what it is asked."""

    model: panels.Model
    asked: int = 0

    @property
    def info(self) -> object:
        return self.model.info

    def answers(self, requests: list[object]) -> Iterator[object]:
        self.asked += len(requests)
        return self.model.answers(requests)  # type: ignore[arg-type,return-value]

    def close(self) -> None:
        self.model.close()


def items(n: int, prefix: str) -> tuple[Item, ...]:
    options = ("red", "blue", "7")
    return tuple(Item(f"{prefix}{i}", f"{i * 7 % 31} of {prefix}{i}?", options=options, gold=i % 3) for i in range(n))


@pytest.fixture(scope="module")
def plan() -> Plan:
    made = task_of(
        "colours",
        Benchmark("colours", items(60, "q")),
        {"train": "file:t", "synthetic": "file:n"},
        recipe=RECIPE,
        items=1000,
        opened=lambda spec: Benchmark(spec[-1], items(350 if spec == "file:t" else 40, spec[-1])),
    )
    return Plan(made, RECIPE)


def room(path: Path) -> Room:
    return Room(Store(path / "answers.sqlite"), path / "trained")


def test_nothing_is_asked_or_trained_twice(
    folder: Path, tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Counted(open_model(f"hf:{folder / 'llama'}"))
    first = part_of(plan, "mine", model, room(tmp_path))  # type: ignore[arg-type]
    assert model.asked == 60 + 60 + 40  # cloze, letters, and the reference benchmark
    assert [t.seed for t in first.trainings] == [0, 1]
    assert {k.stage for k in first.scores} == {"before", "after"}
    monkeypatch.setattr(training, "train", lambda *_: pytest.fail("trained again"))
    again = part_of(plan, "mine", model, room(tmp_path))  # type: ignore[arg-type]
    assert model.asked == 160
    assert again.trainings == first.trainings
    assert {k: s.accuracy for k, s in again.scores.items()} == {k: s.accuracy for k, s in first.scores.items()}


def test_other_weights_answer_every_question_anew(folder: Path, tmp_path: Path, plan: Plan) -> None:
    """The tensors are gone, one answer is missing, and training again gives other weights than the stored ones."""
    model, here = open_model(f"hf:{folder / 'llama'}"), room(tmp_path)
    first = part_of(plan, "mine", model, here).trainings[0]
    what = panels._what(plan, panels.Who("mine", model, model.info), first.lr, 0)
    here.store.put_training(what, replace(first, weights="0" * 64))  # as another machine would have trained it
    for path in (tmp_path / "trained").rglob("trained.safetensors"):
        path.unlink()
    made = part_of(plan, "mine", model, here).trainings[0]
    assert made.weights == first.weights
    assert here.store.count("0" * 64) == 0


def test_the_rate_is_picked_by_one_rule_for_all(folder: Path, tmp_path: Path, plan: Plan) -> None:
    by_rule = replace(plan, recipe=replace(RECIPE, lr=None, steps=10, seeds=1))
    made = part_of(by_rule, "mine", open_model(f"hf:{folder / 'llama'}"), room(tmp_path))
    tried = sorted((tmp_path / "trained").glob("*/trained.safetensors"))
    assert len(tried) == 3
    assert made.trainings[0].lr == 1e-3  # ten steps from nothing: the largest goes furthest


def test_a_panel_is_one_table(folder: Path, tmp_path: Path, plan: Plan) -> None:
    named = {name: open_model(f"hf:{folder / name}") for name in ("llama", "gpt2")}
    made = collect(plan, named, room(tmp_path))
    assert made.table.models == ("llama", "gpt2")
    assert made.kinds == {"synthetic": "n.synthetic"}
    assert made.chance == pytest.approx(1 / 3)
    assert set(made.table.scored("colours", "gpt2", "after")) == {0, 1}
    assert {t.method for trainings in made.table.trainings.values() for t in trainings} == {"full"}


def test_a_store_open_for_replay_names_the_training_that_it_lacks(folder: Path, tmp_path: Path, plan: Plan) -> None:
    model, here = open_model(f"hf:{folder / 'llama'}"), room(tmp_path)
    part_of(plan, "mine", model, here)
    here.store.close()
    replayed = replace(here, store=Store(tmp_path / "answers.sqlite", readonly=True))
    assert len(part_of(plan, "mine", model, replayed).trainings) == 2
    longer = replace(plan, recipe=replace(RECIPE, steps=13))
    with pytest.raises(BackendError, match=r"lacks the training of mine at lr 0\.01, seed 0"):
        part_of(longer, "mine", model, replayed)


def test_stored_answers_are_not_trained_and_say_so(folder: Path, tmp_path: Path, plan: Plan) -> None:
    here = room(tmp_path)
    part_of(plan, "mine", open_model(f"hf:{folder / 'llama'}"), here)
    here.store.close()
    digest = open_model(f"hf:{folder / 'llama'}").info.digest
    recorded = open_model(f"recorded:{tmp_path / 'answers.sqlite'}#{digest}")
    made = part_of(plan, "theirs", recorded, room(tmp_path / "other"))
    assert made.trainings == ()
    assert "no weights: it cannot be trained" in made.lacks
    assert {k.stage for k in made.scores} == {"before"}


def test_trained_tensors_that_were_changed_are_refused(folder: Path, tmp_path: Path, plan: Plan) -> None:
    from safetensors.torch import load_file, save_file

    model, here = open_model(f"hf:{folder / 'llama'}"), room(tmp_path)
    part_of(plan, "mine", model, here)
    for path in (tmp_path / "trained").rglob("trained.safetensors"):
        tensors = load_file(path)
        tensors["lm_head.weight"] += 1
        save_file(tensors, path)
    more = replace(plan, task=replace(plan.task, test=Benchmark("colours", items(61, "q"))))
    with pytest.raises(BackendError, match=r"trained\.safetensors was changed; remove it"):
        part_of(more, "mine", model, here)


def test_more_options_than_letters_leave_the_other_form_out(folder: Path, tmp_path: Path, plan: Plan) -> None:
    many = tuple(str(k) for k in range(30))
    test = Benchmark("colours", (*items(40, "q"), Item("many", "Which?", options=many, gold=3)))
    made = part_of(
        replace(plan, task=replace(plan.task, test=test)), "mine", open_model(f"hf:{folder / 'llama'}"), room(tmp_path)
    )
    assert {key.form for key in made.scores} == {""}


def test_a_replay_refuses_two_versions_of_one_training(folder: Path, tmp_path: Path, plan: Plan) -> None:
    model, here = open_model(f"hf:{folder / 'llama'}"), room(tmp_path)
    first = part_of(plan, "mine", model, here).trainings[0]
    what = panels._what(plan, panels.Who("mine", model, model.info), first.lr, 0)
    here.store.put_training(what, replace(first, intent="another version of torch"))
    here.store.close()
    replayed = replace(here, store=Store(tmp_path / "answers.sqlite", readonly=True))
    with pytest.raises(BackendError, match=r"holds 2 trainings of mine at lr 0\.01, seed 0; a replay needs one"):
        part_of(plan, "mine", model, replayed)
