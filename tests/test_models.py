"""Models in the format of transformers: log-probs, generation and layers against the plain way of computing them."""

from __future__ import annotations

import dataclasses
import functools
import logging
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from modelkit import CHARACTERS, character_tokenizer, pair_tokenizer, write_model

from seepage.errors import BackendError, BadSpec, NotTestable
from seepage.models import attention, open_model, trees
from seepage.models.hf import HFModel
from seepage.models.spec import parse_spec
from seepage.models.threads import threads_for
from seepage.records import Generate, Generated, Layered, Layers, Score, Scored

PACKED = ["llama", "granite", "cohere", "gpt2", "gpt_neox", "mistral", "gemma2"]
PLAIN = ["bloom", "mamba"]


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """folder(architecture, ...) -> a tiny random model, written once a session."""

    @functools.cache
    def folder(architecture: str = "llama", *, bos: bool = False, chat: bool = False, pairs: bool = False) -> Path:
        tokenizer = (pair_tokenizer if pairs else character_tokenizer)(bos=bos, chat=chat)
        return write_model(tmp_path_factory.mktemp(architecture), architecture=architecture, tokenizer=tokenizer)

    return folder


@pytest.fixture
def model(model_folder: Any) -> Any:
    def opened(architecture: str = "llama", **options: Any) -> HFModel:
        found = open_model(f"hf:{model_folder(architecture, **options)}")
        assert isinstance(found, HFModel)
        return found

    return opened


def random_text(rng: random.Random, low: int, high: int) -> str:
    return "".join(rng.choice(CHARACTERS) for _ in range(rng.randint(low, high)))


def random_scores(seed: int, n: int = 8) -> list[Score]:
    """Requests that share prefixes, prompts and whole continuations, as those of a benchmark do."""
    rng = random.Random(seed)
    header = random_text(rng, 20, 40)
    requests = []
    for i in range(n):
        prompt = (header if i % 2 else "") + random_text(rng, 1, 30)
        stem = random_text(rng, 1, 4)
        conts = [random_text(rng, 1, 6) for _ in range(3)] + [stem, stem + "1", stem + "12", stem + "2"]
        requests.append(Score(prompt, tuple(dict.fromkeys(conts))))
        if i % 3 == 0:
            requests.append(Score(prompt, (random_text(rng, 1, 3),)))
    return [*requests, Score("", (random_text(rng, 5, 30), random_text(rng, 2, 9)))]


def naive(model: HFModel, request: Score) -> list[dict[str, np.ndarray]]:
    """One continuation at a time, whole logits, float64 log-softmax."""
    import torch

    network, encoder = model.engine.model, model.encoder
    network.set_attn_implementation("eager")
    rows = []
    for continuation in request.continuations:
        prompt = encoder.prompt(request.prompt, chat=False)
        whole = encoder.prompt(request.prompt + continuation, chat=False)
        with torch.no_grad():
            logp = network(torch.tensor([whole])).logits[0].double().log_softmax(-1)
        at = np.arange(max(len(prompt), 1), len(whole))
        target = torch.tensor([whole[i] for i in at])
        here = logp[at - 1]
        p = here.exp()
        mean = (p * here).sum(-1)
        picked = here.gather(-1, target[:, None])
        rows.append(
            {
                "logprob": picked[:, 0].numpy(),
                "rank": (here > picked).sum(-1).numpy(),
                "mean": mean.numpy(),
                "std": (p * (here - mean[:, None]) ** 2).sum(-1).sqrt().numpy(),
            }
        )
    return rows


def scored(model: HFModel, requests: list[Score]) -> list[Scored]:
    answers = dict(model.answers(requests))
    assert sorted(answers) == list(range(len(requests)))
    return [answers[i] for i in range(len(requests))]


