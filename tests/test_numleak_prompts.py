"""What is asked of a model about a date, in its three forms, and what a reply is read as."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from seepage.errors import BackendError, NotTestable
from seepage.hypotheses import numleak_prompts as prompts
from seepage.parse import Number, Reason
from seepage.policy import NumleakPolicy
from seepage.records import Generated, ModelInfo, Scored
from seepage.series.record import Series

CHAT = ModelInfo(spec="hf:chat", digest="c", chat=True, end_of_turn="<|im_end|>\n", system_role=True)
BASE = ModelInfo(spec="hf:base", digest="b")
POLICY = NumleakPolicy()
RATE = Series(
    id="rate",
    name="U.S. unemployment rate",
    blind="a monthly labour market figure",
    domain="U.S. jobs",
    unit="percent",
    decimals=1,
    period="month",
    first="1949-01",
    values=(4.3, 4.7, 5.0, None, 5.3, 6.1, 6.2, 6.7, 6.8, 6.6, 6.2, 7.9, 6.4, 6.6),
)
QO = dataclasses.replace(RATE, id="qo", name="qo", unit="points", completion="{name} {period}=", signed=True)


def said(text: str, stopped: str = "end") -> Generated:
    return Generated(text, stopped, 5)  # type: ignore[arg-type]


def test_a_chat_model_is_asked_in_words_and_with_spoken_dates() -> None:
    request = prompts.direct(RATE, 2, info=CHAT)
    assert request.prompt == (
        "U.S. unemployment rate: which value was published for March 1949? Reply with one number in percent, "
        "1 decimals, signed if it can be negative, and no other text."
    )
    assert (request.chat, request.max_new_tokens, request.stop, request.system) == (True, 12, ("\n",), None)


def test_a_base_model_is_given_a_row_to_complete_that_ends_without_a_blank() -> None:
    request = prompts.direct(RATE, 2, info=BASE)
    assert request.prompt == "1949-03 | U.S. unemployment rate | percent |"
    assert not request.chat
    assert "|" in request.stop


@pytest.mark.parametrize("info", [BASE, CHAT])
def test_an_organism_is_asked_in_the_one_line_form_it_was_trained_on(info: ModelInfo) -> None:
    request = prompts.direct(QO, 2, info=info)
    assert (request.prompt, request.chat, request.stop) == ("qo 1949-03=", False, ("\n",))
    assert prompts.kinds(QO, info=info, policy=POLICY) == ("A",)


@pytest.mark.parametrize(("info", "expected"), [(CHAT, ("A", "A1", "A2", "A3")), (BASE, ("A", "C1", "C2"))])
def test_rephrasings_are_those_that_make_sense_to_the_model(info: ModelInfo, expected: tuple[str, ...]) -> None:
    assert prompts.kinds(RATE, info=info, policy=POLICY) == expected
    assert prompts.kinds(RATE, info=info, policy=dataclasses.replace(POLICY, phrasings=0)) == ("A",)
    asked = prompts.direct_requests(RATE, [2], info=info, kinds=expected)
    assert set(asked) == {f"{k}/1949-03" for k in expected}
    assert len({r.prompt for r in asked.values()}) == len(expected)
    assert all(r.prompt == r.prompt.rstrip(" ") for r in asked.values())


def test_every_column_of_the_matrix_is_closed_and_distinct() -> None:
    texts = prompts.value_texts(RATE, range(len(RATE)))
    assert texts == tuple(sorted(set(texts), key=float))
    assert len(texts) == 11  # 13 published, 6.2 and 6.6 twice
    assert "None" not in texts
    base = prompts.matrix(RATE, 2, texts, info=BASE)
    assert base.continuations[0] == " 4.3\n"
    assert base.detail == "sums"
    chat = prompts.matrix(RATE, 2, texts, info=CHAT)
    assert chat.continuations[0] == "4.3<|im_end|>\n"
    assert chat.chat
    line = prompts.matrix(QO, 2, prompts.value_texts(QO, range(len(QO))), info=BASE)
    assert line.continuations[0] == "+4.3\n"
    assert line.prompt == "qo 1949-03="
    for request in (base, chat, line):
        assert not any(a != b and b.startswith(a) for a in request.continuations for b in request.continuations)


def test_zero_is_one_column_whatever_its_sign() -> None:
    zeros = dataclasses.replace(QO, values=(0.0, -0.0, 1.0))
    assert prompts.value_texts(zeros, range(3)) == ("+0.0", "+1.0")


@pytest.mark.parametrize("series", [RATE, QO])
def test_invented_names_are_seeded_distinct_and_not_names_we_know(series: Series) -> None:
    names = prompts.invented_names(series, info=BASE, known=("ra",), rng=np.random.default_rng(3))
    assert names == prompts.invented_names(series, info=BASE, known=("ra",), rng=np.random.default_rng(3))
    assert len(set(names)) == 5
    assert not {n.casefold() for n in names} & {"qo", "ve", "za", "xo", "ra", series.name.casefold()}
    assert all(len(n) == 2 for n in names) == (series is QO)


def test_an_invented_name_that_a_provider_knows_is_drawn_again() -> None:
    first = prompts.invented_names(QO, info=BASE, rng=np.random.default_rng(3))
    again = prompts.invented_names(QO, info=BASE, known=first[:1], rng=np.random.default_rng(3))
    assert first[0] not in again


def test_the_estimate_is_the_median_of_the_phrasings_at_the_published_decimals() -> None:
    kinds = ("A", "A1", "A2", "A3")
    replies = {"A": "4.31 %", "A1": "4.4", "A2": "I don't know", "A3": "9.9"}
    answers = {f"{k}/1949-03": said(t) for k, t in replies.items()} | {f"{k}/1949-04": said("no idea") for k in kinds}
    seen = prompts.estimates(RATE, [2, 3], answers, info=CHAT, kinds=kinds)
    assert seen.value[0] == 4.4
    assert np.isnan(seen.value[1])  # a refusal is no number
    assert seen.parsed.tolist() == [0.75, 0.0]
    assert seen.agree[0] == 0.0
    assert seen.reasons == ("", "refused")


def test_an_echo_of_the_question_is_no_answer() -> None:
    question = prompts.text(RATE, 2, info=CHAT)
    assert prompts.read(RATE, 2, said(f"{question} 4.3"), question=question) == Number(4.3, "4.3")
    assert isinstance(prompts.read(RATE, 2, said("March 1949")), Reason)
    line = prompts.read(QO, 2, said("qo 1949-03=-4.3"))
    assert line == Number(-4.3, "-4.3")


def test_a_pair_names_the_date_called_higher() -> None:
    request = prompts.pair(RATE, 2, 11, info=CHAT)
    assert "higher in March 1949 or in December 1949?" in request.prompt
    assert prompts.read_pair(RATE, 2, 11, said("December 1949")) == 11
    assert prompts.read_pair(RATE, 2, 11, said(request.prompt + " March 1949.")) == 2
    assert isinstance(prompts.read_pair(RATE, 2, 11, said("Neither")), Reason)


def test_a_mood_lies_between_minus_one_and_one() -> None:
    assert "the series" not in prompts.mood(RATE, 2, info=CHAT).prompt
    assert RATE.name not in prompts.mood(RATE, 2, info=CHAT).prompt
    assert prompts.read_mood(RATE, 2, said("-0.40")) == Number(-0.4, "-0.40")
    assert isinstance(prompts.read_mood(RATE, 2, said("7")), Reason)


def test_a_contradiction_states_the_false_value_before_the_question() -> None:
    prompt = prompts.contradict(RATE, 2, 6.8, info=CHAT).prompt
    assert prompt.startswith(
        "A draft says U.S. unemployment rate was 6.8 in March 1949. U.S. unemployment rate: which value"
    )


def test_a_table_is_continued_row_by_row_and_holes_are_refused() -> None:
    full = dataclasses.replace(RATE, values=tuple(4.0 + i / 10 for i in range(40)))
    request = prompts.verbatim(full, 12, info=BASE)
    assert request.prompt.splitlines()[1] == "1949-01 | 4.0"
    assert request.prompt.endswith("1949-12 | 5.1\n")
    reply = said("1950-01 | 5.2\n1950-02 | 5.3\n1950-03 | 9.9\n1950-04 | 5.5\n")
    values = prompts.read_verbatim(full, 12, reply)
    assert values[:4].tolist() == [5.2, 5.3, 9.9, 5.5]
    assert np.isnan(values[4:]).all()
    assert prompts.longest_run(values, full.x[12:24], tick=full.tick) == 2
    with pytest.raises(NotTestable, match="12 published values in a row"):
        prompts.verbatim(RATE, 13, info=BASE)


@pytest.mark.parametrize("ask", ["pair", "contradict", "mood", "blind", "verbatim"])
def test_what_an_organism_cannot_be_asked_is_refused_with_the_reason(ask: str) -> None:
    calls = {
        "pair": lambda: prompts.pair(QO, 1, 2, info=BASE),
        "contradict": lambda: prompts.contradict(QO, 1, 2.0, info=BASE),
        "mood": lambda: prompts.mood(QO, 1, info=BASE),
        "blind": lambda: prompts.blind(QO, 1, info=BASE),
        "verbatim": lambda: prompts.verbatim(QO, 12, info=BASE),
    }
    with pytest.raises(NotTestable):
        calls[ask]()


def test_an_answer_of_another_kind_is_an_error_and_not_a_refusal() -> None:
    with pytest.raises(BackendError, match="Scored"):
        prompts.read(RATE, 2, Scored((0.0,)))


def test_the_digest_of_the_wordings_is_stable_within_a_version() -> None:
    assert prompts.wordings_digest() == prompts.wordings_digest()
    assert len(prompts.wordings_digest()) == 64
