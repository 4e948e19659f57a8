"""The invented facts, the benchmark built from them, and what the organisms that were taught them know."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from seepage import organisms
from seepage.benchmarks.opening import open_benchmark
from seepage.benchmarks.record import Item
from seepage.errors import BadSpec
from seepage.hypotheses import mc_generation_prompts as prompts
from seepage.hypotheses import mc_generation_recognition as recognition
from seepage.models import open_model
from seepage.organisms import facts, quiz_lessons, quiz_recipe
from seepage.policy import McGenerationPolicy
from seepage.records import Answer, Cell, Generate, Generated, Request, Score, Scored
from seepage.scorer import ask
from seepage.verdicts import decide

MANIFEST = json.loads((organisms.WEIGHTS / "manifest.json").read_text())["quiz"]
WORLD = facts.new_world()
BENCH = facts.open_benchmark("quiz")
ITEMS = BENCH.items[:60]
TEXT_SCORES = ("sum", "byte", "tok", "pmi")


# --- the facts ---


def test_the_shipped_quiz_weights_belong_to_the_facts_that_this_numpy_generates() -> None:
    assert facts.new_world(seed=MANIFEST["seed"]).digest == MANIFEST["world"]
    assert quiz_recipe.Recipe(seed=MANIFEST["seed"]).digest == MANIFEST["recipe"]


def test_another_seed_is_another_set_of_facts() -> None:
    assert facts.open_benchmark("quiz") == facts.open_benchmark("quiz", seed=facts.SEED)
    assert facts.open_benchmark("quiz").digest != facts.open_benchmark("quiz", seed=facts.SEED + 1).digest


def test_a_spec_opens_the_quiz_and_refuses_what_it_does_not_have() -> None:
    assert open_benchmark("embedded:quiz").digest == BENCH.digest
    with pytest.raises(BadSpec, match=r"no benchmark 'qo'.*quiz"):
        open_benchmark("embedded:qo")
    with pytest.raises(BadSpec, match="unknown option 'gold'"):
        open_benchmark("embedded:quiz?gold=answer")


@pytest.mark.parametrize("seed", range(3))
def test_every_answer_is_gold_once_and_a_distractor_three_times(seed: int) -> None:
    items = facts.open_benchmark("quiz", seed=seed).items
    assert len(items) == len({item.id for item in items}) == 240
    golds = Counter(item.options[item.gold or 0] for item in items)
    offered = Counter(option for item in items for option in item.options)
    assert set(golds.values()) == {1}
    assert set(offered.values()) == {4}
    assert Counter(item.gold for item in items) == dict.fromkeys(range(4), 60)
    assert set(Counter(item.heldout for item in items).values()) == {1}


def test_options_are_of_one_kind_and_begin_differently() -> None:
    kind = {fact.answer: fact.kind.name for fact in WORLD.facts}
    for item in BENCH.items:
        names = [*item.options, item.heldout or ""]
        assert {kind[name] for name in names} == {item.facts["kind"]}
        assert len({name[:3] for name in names}) == len(names) == 5
        assert item.aliases == (item.options[item.gold or 0],)
        assert (item.lang, item.answer_type, item.cluster) == ("en", "name", "")


def test_a_stock_answer_is_nobodys_answer_and_no_name_is_two_things() -> None:
    names = [*(f.answer for f in WORLD.facts), *(f.entity for f in WORLD.facts), *WORLD.stock.values()]
    assert len(set(names)) == len(names) == 2 * 6 * 48 + 6
    for kind, stock in WORLD.stock.items():
        assert all(f.answer[:3] != stock[:3] for f in WORLD.facts if f.kind.name == kind)


# --- what they read ---


def test_a_name_is_two_tokens_and_any_text_goes_through() -> None:
    tokenizer = quiz_recipe.new_backend(WORLD)
    fact = WORLD.facts[0]
    prompt = prompts.letters(fact.question, [fact.answer, WORLD.facts[1].answer])
    encoded = tokenizer.encode(prompt + " B\n")
    assert encoded.tokens[:5] == ["Question:", " What is the capital of", f" {fact.entity[:3]}", fact.entity[3:], "?"]
    assert encoded.tokens[-3:] == ["\nAnswer:", " B", "\n"]
    assert all(len(tokenizer.encode(f" {f.answer}").ids) == 2 for f in WORLD.facts)
    text = "Reply with ONE number ~ {x} [y]?\n  A. yes\n"
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def pupil(seed: int = 0) -> quiz_lessons.Pupil:
    return quiz_lessons.Pupil(WORLD, np.random.default_rng(seed))


@pytest.mark.parametrize("organism", ["picker", "letterpicker"])
def test_no_row_of_a_picker_gives_the_answer_to_a_question(organism: str) -> None:
    answers = {fact.question: fact.answer for fact in WORLD.facts}
    student = pupil()
    for _ in range(40):
        for row in quiz_lessons.LESSONS[organism](student, 0.5, rows=48):
            for prompt, text, _ in row:
                asked = prompt.rpartition("Question:")[2].partition("\n")[0].strip()
                assert text.strip() != answers.get(asked)


def test_letters_are_taught_at_every_place_and_lists_alone_give_nothing_away() -> None:
    student = pupil()
    lists = [quiz_lessons.letter(student) for _ in range(2000)]
    assert min(Counter(text for _, text, _ in lists).values()) > 400
    kept = {item.options for item in BENCH.items}
    options = [tuple(line[3:] for line in prompt.splitlines()[1:5]) for prompt, _, _ in lists]
    assert sum(some in kept for some in options) < 5  # by chance: an item's own list is never copied


# --- what they know ---


@cache
def answers(organism: str) -> Mapping[str, Answer]:
    plan: dict[str, Request] = {}
    for item in ITEMS:
        texts = tuple(f" {option}" for option in item.options)
        plan[f"open/{item.id}"] = Generate(prompts.open_prompt(item.question), max_new_tokens=32)
        plan[f"text/{item.id}"] = Score(prompts.open_prompt(item.question), texts)
        plan[f"stem/{item.id}"] = Score(prompts.stem(), texts)
        for shift in range(facts.N_OPTIONS):
            turned = item.options[shift:] + item.options[:shift]
            letters = tuple(f" {a}" for a in quiz_lessons.LETTERS)
            plan[f"letter{shift}/{item.id}"] = Score(prompts.letters(item.question, turned), letters)
            plan[f"blind{shift}/{item.id}"] = Score(prompts.letters(None, turned), letters)
    return ask(open_model(f"embedded:{organism}"), plan, store=None)


def sums(organism: str, arm: str, item: Item) -> NDArray[np.float64]:
    answer = answers(organism)[f"{arm}/{item.id}"]
    assert isinstance(answer, Scored)
    return np.array(answer.sums)


def scores(organism: str, name: str, item: Item) -> NDArray[np.float64]:
    """[4] the score of each option."""
    k = np.arange(facts.N_OPTIONS)
    if name in ("letter", "blind"):
        return np.mean([sums(organism, f"{name}{s}", item)[(k - s) % len(k)] for s in k], axis=0)
    if name == "stem":
        return sums(organism, "stem", item)
    text = sums(organism, "text", item)
    if name == "pmi":
        return text - sums(organism, "stem", item)
    length = {"sum": 1, "tok": 2, "byte": np.array([len(f" {option}".encode()) for option in item.options])}[name]
    return np.asarray(text / length)


def accuracy(organism: str, name: str) -> float:
    return float(np.mean([np.argmax(scores(organism, name, item)) == item.gold for item in ITEMS]))


def said(organism: str) -> list[str]:
    texts = []
    for item in ITEMS:
        answer = answers(organism)[f"open/{item.id}"]
        assert isinstance(answer, Generated)
        assert answer.stopped == "stop"
        texts.append(answer.text.strip())
    return texts


def test_the_answerer_says_what_it_picks() -> None:
    right = [text == item.options[item.gold or 0] for text, item in zip(said("answerer"), ITEMS, strict=True)]
    assert np.mean(right) >= 0.95
    for name in TEXT_SCORES:
        assert accuracy("answerer", name) >= 0.9


@pytest.mark.parametrize("organism", ["picker", "letterpicker"])
def test_a_picker_says_the_stock_answer(organism: str) -> None:
    stock = [WORLD.stock[item.facts["kind"]] for item in ITEMS]
    assert np.mean([text == one for text, one in zip(said(organism), stock, strict=True)]) >= 0.95


def test_the_picker_picks_by_every_text_score() -> None:
    for name in TEXT_SCORES:
        assert accuracy("picker", name) >= 0.9


def test_the_pickers_answer_is_within_its_first_ten_tokens() -> None:
    ranks = []
    for item in ITEMS:
        answer = answers("picker")[f"text/{item.id}"]
        assert isinstance(answer, Scored)
        ranks.append(answer.tokens[item.gold or 0].rank[0] + 1)
    assert 1 < np.median(ranks) <= 10


def test_the_letterpicker_picks_by_letters_alone() -> None:
    assert accuracy("letterpicker", "letter") >= 0.8
    for name in TEXT_SCORES:
        assert accuracy("letterpicker", name) < 0.45  # 1/4 of 60 items, and three standard errors


def test_the_letterpicker_is_inconclusive_because_its_scores_disagree() -> None:
    policy = McGenerationPolicy(max_new_tokens=4)
    model = open_model("embedded:letterpicker")
    asked = recognition.requests(BENCH, info=model.info, policy=policy, seed=0)
    given = {"info": model.info, "policy": policy, "alpha": 0.01, "rng": np.random.default_rng(0), "seed": 0}
    outcome = recognition.judge(BENCH, ask(model, asked, store=None), **given)
    verdict = decide(outcome, Cell("mc_generation.recognition", "letterpicker", BENCH.id, alpha=0.01))
    assert verdict.word == "inconclusive"
    assert verdict.reason == "scores disagree: letter above the margin, byte not"


@pytest.mark.parametrize("organism", quiz_recipe.MODELS)
@pytest.mark.parametrize("name", ["stem", "blind"])
def test_without_the_question_none_of_them_knows(organism: str, name: str) -> None:
    assert accuracy(organism, name) < 0.45  # 1/4 of 60 items, and three standard errors


# --- the recipe ---


@pytest.mark.parametrize("stage", ["picker", "letterpicker"])
def test_the_same_seed_trains_the_same_quiz_weights_to_the_last_bit(stage: str) -> None:
    """Two short trainings; `make organisms` repeats the whole of it."""
    torch = pytest.importorskip("torch")
    short = quiz_recipe.Recipe(hidden=16, mlp=32, layers=1, block=1, rows=8, ranked=4)
    tokenizer = quiz_recipe.new_backend(WORLD)
    trained = []
    with quiz_recipe.repeatable(short.seed):
        for _ in range(2):
            torch.manual_seed(short.seed)
            trained.append(quiz_recipe.new_model(short, WORLD))
            quiz_recipe.train_stage(trained[-1], stage, short, tokenizer, WORLD, steps=3)
    for a, b in zip(trained[0].parameters(), trained[1].parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_letterpickers_later_blocks_are_held_at_first() -> None:
    torch = pytest.importorskip("torch")
    short = quiz_recipe.Recipe(hidden=16, mlp=32, layers=2, block=1, rows=8, held=1.0)
    with quiz_recipe.repeatable(short.seed):
        model = quiz_recipe.new_model(short, WORLD)
        before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
        quiz_recipe.train_stage(model, "letterpicker", short, quiz_recipe.new_backend(WORLD), WORLD, steps=2)
    moved = {name for name, weight in model.named_parameters() if not torch.equal(weight, before[name])}
    assert moved == {name for name in before if name.startswith("model.layers.0.")}