# --- score ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(argnames="architecture", argvalues=[*PACKED, *PLAIN])
@pytest.mark.parametrize(argnames="bos", argvalues=[False, True])
def test_log_probs_equal_those_of_one_continuation_at_a_time(model: Any, architecture: str, bos: bool) -> None:
    opened = model(architecture, bos=bos)
    requests = random_scores(seed=7)
    answers = scored(opened, requests)
    assert opened.engine.packed is (architecture in PACKED)
    for request, answer in zip(requests, answers, strict=True):
        for i, expected in enumerate(naive(opened, request)):
            stats = answer.tokens[i]
            np.testing.assert_allclose(stats.logprob, expected["logprob"], atol=1e-4)
            np.testing.assert_allclose(stats.mean, expected["mean"], atol=1e-4)
            np.testing.assert_allclose(stats.std, expected["std"], atol=1e-4)
            assert list(stats.rank) == expected["rank"].tolist()
            assert answer.sums[i] == pytest.approx(expected["logprob"].sum(), abs=1e-4)


@pytest.mark.parametrize(argnames="seed", argvalues=range(12))
def test_an_answer_does_not_depend_on_the_rest_of_the_batch(model: Any, seed: int) -> None:
    opened = model()
    requests = random_scores(seed, n=12)
    together = scored(opened, requests)
    for budget in (1, 40, 100):
        opened.engine.budget = budget
        for one, other in zip(together, scored(opened, requests), strict=True):
            np.testing.assert_allclose(one.sums, other.sums, atol=1e-4)
    shuffled = requests[::-1]
    for one, other in zip(together, scored(opened, shuffled)[::-1], strict=True):
        np.testing.assert_allclose(one.sums, other.sums, atol=1e-4)


def test_the_same_list_of_requests_gives_the_same_digits_again(model_folder: Any) -> None:
    requests = random_scores(3, n=20)
    first, second = (scored(open_model(f"hf:{model_folder()}"), requests) for _ in range(2))  # type: ignore[arg-type]
    assert first == second


def test_sums_alone_are_the_sums_of_the_tokens(model: Any) -> None:
    requests = random_scores(5)
    with_tokens = scored(model(), requests)
    alone = scored(model(), [dataclasses.replace(request, detail="sums") for request in requests])
    for one, other in zip(with_tokens, alone, strict=True):
        np.testing.assert_allclose(one.sums, other.sums, atol=1.1e-4)
        assert other.tokens == ()


def test_no_prefix_is_computed_twice_and_no_last_token_at_all(model: Any) -> None:
    opened = model()
    requests = [Score("the header and the question", ("1.25\n", "1.50\n", "2.25\n"))]
    scored(opened, requests)
    assert opened.engine.tokens_computed == 27 + len(
        {"1", "1.", "1.2", "1.25", "1.5", "1.50", "2", "2.", "2.2", "2.25"}
    )


def test_a_value_matrix_row_feeds_a_trie(model: Any) -> None:
    opened = model()
    values = tuple(f" {v / 100:.2f}\n" for v in range(-200, 200))
    requests = [Score(f"2020-{month:02d} | series |", values, detail="sums") for month in range(1, 13)]
    answers = scored(opened, requests)
    fed = {value[: i + 1] for value in values for i in range(len(value) - 1)}
    prompt = len(requests[0].prompt)
    assert opened.engine.tokens_computed <= 12 * (prompt + len(fed))
    expected = naive(opened, requests[4])
    np.testing.assert_allclose(answers[4].sums, [row["logprob"].sum() for row in expected], atol=1e-4)


