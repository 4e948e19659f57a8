"""Texts in batches against texts alone without a cache; draws against the softmax; beams against transformers."""

from __future__ import annotations

import functools
import logging
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from modelkit import CHARACTERS, character_tokenizer, pair_tokenizer, write_model
from scipy.stats import chisquare

from seepage.errors import BackendError, BadSpec
from seepage.models import decoding, generation, open_model
from seepage.models.hf import HFModel
from seepage.records import Answer, Generate, Generated, ModelInfo, Request, Score
from seepage.scorer import ask
from seepage.store import Store, answer_from_json, answer_to_json

ATTENDING = ["llama", "gpt2", "gpt_neox", "qwen3", "mistral", "gemma2", "bloom"]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    @functools.cache
    def written(architecture: str, pairs: bool) -> Path:
        tokenizer = pair_tokenizer() if pairs else character_tokenizer()
        return write_model(tmp_path_factory.mktemp(architecture), architecture=architecture, tokenizer=tokenizer)

    return written


@pytest.fixture
def model(folder: Any) -> Any:
    def opened(architecture: str = "llama", *, pairs: bool = False) -> HFModel:
        found = open_model(f"hf:{folder(architecture, pairs)}")
        assert isinstance(found, HFModel)
        return found

    return opened


def asked(model: HFModel, requests: Sequence[Generate]) -> list[Generated]:
    answers = dict(model.answers(requests))
    texts = [answers[i] for i in range(len(requests))]
    assert all(isinstance(text, Generated) for text in texts)
    return texts  # type: ignore[return-value]


def words(rng: random.Random, low: int, high: int) -> str:
    return "".join(rng.choice(CHARACTERS) for _ in range(rng.randint(low, high)))


def mixed(seed: int, n: int = 18) -> list[Generate]:
    """Long and short prompts, some with a common header, limits and stops of all kinds."""
    rng = random.Random(seed)
    header = words(rng, 20, 20)
    stops = [("\n",), ("A", "q"), ("ab", "7"), tuple("ABCDEFGHIJKLMNOPQR"), tuple("abcdefghi0123456 "), ()]
    return [
        Generate((header if i % 2 else "") + words(rng, 1, 30), rng.choice((1, 5, 9)), rng.choice(stops))
        for i in range(n)
    ]


def plainly(model: HFModel, request: Generate) -> Generated:
    """The definition: no batch, no cache, the whole text decoded at every token."""
    import torch

    network, tokenizer = model.engine.model, model.encoder.tokenizer
    ids = list(model.encoder.prompt(request.prompt, chat=False))
    tokens: list[int] = []
    while True:
        with torch.inference_mode():
            token = int(network(input_ids=torch.tensor([ids + tokens]), use_cache=False).logits[0, -1].argmax())
        if token == 2:
            return Generated(tokenizer.decode(tokens, skip_special_tokens=True), "end", len(tokens))
        tokens.append(token)
        text = tokenizer.decode(tokens, skip_special_tokens=True)
        if found := [at for stop in request.stop if (at := text.find(stop)) >= 0]:
            return Generated(text[: min(found)], "stop", len(tokens))
        if len(tokens) == request.max_new_tokens:
            return Generated(text, "length", len(tokens))


# --- greedy --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(argnames="pairs", argvalues=[False, True], ids=["characters", "pairs"])
@pytest.mark.parametrize(argnames="architecture", argvalues=[*ATTENDING, "mamba"])
def test_a_text_in_a_batch_is_the_text_alone_without_a_cache(model: Any, architecture: str, pairs: bool) -> None:
    opened = model(architecture, pairs=pairs)
    requests = mixed(3)
    answers = asked(opened, requests)
    assert answers == [plainly(opened, request) for request in requests]
    assert {"stop", "length"} <= {answer.stopped for answer in answers}


