"""Models whose knowledge is known get the verdict it deserves, from both claims of mc_generation."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from quiz_oracles import (
    INFO,
    STOCK,
    QuizOracle,
    any_option,
    chance,
    gold_place,
    gold_text,
    quiz,
    stock_text,
)

from seepage.hypotheses import mc_generation_compression as compression
from seepage.hypotheses import mc_generation_placebos as placebos
from seepage.hypotheses import mc_generation_recognition as recognition
from seepage.policy import McGenerationPolicy
from seepage.records import Cell, Generated, Outcome
from seepage.verdicts import verdict_from

POLICY = McGenerationPolicy()
BENCH = quiz()


def recognised(says, picks, *, bench=BENCH, policy=POLICY, alpha=0.05):
    oracle = QuizOracle(bench, says=says, picks=picks, policy=policy)
    answers = oracle.ask(recognition.requests(bench, info=INFO, policy=policy, seed=0))
    return recognition.judge(
        bench, answers, info=INFO, policy=policy, alpha=alpha, rng=np.random.default_rng(0), seed=0
    )


def compared(dense, twin, *, bench=BENCH, policy=POLICY, alpha=0.05):
    plan = compression.requests(bench, info=INFO, policy=policy, seed=0)
    before, after = (QuizOracle(bench, says=s, picks=p, policy=policy).ask(plan) for s, p in (dense, twin))
    return compression.judge(
        bench,
        after,
        dense=before,
        dense_info=INFO,
        info=INFO,
        policy=policy,
        alpha=alpha,
        rng=np.random.default_rng(0),
        seed=0,
    )


def word(outcome: Outcome, *, alpha: float = 0.05) -> str:
    return verdict_from(outcome, Cell("mc_generation.any", "stub", "stubs", family="mc_generation", alpha=alpha)).word


def effect(outcome: Outcome, name: str) -> float:
    return next(e.value for e in outcome.effects if e.name == name)


def table(outcome: Outcome, name: str) -> list[tuple]:
    return list(next(t for t in outcome.tables if t.name == name).rows)


def wrong_guess(item, arm):
    return item.options[(item.gold + 1) % len(item.options)]


# --- recognition -----------------------------------------------------------------------------------------------------


def test_who_says_and_picks_everything_has_no_recognition_only():
    outcome = recognised(gold_text, gold_place)
    assert word(outcome) == "no-evidence"
    assert effect(outcome, "RO*") == 0.0
    assert outcome.pvalue == 1.0
    assert any("200 both, 0 picked only, 0 said only, 0 neither of 200" in note for note in outcome.notes)


def test_who_recognises_everything_and_says_nothing_is_found():
    outcome = recognised(stock_text, gold_place)
    assert word(outcome) == "leak"
    assert effect(outcome, "RO*") == pytest.approx(1.0, abs=0.05)
    assert "leak" not in outcome.finding
    assert "contaminat" not in outcome.finding


def test_who_only_says_has_nothing_to_recognise():
    outcome = recognised(gold_text, any_option)
    assert word(outcome) == "no-evidence"
    assert effect(outcome, "RO*") == 0.0


def test_a_guesser_is_not_credited_with_recognition():
    outcome = recognised(stock_text, any_option)
    assert word(outcome) != "leak"
    (found,) = (e for e in outcome.effects if e.name == "RO*")
    assert found.low is not None
    assert found.low <= 0.05
    raw = next(row[2] for row in table(outcome, "scores") if row[0] == "byte")
    assert 0.15 < raw < 0.35  # about 1/K of the items are picked right by luck


def test_a_refuser_cannot_be_tested_and_the_reason_says_so():
    outcome = recognised(lambda item, arm: "I don't know.", gold_place)
    assert word(outcome) == "inconclusive"
    assert "200 refusal" in outcome.inconclusive


def test_who_ends_its_turn_at_once_cannot_be_tested():
    outcome = recognised(lambda item, arm: "", gold_place)
    assert word(outcome) == "inconclusive"
    assert "200 end" in outcome.inconclusive


def test_an_echo_of_all_options_is_hedging_and_wrong():
    outcome = recognised(lambda item, arm: " or ".join(item.options), any_option)
    assert all(row[5] is False for row in table(outcome, "items"))
    assert word(outcome) != "leak"


def test_a_picker_of_the_first_letter_is_right_by_single_shifts_on_one_in_k_and_ties_on_all():
    outcome = recognised(stock_text, lambda item, arm: None)
    letter = next(row for row in table(outcome, "scores") if row[0] == "letter")
    assert letter[3] == len(BENCH)  # ties

    def first_letter(item, arm):
        shift = int(arm.partition(".")[2]) if arm.startswith("letter") else 0
        return (0 - shift) % len(item.options)

    outcome = recognised(stock_text, first_letter)
    letter = next(row for row in table(outcome, "scores") if row[0] == "letter")
    assert letter[3] == len(BENCH)
    assert letter[4] == pytest.approx(0.25)


def test_a_shortcut_in_the_options_counts_as_guessing():
    def without_the_question(item, arm):
        return item.gold if chance(item, 0.6, name="shortcut") else any_option(item, "shortcut")

    outcome = recognised(stock_text, without_the_question)
    (found,) = (e for e in outcome.effects if e.name == "RO*")
    assert found.low is not None
    assert found.low <= 0.05
    assert word(outcome) != "leak"


def test_recognition_by_letters_alone_is_a_disagreement_of_scores():
    outcome = recognised(
        stock_text, lambda item, arm: gold_place(item, arm) if arm.startswith("letter.") else any_option(item, arm)
    )
    assert word(outcome) == "inconclusive"
    assert "scores disagree" in outcome.inconclusive


def test_sentences_around_answers_make_the_judges_differ_and_decide_nothing():
    outcome = recognised(lambda item, arm: f"The word is {item.accepted[0]}", gold_place)
    assert word(outcome) == "inconclusive"
    assert "strict and the lenient judge differ" in outcome.inconclusive


def test_a_dense_model_nobody_promised_as_an_answerer_is_shown_and_not_decided():
    oracle = QuizOracle(BENCH, says=stock_text, picks=gold_place, policy=POLICY)
    answers = oracle.ask(recognition.requests(BENCH, info=INFO, policy=POLICY, seed=0))
    given = {"info": INFO, "policy": POLICY, "alpha": 0.05, "rng": np.random.default_rng(0), "seed": 0}
    outcome = recognition.judge(BENCH, answers, **given, gated=False)
    assert word(outcome) == "inconclusive"
    assert outcome.gated is False


def test_a_model_that_says_other_items_answers_breaks_the_instrument():
    beside = {item.id: placebos.stranger_of(item, BENCH.items, seed=0) for item in BENCH.items}
    outcome = recognised(lambda item, arm: beside[item.id].accepted[0], gold_place)
    assert word(outcome) == "broken"
    assert any(p.name == "another item's gold" and p.fired for p in outcome.placebos)


def test_a_model_that_answers_otherwise_in_another_shape_breaks_the_instrument():
    outcome = recognised(lambda item, arm: STOCK + arm if arm == "reopen" else STOCK, gold_place)
    assert word(outcome) == "broken"
    assert any(p.name == "another shape" and p.fired for p in outcome.placebos)


def test_another_items_gold_may_be_met_by_chance_where_there_are_few_different_ones():
    assert placebos.most_hits(BENCH.items, 200) == pytest.approx(0.02 + 3 * (0.02 * 0.98 / 200) ** 0.5)
    sums = tuple(
        dataclasses.replace(item, options=(str(i % 10 + i // 10 % 10), "banana", "house", "tree"), gold=0)
        for i, item in enumerate(BENCH.items)
    )
    assert 0.1 < placebos.most_hits(sums, 100) < 0.25


def test_a_reply_cut_inside_a_character_is_not_another_reply():
    cut = Generated("日本\N{REPLACEMENT CHARACTER}", "length", 4)
    assert not placebos._differs(cut, Generated("日本語", "length", 5))
    assert placebos._differs(cut, Generated("日光", "length", 5))
    assert placebos._differs(Generated("日本", "stop", 3), Generated("日本語", "length", 5))


# --- compression -----------------------------------------------------------------------------------------------------


def test_a_twin_equal_to_its_dense_model_has_lost_nothing():
    outcome = compared((gold_text, gold_place), (gold_text, gold_place))
    assert word(outcome) == "no-evidence"
    assert outcome.pvalue == 1.0
    assert effect(outcome, "I") == 0.0
    went = [row[1:] for row in table(outcome, "where the items went")]
    assert all(went[i][j] == 0 for i in range(4) for j in range(4) if i != j)
    assert sum(map(sum, went)) == len(BENCH)


def test_a_twin_that_still_picks_and_no_longer_says_is_found():
    outcome = compared((gold_text, gold_place), (stock_text, gold_place))
    assert word(outcome) == "leak"
    assert effect(outcome, "I") == pytest.approx(1.0, abs=0.05)
    assert effect(outcome, "net drop") == 1.0


@pytest.mark.parametrize("seed", range(3))
def test_an_equal_loss_of_knowledge_is_no_illusion(seed):
    def knower(share):
        def says(item, arm):
            return item.accepted[0] if chance(item, share, name=f"knows {seed}") else STOCK

        def picks(item, arm):
            known = chance(item, share, name=f"knows {seed}") and not arm.startswith(("stem", "letterstem"))
            return item.gold if known else any_option(item, f"{arm.partition('.')[0]} {seed}")

        return says, picks

    outcome = compared(knower(0.9), knower(0.6), bench=quiz(400))
    assert word(outcome) == "no-evidence"
    assert effect(outcome, "net drop") > 0.2
    (found,) = (e for e in outcome.effects if e.name == "I")
    assert found.low is not None
    assert found.low <= 0.0 <= found.high


def test_a_dense_model_that_says_nothing_has_nothing_to_lose():
    outcome = compared((stock_text, gold_place), (stock_text, any_option))
    assert word(outcome) == "inconclusive"
    assert "nothing to lose" in outcome.inconclusive


def test_a_pair_with_different_tokenizers_is_refused():
    from seepage.errors import Broken

    plan = compression.requests(BENCH, info=INFO, policy=POLICY, seed=0)
    answers = QuizOracle(BENCH, says=gold_text, picks=gold_place, policy=POLICY).ask(plan)
    with pytest.raises(Broken, match="different tokenizers"):
        compression.judge(
            BENCH,
            answers,
            dense=answers,
            dense_info=dataclasses.replace(INFO, tokenizer="a" * 64),
            info=dataclasses.replace(INFO, tokenizer="b" * 64),
            policy=POLICY,
            alpha=0.05,
            rng=np.random.default_rng(0),
            seed=0,
        )