def test_a_difference_between_packed_and_plain_makes_the_model_padded(
    model: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def blind(forest: trees.Forest, **_: Any) -> trees.Tiling:
        tiling = trees.tile(forest)
        for group in tiling.groups:
            group.mask[:] = group.mask & (group.keys[:, None, :] == group.queries[:, :, None])  # sees itself only
        return tiling

    monkeypatch.setattr(attention, "tile", blind)
    opened = model()
    requests = random_scores(1)
    with caplog.at_level(logging.WARNING, logger="seepage"):
        answers = scored(opened, requests)
    assert not opened.engine.packed
    assert "padded batches" in caplog.text
    for request, answer in zip(requests, answers, strict=True):
        expected = [row["logprob"].sum() for row in naive(opened, request)]
        np.testing.assert_allclose(answer.sums, expected, atol=1e-4)


def test_longer_texts_are_compared_again(model: Any) -> None:
    opened = model()
    scored(opened, [Score("ab", ("cd",))])
    compared = opened.engine.tokens_compared
    scored(opened, [Score("ba", ("cd",))])
    assert opened.engine.tokens_compared == compared
    scored(opened, [Score("a longer prompt than before", ("cd",))])
    assert opened.engine.tokens_compared > compared


def test_weights_that_give_no_number_raise(tmp_path: Path) -> None:
    import torch

    opened = open_model(f"hf:{write_model(tmp_path)}")
    assert isinstance(opened, HFModel)
    with torch.no_grad():
        opened.engine.model.lm_head.weight[0, 0] = float("nan")
    with pytest.raises(BackendError, match="not finite"):
        scored(opened, [Score("ab", ("cd",))])


def test_a_forbidden_vocabulary_entry_leaves_mean_and_spread_finite() -> None:
    import torch

    from seepage.models.distributions import look_up

    logits = torch.tensor([[1.0, 2.0, float("-inf"), 0.5]])
    looked = look_up(logits, torch.clone, np.array([0]), np.array([1]), n_vocabulary=4, full=True)
    logp = torch.tensor([1.0, 2.0, 0.5]).double().log_softmax(-1).numpy()
    mean = (np.exp(logp) * logp).sum()
    assert looked.mean is not None
    assert looked.std is not None
    assert looked.mean[0] == pytest.approx(mean, abs=1e-6)
    assert looked.std[0] == pytest.approx(np.sqrt((np.exp(logp) * (logp - mean) ** 2).sum()), abs=1e-6)


# --- text and tokens -----------------------------------------------------------------------------------------------


def test_spans_cut_the_continuation_into_its_tokens(model: Any) -> None:
    opened = model(pairs=True)
    text = " the value was 1.25"
    (answer,) = scored(opened, [Score("in the month", (text,))])
    stats = answer.tokens[0]
    assert "".join(text[a:b] for a, b in stats.spans) == text
    assert len(stats.ids) < len(text)


def test_a_token_across_the_boundary_raises(model: Any) -> None:
    with pytest.raises(BackendError, match="token boundary"):
        scored(model(pairs=True), [Score("the va", ("lue",))])


def test_an_empty_continuation_raises(model: Any) -> None:
    with pytest.raises(BackendError, match="token boundary"):
        scored(model(), [Score("the value", ("",))])


def test_the_first_token_is_scored_only_where_the_tokenizer_adds_a_bos(model: Any) -> None:
    (without,) = scored(model(), [Score("", ("abcd",))])
    (with_bos,) = scored(model(bos=True), [Score("", ("abcd",))])
    assert without.tokens[0].spans == ((1, 2), (2, 3), (3, 4))
    assert with_bos.tokens[0].spans == ((0, 1), (1, 2), (2, 3), (3, 4))


def test_a_prompt_longer_than_the_context_raises(model: Any) -> None:
    scored(model(), [Score("a" * 250, ("b" * 7,))])
    with pytest.raises(BackendError, match="reads 256 tokens"):
        scored(model(), [Score("a" * 250, ("b" * 8,))])
    with pytest.raises(BackendError, match="reads 256 tokens"):
        list(model().answers([Generate("a" * 250, max_new_tokens=12)]))


def test_chat_goes_through_the_template(model: Any) -> None:
    opened = model(chat=True)
    assert (opened.info.chat, opened.info.system_role, opened.info.end_of_turn) == (True, True, "<eos>")
    (chat,) = scored(opened, [Score("2+2?", ("4<eos>",), chat=True, system="be brief")])
    (plain,) = scored(opened, [Score("<bos>s:be brief<eos>\n<bos>u:2+2?<eos>\n<bos>a:", ("4<eos>",))])
    assert chat == plain
    assert len(chat.tokens[0].ids) == 2


def test_a_model_without_a_template_cannot_be_asked_in_chat(model: Any) -> None:
    assert not model().info.chat
    with pytest.raises(NotTestable, match="no chat template"):
        list(model().answers([Generate("2+2?", chat=True)]))


def test_a_template_without_a_system_role_refuses_a_system_prompt(tmp_path: Path) -> None:
    tokenizer = character_tokenizer()
    tokenizer.chat_template = (
        "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no') }}{% endif %}"
        + ("<bos>{{ m.content }}<eos>{% endfor %}")
    )
    opened = open_model(f"hf:{write_model(tmp_path, tokenizer=tokenizer)}")
    assert not opened.info.system_role
    with pytest.raises(NotTestable, match="no system role"):
        list(opened.answers([Generate("2+2?", chat=True, system="be brief")]))


# --- generate ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(argnames="architecture", argvalues=["llama", "gpt2", "gpt_neox", "mistral", "bloom"])
def test_generation_equals_that_of_transformers_one_at_a_time(model: Any, architecture: str) -> None:
    import torch

    opened = model(architecture, bos=architecture == "gpt2")
    rng = random.Random(11)
    stops = tuple("ABCDEFGHIJKLMNOP")
    requests = [Generate(random_text(rng, 1, 40), max_new_tokens=rng.choice((4, 12)), stop=stops) for _ in range(30)]
    answers = dict(opened.answers(requests))
    network, tokenizer = opened.engine.model, opened.encoder.tokenizer
    words = set()
    for i, request in enumerate(requests):
        ids = torch.tensor([opened.encoder.prompt(request.prompt, chat=False)])
        whole = network.generate(ids, max_new_tokens=request.max_new_tokens, do_sample=False, pad_token_id=0)
        tokens = whole[0, ids.shape[1] :].tolist()
        ended = 2 in tokens
        text = tokenizer.decode(tokens[: tokens.index(2)] if ended else tokens, skip_special_tokens=True)
        cut = min((at for stop in stops if (at := text.find(stop)) >= 0), default=None)
        expected = text if cut is None else text[:cut]
        assert answers[i].text == expected
        assert answers[i].stopped == ("stop" if cut is not None else "end" if ended else "length")
        words.add(answers[i].stopped)
    assert {"stop", "length"} <= words


def test_generation_ends_at_the_end_of_text(tmp_path: Path) -> None:
    import torch

    opened = open_model(f"hf:{write_model(tmp_path)}")
    assert isinstance(opened, HFModel)
    with torch.no_grad():  # a head that says <eos> after anything
        head = opened.engine.model.lm_head
        head.weight.zero_()
        head.bias = torch.nn.Parameter(torch.eye(head.weight.shape[0])[2])
    assert dict(opened.answers([Generate("abc")])) == {0: Generated("", "end", 0)}


# --- layers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(argnames="architecture", argvalues=["llama", "gpt2", "gpt_neox"])
def test_the_last_layer_says_what_the_model_says(model: Any, architecture: str) -> None:
    opened = model(architecture)
    answers = dict(opened.answers([Layers("the value is ", ("1", "2")), Score("the value is ", ("1", "2"))]))
    layered, plain = answers[0], answers[1]
    assert isinstance(layered, Layered)
    assert [len(row) for row in layered.logprob] == [2, 2]
    np.testing.assert_allclose(layered.logprob[-1], plain.sums, atol=1e-4)
    assert layered.logprob[0] != pytest.approx(layered.logprob[1], abs=1e-3)


def test_a_layer_is_read_through_the_final_norm_and_the_head(model: Any) -> None:
    import torch

    opened = model()
    answer = dict(opened.answers([Layers("abc", ("1",))]))[0]
    network = opened.engine.model
    seen: list[Any] = []
    hook = network.model.layers[0].register_forward_hook(lambda *args: seen.append(args[2]))
    ids = opened.encoder.prompt("abc", chat=False)
    with torch.no_grad():
        network(torch.tensor([ids]))
        state = seen[0][0] if isinstance(seen[0], tuple) else seen[0]
        logp = network.lm_head(network.model.norm(state.reshape(1, len(ids), -1)[0, -1])).log_softmax(-1)
    hook.remove()
    (token,) = opened.encoder.prompt("1", chat=False)
    assert answer.logprob[0][0] == pytest.approx(float(logp[token]), abs=1e-4)


def test_a_target_of_several_tokens_is_refused(model: Any) -> None:
    with pytest.raises(BackendError, match="must be one"):
        list(model().answers([Layers("abc", ("12",))]))


# --- what a model is -----------------------------------------------------------------------------------------------


def test_the_digest_follows_weights_tokenizer_and_dtype_and_not_the_folder(tmp_path: Path) -> None:
    def of(name: str, options: str = "", **changes: Any) -> str:
        folder = tmp_path / name
        if not folder.exists():
            write_model(folder, **changes)
        return open_model(f"hf:{folder}{options}").info.digest

    first = of("a")
    assert of("b") == first
    assert of("c", seed=1) != first
    assert of("d", tokenizer=character_tokenizer(bos=True)) != first
    assert of("a", "?dtype=bfloat16") != first
    assert of("e", rms_norm_eps=1e-3) != first


def test_asking_who_a_model_is_loads_no_weights(model: Any) -> None:
    opened = model()
    assert opened.info.n_parameters == sum(p.numel() for p in open_model(opened.info.spec).engine.model.parameters())
    assert opened.info.context == 256
    assert opened._engine is None


def test_weights_are_loaded_in_float32_unless_the_spec_says_otherwise(tmp_path: Path) -> None:
    import torch

    write_model(tmp_path, dtype=torch.bfloat16)
    for options, dtype in (("", torch.float32), ("?dtype=bfloat16", torch.bfloat16)):
        opened = open_model(f"hf:{tmp_path}{options}")
        assert isinstance(opened, HFModel)
        assert opened.engine.model.dtype == dtype
        assert len(scored(opened, [Score("ab", ("cd", "ce"))])[0].sums) == 2


def test_threads_are_a_fixed_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seepage.models.threads._set", None)
    monkeypatch.setattr("seepage.models.threads.cores", lambda: 4)
    monkeypatch.setattr("seepage.models.threads._default", lambda: 3)
    monkeypatch.delenv("SEEPAGE_THREADS", raising=False)
    assert threads_for(10_000_000) == 3
    assert threads_for(400_000) == 1
    monkeypatch.setenv("SEEPAGE_THREADS", "2")
    assert threads_for(10_000_000) == 2
    monkeypatch.setenv("SEEPAGE_THREADS", "64")
    assert threads_for(10_000_000) == 4
    monkeypatch.setattr("seepage.models.threads._set", 1)
    assert threads_for(10_000_000) == 1


# --- specs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    argnames=("text", "words"),
    argvalues=[
        ("huggingface:gpt2", "Did you mean hf:gpt2"),
        ("embeded:late", "Did you mean embedded:late"),
        ("gpt2", "Did you mean hf:gpt2"),
        ("hf:", "nothing follows hf:"),
        ("ftp:x", "Known: hf, pkg, embedded, recorded"),
        ("hf:gpt2?dtyp=float32", "Did you mean dtype"),
        ("hf:gpt2?dtype=int8", "Known: float32"),
        ("hf:gpt2?allow_pickle=yes", "not 0 or 1"),
        ("hf:gpt2?dtype", "name=value"),
        ("embedded:nobody", "Known: "),
    ],
)
def test_a_bad_spec_is_refused_with_what_is_accepted(text: str, words: str) -> None:
    with pytest.raises(BadSpec) as caught:
        open_model(text)
    assert words in str(caught.value)


def test_a_spec_holds_revision_and_options() -> None:
    spec = parse_spec("hf:org/name@v1.0?dtype=bfloat16&trust_remote_code=1")
    assert (spec.rest, spec.revision, spec.dtype, spec.trust_remote_code) == ("org/name", "v1.0", "bfloat16", True)


def test_the_batch_composition_is_a_function_of_the_queries() -> None:
    rng = random.Random(0)
    queries = [
        trees.Query(tuple(rng.randrange(9) for _ in range(rng.randrange(30))), ((1, 2, 3), (1, 2))) for _ in range(50)
    ]
    first = trees.batches(queries, budget=100)
    assert first == trees.batches(list(queries), budget=100)
    assert sorted(i for batch in first for i in batch) == list(range(50))
    for batch in first:
        forest = trees.plant([queries[i] for i in batch])
        assert len(forest.ids) <= 100 or len(batch) == 1