def test_batches_however_small_give_the_same_texts(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    opened, requests = model(), mixed(4, 20)
    whole = asked(opened, requests)
    backwards = asked(opened, requests[::-1])[::-1]
    for rows, size, chunk in ((1, 2**30, 2048), (3, 2**30, 20), (256, 40_000, 64)):
        monkeypatch.setattr(generation, "ROWS", rows)
        monkeypatch.setattr(generation, "CACHE_BYTES", size)
        monkeypatch.setattr(decoding, "CHUNK", chunk)
        assert asked(opened, requests) == whole == backwards


def test_a_model_that_padding_disturbs_goes_one_prompt_at_a_time(
    model: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    opened, requests = model("gpt2"), mixed(5)
    whole = asked(opened, requests)
    monkeypatch.setattr(generation, "TRIED_FROM", 2)
    assert asked(opened, requests) == whole
    monkeypatch.setattr(generation, "padding_gap", lambda *_: 0.3)
    with caplog.at_level(logging.WARNING, logger="seepage"):
        assert asked(opened, requests) == whole
    assert "one prompt at a time" in caplog.text


def test_the_padding_of_a_model_that_ignores_positions_is_noticed(model: Any) -> None:
    network = model("gpt2").engine.model
    short, long = (5, 6, 7), tuple(range(5, 25))
    assert decoding.padding_gap(network, short, long) < 1e-4
    forward = network.transformer.forward
    network.transformer.forward = lambda *args, position_ids=None, **rest: forward(*args, **rest)
    assert decoding.padding_gap(network, short, long) > 1e-2


def test_a_common_header_is_computed_once(model: Any) -> None:
    opened = model()
    computed = []
    opened.engine.model.register_forward_pre_hook(
        lambda _, __, given: computed.append(given["input_ids"].numel()), with_kwargs=True
    )
    asked(opened, [Generate("header " * 10 + c * 5, 1) for c in "abcdef"])
    assert sum(computed) == 70 + 6 * 5


def test_a_stop_across_token_borders_is_found_where_it_begins(model: Any) -> None:
    opened, said = model(pairs=True), "xyz of the series in 1.25 and the value\nagain"
    ids = opened.encoder.tokenizer(said, add_special_tokens=False)["input_ids"]
    script(opened, ids)
    assert len(ids) < len(said)
    rng = random.Random(8)
    for _ in range(40):
        start, length = rng.randrange(len(said) - 4), rng.randint(1, 6)
        stop = said[start : start + length]
        (found,) = asked(opened, [Generate("x", 60, (stop, "never"))])
        n = next(n for n in range(1, len(ids) + 1) if stop in opened.encoder.tokenizer.decode(ids[:n]))
        assert found == Generated(said[: said.find(stop)], "stop", n)


def test_a_stop_in_a_character_of_several_tokens_is_found(model: Any) -> None:
    opened = model(pairs=True)
    tokenizer = opened.encoder.tokenizer
    ids = tokenizer("ab≥ cd", add_special_tokens=False)["input_ids"]
    script(opened, ids)
    assert asked(opened, [Generate("x", 20, ("≥",))]) == [
        Generated("ab", "stop", ids.index(tokenizer("c")["input_ids"][0]) - 1)
    ]
    assert asked(opened, [Generate("x", 20, (" ",))])[0].text == "ab≥"


def script(opened: HFModel, ids: Sequence[int], end: int = 2) -> None:
    """The model says these tokens after a prompt of one token, then the end."""
    import torch

    network = opened.engine.model
    said = [*ids, end]

    def forward(_: Any, __: Any, given: dict[str, Any], output: Any) -> Any:
        positions = given["position_ids"][:, -1]
        logits = torch.full_like(output.logits, -20.0)
        for row, at in enumerate(positions.tolist()):
            logits[row, -1, said[min(at, len(said) - 1)]] = 20.0
        output.logits = logits
        return output

    network.register_forward_hook(forward, with_kwargs=True)


def test_ends_and_lengths_are_told_apart(model: Any) -> None:
    opened = model()
    ids = opened.encoder.tokenizer("one\ntwo", add_special_tokens=False)["input_ids"]
    script(opened, ids)
    requests = [
        Generate("x", 20),
        Generate("x", 20, ()),
        Generate("x", 2),
        Generate("x", 4, ("\n",)),
        Generate("x", 7, ()),
    ]
    assert asked(opened, requests) == [
        Generated("one", "stop", 4),
        Generated("one\ntwo", "end", 7),
        Generated("on", "length", 2),
        Generated("one", "stop", 4),
        Generated("one\ntwo", "length", 7),
    ]


def test_a_text_may_be_empty(model: Any) -> None:
    opened = model()
    script(opened, [])
    assert asked(opened, [Generate("x"), Generate("x", samples=3), Generate("x", beams=2)])[:2] == [
        Generated("", "end", 0),
        Generated("", "end", 0, ("", "")),
    ]


# --- rows ----------------------------------------------------------------------------------------------------------


def test_rows_move_as_little_as_they_must_and_none_reads_an_overwritten_one() -> None:
    rng = random.Random(1)
    for _ in range(300):
        n_old = rng.randint(1, 8)
        owner = [rng.randrange(3) for _ in range(n_old)]
        parents = [rng.randrange(n_old) for _ in range(rng.randint(1, 10))]
        order, sources = decoding._settled(parents, owner)
        assert sorted(order) == list(range(len(parents)))
        assert sources == [parents[entry] for entry in order]
        moved = {slot for slot, source in enumerate(sources) if slot != source}
        assert not moved & set(sources)
        assert len(moved) == len(parents) - len({p for p in parents if p < len(parents)})


# --- drawn ---------------------------------------------------------------------------------------------------------


def test_draws_do_not_depend_on_what_else_is_asked(model: Any) -> None:
    opened = model()
    drawn = [Generate(f"{i}: the", 6, ("a",), samples=5, temperature=0.7, seed=i) for i in range(8)]
    together = asked(opened, [*mixed(2), *drawn])[18:]
    assert together == [asked(opened, [request])[0] for request in drawn]
    assert all(len(answer.others) == 4 for answer in together)


def test_another_seed_draws_other_texts(model: Any) -> None:
    one, same, other = asked(
        model(), [Generate("the", 6, samples=8), Generate("the", 6, samples=8), Generate("the", 6, samples=8, seed=1)]
    )
    assert one == same
    assert (one.text, *one.others) != (other.text, *other.others)


@pytest.mark.parametrize(argnames="temperature", argvalues=[0.7, 1.0, 2.0])
def test_draws_are_as_frequent_as_the_softmax_says(model: Any, temperature: float) -> None:
    """Chi-square of 20,000 first tokens, those of expectation below 5 pooled; the model's own top_k is ignored."""
    import torch

    opened = model("gpt2")
    opened.engine.model.generation_config.top_k = 1
    opened.engine.model.generation_config.temperature = 9.0
    n = 20_000
    (answer,) = asked(opened, [Generate("the value", 1, (), samples=n, temperature=temperature)])
    tokenizer = opened.encoder.tokenizer
    ids = torch.tensor([opened.encoder.prompt("the value", chat=False)])
    with torch.inference_mode():
        logits = opened.engine.model(input_ids=ids).logits[0, -1].double()
    expected = n * (logits / temperature).softmax(-1).numpy()
    seen = Counter([answer.text, *answer.others])
    observed = np.array([seen[tokenizer.decode([token])] for token in range(len(expected))], dtype=float)
    special = [0, 1, 2, 3]  # all of them read as nothing
    observed[special], observed[0] = 0.0, seen[""]
    expected[0] = expected[special].sum()
    frequent = (expected >= 5) & ~np.isin(np.arange(len(expected)), special[1:])
    rare = ~frequent & ~np.isin(np.arange(len(expected)), special[1:])
    observed = np.append(observed[frequent], observed[rare].sum())
    expected = np.append(expected[frequent], expected[rare].sum())
    kept = expected > 0
    assert chisquare(observed[kept], expected[kept]).pvalue > 0.01


def test_a_low_temperature_is_greedy(model: Any) -> None:
    greedy, cold = asked(model(), [Generate("the", 8), Generate("the", 8, samples=3, temperature=1e-4)])
    assert {cold.text, *cold.others} == {greedy.text}


# --- beams ---------------------------------------------------------------------------------------------------------


def theirs(opened: HFModel, request: Generate, ends: list[int]) -> list[str]:
    """transformers' final beams, best first."""
    import torch

    ids = torch.tensor([opened.encoder.prompt(request.prompt, chat=False)])
    beams = opened.engine.model.generate(
        ids, num_beams=request.beams, num_return_sequences=request.beams, do_sample=False, length_penalty=1.0,
        early_stopping=False, max_new_tokens=request.max_new_tokens, eos_token_id=ends, pad_token_id=0,
    )  # fmt: skip
    texts = []
    for row in beams[:, ids.shape[1] :].tolist():
        at = next((i for i, token in enumerate(row) if token in ends), len(row))
        texts.append(opened.encoder.tokenizer.decode(row[:at], skip_special_tokens=True))
    return texts


@pytest.mark.parametrize(argnames="architecture", argvalues=["llama", "gpt2", "gpt_neox", "qwen3", "gemma2", "mamba"])
def test_final_beams_are_those_of_transformers(model: Any, architecture: str) -> None:
    opened = model(architecture)
    ends = [2, *range(20, 60, 4)]
    opened.engine.model.generation_config.eos_token_id = ends
    rng = random.Random(6)
    requests = [
        Generate(words(rng, 2, 25), limit, (), beams=beams)
        for limit, beams in ((1, 2), (6, 3), (9, 5), (12, 5), (12, 2))
    ]
    for request, answer in zip(requests, asked(opened, requests), strict=True):
        assert [answer.text, *answer.others] == theirs(opened, request, ends)


def test_a_stop_string_ends_a_beam_as_an_end_token_would(model: Any) -> None:
    opened = model()
    stops = tuple("abcdeABCDE\n")
    ends = [2, *(opened.encoder.tokenizer.convert_tokens_to_ids(stop) for stop in stops)]
    request = Generate("the value", 12, stops, beams=4)
    (answer,) = asked(opened, [request])
    texts = [answer.text, *answer.others]
    assert texts == theirs(opened, request, ends)
    assert any(len(text) < 12 for text in texts)


def test_beams_do_not_depend_on_what_else_is_asked(model: Any) -> None:
    opened = model()
    searches = [Generate(words(random.Random(i), 1, 20), 3 + i, ("a", "b"), beams=2 + i % 3) for i in range(9)]
    assert asked(opened, [*searches, *mixed(2)])[:9] == [asked(opened, [one])[0] for one in searches]


# --- refusals, shapes, store ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    argnames=("request_", "word"),
    argvalues=[
        (Generate("x", beams=0), "beams"),
        (Generate("x", samples=-1), "samples"),
        (Generate("x", samples=2, temperature=0.0), "temperature"),
        (Generate("x", samples=2, temperature=float("inf")), "temperature"),
        (Generate("x", max_new_tokens=0), "max_new_tokens"),
        (Generate("x", stop=("",)), "stop"),
        (Generate("x", beams=2, samples=2), "beams=2 and samples=2"),
    ],
    ids=["beams", "samples", "cold", "hot", "length", "stop", "both"],
)
def test_a_request_that_means_nothing_is_refused_by_name(model: Any, request_: Generate, word: str) -> None:
    with pytest.raises(BadSpec, match=word):
        list(model().answers([request_]))


def test_further_texts_survive_the_store(tmp_path: Path) -> None:
    answer = Generated("a", "stop", 1, ("b", "", "c\n"))
    with Store(tmp_path / "store.sqlite") as store:
        store.put_many("m", [("k", Generate("x", samples=4), answer)])
    with Store(tmp_path / "store.sqlite", readonly=True) as store:
        assert store.get_many("m", ["k"]) == {"k": answer}
    assert answer_from_json("Generate", '{"text":"a","stopped":"end","n_tokens":1}') == Generated("a", "end", 1)
    assert answer_to_json(Generated("a", "end", 1)) == '{"text":"a","stopped":"end","n_tokens":1}'


class _Says:
    """A model that gives the same answer to everything."""

    info = ModelInfo(spec="stub", digest="stub")

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def answers(self, requests: Sequence[Request]) -> Iterator[tuple[int, Answer]]:
        yield from ((i, self._answer) for i in range(len(requests)))

    def close(self) -> None: ...


def test_a_wrong_number_of_texts_is_an_error() -> None:
    three = _Says(Generated("a", "end", 1, ("b", "c")))
    for request in (Generate("x"), Generate("x", samples=2), Generate("x", samples=4), Generate("x", beams=2)):
        with pytest.raises(BackendError, match="3 texts"):
            ask(three, {"a": request}, store=None)
    for request in (Generate("x", samples=3), Generate("x", beams=3), Generate("x", beams=5)):
        assert ask(three, {"a": request}, store=None)


def test_scores_and_texts_are_answered_in_one_call(model: Any) -> None:
    answers = dict(model().answers([Score("ab", ("c",)), Generate("ab", samples=2), Generate("ab", beams=2)]))
    assert [type(answers[i]).__name__ for i in range(3)] == ["Scored", "Generated", "Generated"]
