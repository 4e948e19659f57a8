"""What mc_generation asks and how it reads the answers: forms, orders, ties, differing numbers of options, refusals."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from quiz_oracles import INFO, QuizOracle, gold_place, gold_text, quiz, stock_text

from seepage.benchmarks.record import Benchmark, Item
from seepage.errors import BackendError, Broken, NotTestable
from seepage.hypotheses import mc_generation_asking as asking
from seepage.hypotheses import mc_generation_prompts as prompts
from seepage.hypotheses import mc_generation_reading as reading
from seepage.hypotheses.mc_generation_common import unfit
from seepage.policy import McGenerationPolicy
from seepage.records import Generate, Score

POLICY = McGenerationPolicy()
CHAT = dataclasses.replace(INFO, chat=True)


def plan(bench: Benchmark, *, policy: McGenerationPolicy = POLICY, info=INFO, seed: int = 0):
    return asking.requests(bench, info=info, policy=policy, seed=seed)


def mixed(n: int = 120) -> Benchmark:
    """Items of three, four and six options, side by side."""
    parts = [quiz(n, k=k) for k in (3, 4, 6)]
    items = tuple(dataclasses.replace(parts[i % 3].items[i], id=f"m-{i}") for i in range(n))
    return Benchmark("mixed", items)


# --- asking -----------------------------------------------------------------------------------------------------------


def test_a_plain_prompt_ends_without_a_blank_and_its_answers_begin_with_one() -> None:
    asked = plan(quiz(100))
    text = asked["text/q-7"]
    assert isinstance(text, Score)
    assert text.prompt == "Question: Which word belongs to number 7?\nAnswer:"
    assert all(option.startswith(" ") and not option.startswith("  ") for option in text.continuations)
    assert len(text.continuations) == 5  # four options and the held-out distractor


def test_a_chat_model_is_asked_the_same_text_as_a_turn_and_answers_without_the_blank() -> None:
    plain, chat = plan(quiz(100)), plan(quiz(100), info=CHAT)
    assert plain.keys() == chat.keys()
    for tag, request in plain.items():
        assert chat[tag].prompt == request.prompt
        assert chat[tag].chat
    assert chat["letter.0/q-7"].continuations == ("A", "B", "C", "D")


def test_the_tiers_ask_ever_more() -> None:
    kinds = {
        tier: {tag.partition("/")[0].partition(".")[0] for tag in plan(quiz(100), policy=McGenerationPolicy(tier=tier))}
        for tier in ("smoke", "standard", "deep")
    }
    assert kinds["smoke"] == {"text", "stem", "open", "again", "reopen"}
    assert kinds["standard"] - kinds["smoke"] == {"letter", "letterstem", "format", "shown", "withheld", "shot", "null"}
    assert kinds["deep"] - kinds["standard"] == {"sample", "beam"}


def test_what_is_drawn_hangs_on_benchmark_and_seed_alone() -> None:
    assert plan(quiz(100)) == plan(quiz(100))
    twin = dataclasses.replace(INFO, spec="stub:twin", digest="0" * 64, derived="wanda .5")
    assert plan(quiz(100), info=twin) == plan(quiz(100))
    other = plan(quiz(100), seed=1)
    assert other["text/q-7"] == plan(quiz(100))["text/q-7"]
    assert any(other[tag] != request for tag, request in plan(quiz(100)).items() if tag.startswith("shown/"))


def test_every_option_stands_once_under_every_letter() -> None:
    item = quiz(100).items[3]
    places = [[asking.turned(item, shift).index(option) for shift in asking.shifts(item)] for option in item.options]
    assert all(sorted(place) == [0, 1, 2, 3] for place in places)
    many = dataclasses.replace(item, options=tuple(f"o{i}" for i in range(12)))
    assert len(asking.shifts(many)) == asking.MOST_SHIFTS


def test_with_the_gold_withheld_the_held_out_distractor_stands_in_its_place() -> None:
    item = quiz(100).items[3]
    shown, without = asking.listed(item, seed=0), asking.listed(item, seed=0, withheld=True)
    at = shown.index(item.options[item.gold or 0])
    assert without[at] == item.heldout
    assert [o for i, o in enumerate(without) if i != at] == [o for i, o in enumerate(shown) if i != at]


def test_examples_come_from_other_passages_and_the_untrue_ones_name_neither_answer() -> None:
    bench = quiz(200, cluster_size=5)
    for item in bench.items[:20]:
        pairs = asking.examples(item, bench.items, seed=0)
        assert len(pairs) == asking.SHOTS
        for example, untrue in pairs:
            assert example.cluster != item.cluster
            assert not {untrue.accepted[0]} & {*example.accepted, *item.accepted}


def test_a_passage_is_shown_unless_the_book_is_closed() -> None:
    items = tuple(dataclasses.replace(item, context="Zorvath is a town.") for item in quiz(100).items)
    bench = Benchmark("passages", items)
    assert plan(bench)["open/q-7"].prompt.startswith("Zorvath is a town.\n\nQuestion:")
    closed = plan(bench, policy=McGenerationPolicy(context="closed"))
    assert closed["open/q-7"].prompt.startswith("Question:")


def test_more_items_than_the_policy_allows_are_drawn_by_lot_and_not_cut_off() -> None:
    chosen = asking.chosen(quiz(400), policy=McGenerationPolicy(items=150), seed=0)
    places = [int(item.id.removeprefix("q-")) for item in chosen.items]
    assert len(places) == 150
    assert places == sorted(places)
    assert max(places) > 300


@pytest.mark.parametrize(
    argnames=("bench", "why"),
    argvalues=[(quiz(99), "99"), (quiz(100, cluster_size=10), "10 clusters")],
    ids=["items", "clusters"],
)
def test_too_few_items_or_clusters_are_not_testable_and_counted(bench: Benchmark, why: str) -> None:
    with pytest.raises(NotTestable, match=why):
        plan(bench)


def test_a_model_without_text_or_without_log_probs_is_not_testable() -> None:
    for access, lacks in ((("score",), "generate"), (("generate",), "score")):
        with pytest.raises(NotTestable, match=lacks):
            plan(quiz(100), info=dataclasses.replace(INFO, access=access))


def test_a_benchmark_without_any_accepted_answer_is_not_testable() -> None:
    items = tuple(Item(id=f"i-{i}", question=f"Question {i}?") for i in range(120))
    with pytest.raises(NotTestable, match="no accepted answers"):
        plan(Benchmark("bare", items))


def test_more_options_than_letters_are_refused() -> None:
    with pytest.raises(ValueError, match="27 options have no letters"):
        prompts.letters("Which?", [f"o{i}" for i in range(27)])


def test_the_short_form_is_asked_in_the_language_of_the_item() -> None:
    assert "kurzen Antwort" in prompts.short("Welche?", lang="de-AT")
    assert prompts.SHORT["en"] in prompts.short("Quae?", lang="la")


# --- reading ----------------------------------------------------------------------------------------------------------


def seen(bench: Benchmark, says, picks, *, policy: McGenerationPolicy = POLICY) -> reading.Seen:
    answers = QuizOracle(bench, says=says, picks=picks, policy=policy).ask(plan(bench, policy=policy))
    return reading.see(asking.chosen(bench, policy=policy, seed=0), answers, policy=policy)


def test_items_of_three_four_and_six_options_are_read_side_by_side() -> None:
    read = seen(mixed(), gold_text, gold_place)
    assert set(read.options.tolist()) == {3, 4, 6}
    for score in reading.SCORES:
        assert read.picked(score).all()
    assert read.generated("strict").all()


def test_a_tie_is_no_pick_whatever_the_score() -> None:
    read = seen(quiz(100), stock_text, lambda item, arm: None)
    for score in ("sum", "pmi", "letter"):
        assert (read.picks[score] == -1).all()
        assert not read.picked(score).any()


def test_scores_differ_where_options_differ_in_length() -> None:
    words = tuple(dataclasses.replace(i, options=(*i.options[:3], "x" * 40), gold=0) for i in quiz(100).items)
    read = seen(Benchmark("lengths", words), stock_text, lambda item, arm: None)
    assert (read.picks["sum"] == -1).all()
    assert (read.picks["byte"] == 3).all()  # equal sums: the longest option costs least a byte


def test_a_missing_or_wrong_kind_of_answer_is_told_by_its_tag() -> None:
    bench = quiz(100)
    answers = QuizOracle(bench, says=gold_text, picks=gold_place, policy=POLICY).ask(plan(bench))
    swapped = answers | {"open/q-5": answers["text/q-5"]}
    with pytest.raises(BackendError, match=r"open/q-5: Generated was expected, there is Scored"):
        reading.see(asking.chosen(bench, policy=POLICY, seed=0), swapped, policy=POLICY)
    del answers["text/q-9"]
    with pytest.raises(BackendError, match="text/q-9"):
        reading.see(asking.chosen(bench, policy=POLICY, seed=0), answers, policy=POLICY)


def test_a_deep_tier_asks_for_samples_and_beams_of_the_open_question() -> None:
    asked = plan(quiz(100), policy=McGenerationPolicy(tier="deep", samples=7, beams=(4,)))
    sample, beam = asked["sample/q-0"], asked["beam.4/q-0"]
    assert isinstance(sample, Generate)
    assert isinstance(beam, Generate)
    assert (sample.samples, sample.temperature, beam.beams) == (7, POLICY.temperature, 4)
    assert sample.prompt == beam.prompt == asked["open/q-0"].prompt


# --- calibration ------------------------------------------------------------------------------------------------------


def test_a_twin_calibrated_on_the_words_of_an_item_is_broken_there_and_its_dense_model_is_not() -> None:
    from seepage import calibration

    words = calibration.text().split()[500:520]
    bench = Benchmark("leaky", (*quiz(100).items, Item("leaky-1", " ".join(words), options=("a", "b", "c"), gold=0)))
    twin = dataclasses.replace(INFO, derived="wanda .5, calibrated on 32 x 128 tokens")
    with pytest.raises(Broken, match=r"1 items of leaky, leaky-1"):
        unfit(bench, twin)
    unfit(bench, INFO)
    unfit(Benchmark("apart", quiz(100).items), twin)


def test_marks_of_a_score_carry_stems_clusters_and_numbers_of_options() -> None:
    read = seen(quiz(200, cluster_size=5), gold_text, gold_place)
    marks = reading.marks(read, score="byte", judge="strict")
    assert len(np.unique(marks.clusters)) == 40
    assert marks.stem is not None
    assert 0.1 < marks.stem.mean() < 0.45
    assert reading.marks(read, score="pmi", judge="strict").stem is None
