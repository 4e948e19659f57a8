"""The contract of equal training, and the audit that comes before it. No torch."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from seepage import finetune
from seepage.benchmarks.record import Benchmark, Item
from seepage.benchmarks.tasks import audited, chance_of, task_of
from seepage.errors import BadSpec, NotTestable
from seepage.finetune import Look, Recipe, Training
from seepage.records import ModelInfo

RECIPE = Recipe(steps=12, batch=8, seeds=2)


def item(name: str, question: str, options: tuple[str, ...] = ("red", "blue", "green"), cluster: str = "") -> Item:
    return Item(name, question, options=options, gold=0, cluster=cluster)


def many(n: int, prefix: str = "q") -> tuple[Item, ...]:
    return tuple(item(f"{prefix}{i}", f"What is {prefix} number {i}?") for i in range(n))


def never(spec: str) -> Benchmark:
    raise AssertionError(f"{spec} was opened")


# --- recipe ---


def test_a_seed_permutes_the_same_examples_and_sees_each_once() -> None:
    first, second = (finetune.order(200, RECIPE, seed) for seed in (0, 1))
    assert first.shape == (12, 8)
    assert sorted(first.ravel()) == sorted(second.ravel()) == list(range(96))
    assert not np.array_equal(first, second)
    assert np.array_equal(first, finetune.order(200, RECIPE, 0))


def test_a_batch_is_never_made_smaller() -> None:
    with pytest.raises(BadSpec, match=r"95 training examples for 12 steps of 8: 96 are needed"):
        finetune.order(95, RECIPE, 0)


def test_the_rate_warms_up_and_falls_to_its_floor() -> None:
    recipe = Recipe(steps=100)
    rates = [finetune.rate_at(step, recipe) for step in range(100)]
    assert rates[0] == pytest.approx(0.2)
    assert max(rates) == rates[4] == 1.0
    assert rates[-1] == pytest.approx(0.1, abs=0.001)
    assert np.all(np.diff(rates[5:]) < 0)


@pytest.mark.parametrize("change", [{"steps": 13}, {"batch": 9}, {"lr": 1e-3}, {"decay": 0.0}, {"wordings": "other"}])
def test_whatever_a_recipe_states_is_in_its_digest(change: dict[str, object]) -> None:
    assert dataclasses.replace(RECIPE, **change).digest != RECIPE.digest  # type: ignore[arg-type]


def info(**more: object) -> ModelInfo:
    return ModelInfo(**({"spec": "hf:m", "digest": "0", "n_parameters": 10} | more))  # type: ignore[arg-type]


def test_small_models_are_trained_whole_and_large_ones_by_adapters() -> None:
    assert finetune.method_of(info(n_parameters=19_999_999), spec="hf:m") == "full"
    assert finetune.method_of(info(n_parameters=20_000_000), spec="pkg:m") == "lora"


@pytest.mark.parametrize(
    ("spec", "more", "said"),
    [
        ("recorded:a.sqlite", {}, "no weights"),
        ("hf:m", {"dtype": "bfloat16"}, "is bfloat16"),
        ("hf:m", {"derived": "wanda .5"}, "is wanda .5"),
        ("hf:m", {"n_parameters": None}, "parameters is not known"),
    ],
)
def test_what_cannot_be_trained_is_refused_by_name(spec: str, more: dict[str, object], said: str) -> None:
    with pytest.raises(NotTestable, match=said):
        finetune.method_of(info(**more), spec=spec)


def training(*losses: float, lr: float = 1e-3) -> Training:
    looks = tuple(Look(loss, (True, False, True)) for loss in losses)
    return Training("i", "w", "r", "full", lr, 0, 12, 96, 700, 10, looks)  # type: ignore[arg-type]


def test_the_rate_of_the_lowest_validation_loss_is_picked_and_the_smaller_of_equals() -> None:
    tried = [training(3, 2, 1.5, lr=1e-4), training(3, 2, 1.2, lr=1e-3), training(3, 2, 1.2, lr=3e-4)]
    assert finetune.picked(tried) == 3e-4


def test_a_model_has_learned_when_its_validation_loss_falls_by_a_twentieth() -> None:
    assert training(1.0, 0.97, 0.95).learned
    assert not training(1.0, 0.97, 0.951).learned


def test_a_training_survives_its_way_through_json() -> None:
    made = training(3, 2, 1)
    assert finetune.from_plain(finetune.to_plain(made)) == made


def test_other_versions_are_another_intent_and_the_same_training() -> None:
    examples = [finetune.Example("a", "p", (" x", " y"), 0)]
    what = finetune.what_of("base", examples, RECIPE, lr=1e-3, seed=0)
    assert finetune.what_of("base", examples, RECIPE, lr=1e-3, seed=1) != what
    assert finetune.what_of("other", examples, RECIPE, lr=1e-3, seed=0) != what
    assert finetune.intent_of(what, {"torch": "2"}) != finetune.intent_of(what, {"torch": "3"})


# --- the task ---


def test_items_are_set_apart_by_lot_and_no_item_is_on_two_sides() -> None:
    bench = Benchmark("b", many(700))
    made = task_of("mine", bench, {"train": 450}, recipe=RECIPE, items=1000, opened=never)
    parts = [{i.id for i in part} for part in (made.test.items, made.train, made.validation)]
    assert [len(part) for part in parts] == [250, 96, 300]
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]
    assert made.id == "mine"
    assert made == task_of("mine", bench, {"train": 450}, recipe=RECIPE, items=1000, opened=never)


def test_a_passage_stays_on_one_side() -> None:
    items = tuple(item(f"q{i}", f"What is number {i}?", cluster=f"c{i // 7}") for i in range(700))
    made = task_of("mine", Benchmark("b", items), {"train": 450}, recipe=RECIPE, items=1000, opened=never)
    trained = {i.cluster for i in (*made.train, *made.validation)}
    assert not trained & {i.cluster for i in made.test.items}


def test_a_train_split_of_its_own_leaves_every_item_to_the_test() -> None:
    bench, other = Benchmark("b", many(50)), Benchmark("t", many(400, "t"))
    made = task_of("mine", bench, {"train": "file:t"}, recipe=RECIPE, items=1000, opened=lambda _: other)
    assert made.test.items == bench.items
    assert made.audit.offered == 400


def test_too_few_examples_are_named() -> None:
    with pytest.raises(NotTestable, match=r"350 training examples of mine .* 396 are needed: 12 steps of 8 and 300"):
        task_of("mine", Benchmark("b", many(700)), {"train": 350}, recipe=RECIPE, items=1000, opened=never)


def test_open_questions_are_refused() -> None:
    items = (*many(700), Item("open", "Why?", aliases=("because",)))
    with pytest.raises(NotTestable, match="1 items of mine have no options"):
        task_of("mine", Benchmark("b", items), {"train": 450}, recipe=RECIPE, items=1000, opened=never)


def test_of_rephrased_items_those_are_kept_whose_originals_are_judged() -> None:
    bench = Benchmark("b", many(700))
    reworded = Benchmark("r", tuple(dataclasses.replace(i, question=f"Say: {i.question}") for i in bench.items))
    facts = {"train": 450, "rephrased": "file:r"}
    made = task_of("mine", bench, facts, recipe=RECIPE, items=200, opened=lambda _: reworded)
    assert {i.id for i in made.references["rephrased"].items} == {i.id for i in made.test.items}
    short = dataclasses.replace(reworded, items=reworded.items[:100])
    with pytest.raises(NotTestable, match="their ids must be the same"):
        task_of("mine", bench, facts, recipe=RECIPE, items=200, opened=lambda _: short)


def test_chance_is_the_mean_of_what_a_guess_scores() -> None:
    assert chance_of((item("a", "?", ("x", "y")), item("b", "?", ("x", "y", "z", "u")))) == pytest.approx(0.375)


# --- the audit ---


def removed(train: str, test: str, **more: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    audit, kept = audited((item("t", train, **more),), (item("q", test),))
    assert audit.left == 0
    assert len(kept) == 1 - len(audit.removed)
    return audit.removed


def test_a_repeated_stem_is_removed_whatever_its_case_and_punctuation() -> None:
    assert removed("What IS it , called", "What is it called?") == (("t", "same stem"),)
    assert removed("What is it called?", "What is it called?", options=("a", "b", "c")) == (("t", "same stem"),)


LONG = "the old man went down to the sea with a net of {} and a loaf"


def test_eight_words_in_a_row_are_removed_where_both_stems_are_long() -> None:
    assert removed(f"So {LONG.format('rope')} today", LONG.format("silk")) == (("t", "8 words in a row"),)
    assert not removed("the old man went down to the sea", LONG.format("silk"))  # 8 words, but a short stem
    assert not removed("An old man walked to a sea with his nets and two loaves of bread", LONG.format("silk"))


def test_what_many_test_items_share_is_their_template_and_removes_nothing() -> None:
    test = tuple(
        item(f"q{i}", f"Which of these is the most likely reason why somebody would want {i}?") for i in range(40)
    )
    train = (item("t", "Which of these is the most likely reason why somebody would want 99?"),)
    audit, kept = audited(train, test)
    assert audit.removed == ()
    assert kept == train


def test_generic_stems_are_compared_with_their_options() -> None:
    stem = "Which sentence is right?"
    test = tuple(item(f"q{i}", stem, (f"a{i}", f"b{i}")) for i in range(3))
    train = (item("same", stem, ("b1", "a1")), item("new", stem, ("a7", "b7")))
    audit, kept = audited(train, test)
    assert audit.removed == (("same", "same stem"),)
    assert [i.id for i in kept] == ["new"]


def test_a_seed_that_is_added_repeats_no_other_training() -> None:
    examples = [finetune.Example("a", "p", (" x", " y"), 0)]
    more = dataclasses.replace(RECIPE, seeds=5)
    one, other = (finetune.what_of("base", examples, recipe, lr=1e-3, seed=0) for recipe in (RECIPE, more))
    assert one == other
    assert RECIPE.digest != more.digest
    longer = dataclasses.replace(RECIPE, steps=13)
    assert finetune.what_of("base", examples, longer, lr=1e-3, seed=0) != one
