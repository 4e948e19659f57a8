"""Compressed twins: a loaded model pruned or rounded by its spec, block by block, and the digest that names it."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest
from modelkit import character_tokenizer, pair_tokenizer, tiny_config, write_gguf, write_model

from seepage import calibration, prune
from seepage.errors import BackendError, NotTestable
from seepage.models import derived, loading, open_model
from seepage.models.hf import HFModel
from seepage.records import Generate, Generated, Score, Scored

torch = pytest.importorskip("torch")

ARCHITECTURES = ["llama", "gpt2", "gpt_neox", "qwen3", "gemma2", "bloom"]
SHORT = "&sequences=4&length=32"
SHARES = ["sparsity=0.3", "sparsity=0.5", "pattern=2:4"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """folder(architecture, ...) -> a tiny random model, written once; no width is a multiple of 128."""

    @functools.cache
    def written(architecture: str = "llama", *, bos: bool = False, tied: bool = False) -> Path:
        path = tmp_path_factory.mktemp(architecture)
        tokenizer = character_tokenizer(bos=bos)
        return write_model(path, architecture=architecture, tokenizer=tokenizer, tie_word_embeddings=tied)

    return written


@pytest.fixture(autouse=True)
def _brief_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tokenizer that makes a token of every character takes seconds over the whole text."""
    brief = calibration.text()[:40_000]
    monkeypatch.setattr(calibration, "text", lambda: brief)


def opened(folder: Path, recipe: str = "") -> HFModel:
    found = open_model(f"hf:{folder}" + (f"?{recipe}" if recipe else ""))
    assert isinstance(found, HFModel)
    return found


def calibrated(method: str) -> str:
    return SHORT if method != "magnitude" else ""


def matrices(model: HFModel) -> dict[str, Any]:
    """Name -> weight [n_out, n_in] of every linear layer in the blocks."""
    inner = model.engine.model
    found = {}
    for k, block in enumerate(derived.decoder_blocks(inner, spec="")):
        for name, layer in derived.linear_layers(block, spec="").items():
            weight = layer.weight.data
            found[f"{k}.{name}"] = weight.T if type(layer).__name__ == "Conv1D" else weight
    return found


def inputs_of(layers: dict[str, Any], model: Any, ids: Any) -> dict[str, Any]:
    """Name -> what each layer reads, [n_tokens, n_in], in one pass over all sequences."""
    seen: dict[str, Any] = {}
    hooks = [
        layer.register_forward_pre_hook(lambda _, x, name=name: seen.update({name: x[0].flatten(0, -2)}))
        for name, layer in layers.items()
    ]
    with torch.no_grad():
        model(input_ids=ids)
    for hook in hooks:
        hook.remove()
    return seen


def logits(model: HFModel) -> Any:
    with torch.no_grad():
        return model.engine.model(input_ids=torch.arange(5, 40)[None]).logits


# --- what comes out ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(argnames="architecture", argvalues=ARCHITECTURES)
@pytest.mark.parametrize(argnames="method", argvalues=["magnitude", "wanda", "sparsegpt"])
def test_the_share_of_zeros_is_the_one_foretold_from_the_file(folder: Any, architecture: str, method: str) -> None:
    for share in SHARES:
        model = opened(folder(architecture), f"prune={method}&{share}{calibrated(method)}")
        foretold = model.info.zeros
        assert model._engine is None
        weights = matrices(model)
        n = sum(weight.numel() for weight in weights.values())
        assert sum(int((weight == 0).sum()) for weight in weights.values()) / n == foretold
        if share == "pattern=2:4":
            assert all(((weight.reshape(-1, 4) == 0).sum(1) == 2).all() for weight in weights.values())


@pytest.mark.parametrize(argnames="architecture", argvalues=ARCHITECTURES)
def test_only_linear_layers_inside_the_blocks_change(folder: Any, architecture: str) -> None:
    dense = dict(opened(folder(architecture, tied=True)).engine.model.named_parameters())
    for recipe in (f"prune=sparsegpt&sparsity=0.5{SHORT}", "quant=3"):
        twin = opened(folder(architecture, tied=True), recipe)
        inside = {weight.data_ptr() for weight in matrices(twin).values()}
        for name, weight in twin.engine.model.named_parameters():
            assert torch.equal(weight, dense[name]) == (weight.data_ptr() not in inside), name
    assert len(inside) == len(matrices(twin)) > 4


@pytest.mark.parametrize(argnames="method", argvalues=["magnitude", "wanda", "sparsegpt"])
@pytest.mark.parametrize(argnames="architecture", argvalues=["llama", "gpt2"])
def test_sparsity_0_leaves_every_bit(folder: Any, architecture: str, method: str) -> None:
    dense = opened(folder(architecture))
    twin = opened(folder(architecture), f"prune={method}&sparsity=0")
    assert twin.info.zeros == 0
    assert all(torch.equal(weight, matrices(dense)[name]) for name, weight in matrices(twin).items())
    assert torch.equal(logits(twin), logits(dense))


@pytest.mark.parametrize(argnames="bits", argvalues=[8, 4, 3])
def test_rounded_weights_are_those_of_the_reference_in_float32(folder: Any, bits: int) -> None:
    for architecture in ("llama", "gpt2"):
        dense, twin = opened(folder(architecture)), opened(folder(architecture), f"quant={bits}")
        assert twin.info.zeros is None
        assert twin.info.derived == f"round-to-nearest {bits} bits"
        for name, weight in matrices(twin).items():
            assert weight.dtype == torch.float32
            assert torch.equal(weight, prune.round_to_nearest(matrices(dense)[name], bits))


def test_another_dtype_keeps_the_weights_that_are_left_bit_by_bit(folder: Any) -> None:
    for dtype in ("bfloat16", "float64"):
        dense = matrices(opened(folder(), f"dtype={dtype}"))
        twin = matrices(opened(folder(), f"dtype={dtype}&prune=wanda&sparsity=0.5{SHORT}"))
        assert all(torch.equal(weight, dense[name].masked_fill(weight == 0, 0)) for name, weight in twin.items())


# --- calibration ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(argnames="architecture", argvalues=ARCHITECTURES)
@pytest.mark.parametrize(argnames="method", argvalues=["wanda", "sparsegpt"])
def test_each_block_is_calibrated_on_what_the_pruned_blocks_before_it_give(
    folder: Any, architecture: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plain way: whole passes through a second copy of the model, one a block, all sequences at once."""
    monkeypatch.setattr(derived, "TOKENS_AT_ONCE", 64)  # two sequences a batch
    twin = opened(folder(architecture, bos=True), f"prune={method}&sparsity=0.5{SHORT}")
    assert twin._plan is not None
    plain = opened(folder(architecture, bos=True)).engine.model
    ids = torch.tensor(twin._plan.windows)
    for block in derived.decoder_blocks(plain, spec=""):
        layers = derived.linear_layers(block, spec="")
        seen = inputs_of(layers, plain, ids)
        for name, layer in layers.items():
            transposed = type(layer).__name__ == "Conv1D"
            weight = layer.weight.data.T if transposed else layer.weight.data
            x = seen[name]
            if method == "wanda":
                new = weight.masked_fill(prune.wanda(weight, x.norm(dim=0), 0.5), 0)
            else:
                new, _ = prune.sparsegpt(weight, x.T @ x, 0.5)
            layer.weight.data = new.T.contiguous() if transposed else new
    expected = dict(plain.named_parameters())
    for name, weight in twin.engine.model.named_parameters():
        torch.testing.assert_close(weight, expected[name], rtol=1e-3, atol=1e-4, msg=name)


def test_the_model_is_whole_again_after_it_was_walked(folder: Any) -> None:
    for architecture in ("llama", "bloom"):
        inner = opened(folder(architecture), f"prune=wanda&sparsity=0.3{SHORT}").engine.model
        for module in inner.modules():
            assert "forward" not in vars(module)
            assert not module._forward_hooks
            assert not module._forward_pre_hooks


def test_two_derivations_give_the_same_weights(folder: Any) -> None:
    for recipe in (f"prune=wanda&sparsity=0.5{SHORT}", f"prune=sparsegpt&pattern=2:4{SHORT}"):
        first, second = opened(folder(), recipe), opened(folder(), recipe)
        assert all(torch.equal(weight, matrices(second)[name]) for name, weight in matrices(first).items())


def test_twins_of_a_small_model_share_one_load_and_no_weights(folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[str] = []
    plain = loading.load_weights
    monkeypatch.setattr(loading, "load_weights", lambda found: loads.append(found.spec.text) or plain(found))
    loading._loaded.cache_clear()
    first = opened(folder(tied=True), "prune=magnitude&sparsity=0.5")
    before = {name: weight.clone() for name, weight in matrices(first).items()}
    second = opened(folder(tied=True), "quant=4")
    assert all((weight != before[name]).any() for name, weight in matrices(second).items())
    assert all(torch.equal(weight, before[name]) for name, weight in matrices(first).items())
    assert loads == [f"hf:{folder(tied=True)}"]
    monkeypatch.setattr(loading, "SHARED", 10)
    assert opened(folder(tied=True), "quant=4").engine.model is not second.engine.model
    assert len(loads) == 2


def test_a_file_that_changed_is_loaded_again(tmp_path: Path) -> None:
    one = matrices(opened(write_model(tmp_path, seed=0), "quant=8"))
    other = matrices(opened(write_model(tmp_path, seed=1), "quant=8"))
    assert all((weight != other[name]).any() for name, weight in one.items())


def test_every_sequence_begins_as_a_prompt_does(folder: Any) -> None:
    model = opened(folder(bos=True), f"prune=wanda&sparsity=0.5{SHORT}")
    assert model._plan is not None
    assert {(len(window), window[0]) for window in model._plan.windows} == {(32, 1)}
    assert model.info.derived == "wanda .5, calibrated on 4 x 32 tokens"


def test_calibration_reads_as_much_as_the_model_and_the_text_give(folder: Any) -> None:
    model = opened(folder(), "prune=wanda&pattern=2:4")
    assert model.info.derived == "wanda 2:4, calibrated on 128 x 256 tokens"
    many = opened(folder(), "prune=wanda&sparsity=0.5&sequences=1000000")
    assert many._plan is not None
    assert len(many._plan.windows) == len(calibration.text()) // 256


@pytest.mark.parametrize(
    argnames=("recipe", "words"),
    argvalues=[
        ("prune=wanda&sparsity=0.5&sequences=1&length=63", "1 x 63 tokens, fewer than the widest layer has inputs"),
        ("prune=sparsegpt&sparsity=0.5&length=257", "length=257 is more than the 256 tokens that the model reads"),
        ("prune=magnitude&pattern=1:32", "has 48 inputs, not a multiple of 32"),
    ],
)
def test_what_the_shapes_do_not_allow_is_refused_before_weights_are_loaded(
    tmp_path: Path, recipe: str, words: str
) -> None:
    n_inner = 48 if "pattern" in recipe else 64
    model = opened(write_model(tmp_path, intermediate_size=n_inner), recipe)
    with pytest.raises(NotTestable, match=words):
        _ = model.info
    with pytest.raises(NotTestable, match=words):
        _ = model.engine
    assert model._engine is None


# --- refusals ------------------------------------------------------------------------------------------------------


def test_fused_experts_are_refused(tmp_path: Path) -> None:
    import transformers as hf

    common = tiny_config("llama", 101).to_dict()
    names = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
    config = hf.MixtralConfig(**{name: common[name] for name in names}, num_local_experts=2, num_key_value_heads=2)
    inner = hf.MixtralForCausalLM(config)
    inner.save_pretrained(tmp_path)
    character_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(NotTestable, match="fused experts"):
        _ = opened(tmp_path, "prune=magnitude&sparsity=0.5").info
    with pytest.raises(NotTestable, match="fused experts"):
        derived.linear_layers(derived.decoder_blocks(inner, spec="moe")[0], spec="moe")
    assert opened(tmp_path).info.derived == ""


def test_a_model_without_a_list_of_blocks_is_refused() -> None:
    class Odd(torch.nn.Module):
        config = tiny_config("llama", 101)

    with pytest.raises(NotTestable, match="odd: 0 lists of 2 decoder blocks in Odd"):
        derived.decoder_blocks(Odd(), spec="odd")


def test_a_layer_that_no_token_reaches_is_refused(folder: Any) -> None:
    model = opened(folder(), f"prune=wanda&sparsity=0.5{SHORT}")
    inner = opened(folder()).engine.model
    inner.model.layers[1].mlp.spare = torch.nn.Linear(4, 4)
    assert model._plan is not None
    with pytest.raises(NotTestable, match=r"no calibration token reached mlp\.spare of block 1"):
        derived.derive(inner, model._plan, spec="odd")


def test_a_share_other_than_the_planned_one_is_broken(folder: Any) -> None:
    model = opened(folder(), "prune=magnitude&sparsity=0.5")
    inner = opened(folder()).engine.model
    inner.model.layers[1].mlp.spare = torch.nn.Linear(3, 3)
    assert model._plan is not None
    with pytest.raises(BackendError, match=r"sparsity missed: .* planned from the shapes in its files were 0\.5"):
        derived.derive(inner, model._plan, spec="odd")


# --- the model that answers ----------------------------------------------------------------------------------------


def test_digests_tell_recipes_apart_and_know_equal_ones(folder: Any) -> None:
    different = [
        "",
        "prune=magnitude&sparsity=0.5",
        "prune=magnitude&sparsity=0",
        "prune=wanda&sparsity=0.5",
        "prune=wanda&sparsity=0.6",
        "prune=wanda&pattern=2:4",
        "prune=wanda&pattern=4:8",
        "prune=wanda&sparsity=0.5&sequences=32",
        "prune=wanda&sparsity=0.5&length=128",
        "prune=sparsegpt&sparsity=0.5",
        "quant=4",
        "quant=8",
        "dtype=float64&quant=8",
    ]
    digests = [opened(folder(), recipe).checkpoint.digest() for recipe in different]
    assert len(set(digests)) == len(different)
    for recipe in ("prune=wanda&sparsity=.50", "prune=wanda&sparsity=0.5&sequences=128&length=256"):
        assert opened(folder(), recipe).checkpoint.digest() == digests[3]
    assert opened(folder(), "sparsity=0.5&prune=magnitude").checkpoint.digest() == digests[1]
    assert opened(folder(), "quant=4").checkpoint.base_digest() == digests[0]


def test_a_twin_has_the_tokenizer_of_its_dense_model_and_another_model_has_not(folder: Any, tmp_path: Path) -> None:
    dense, twin = opened(folder()).info, opened(folder(), "quant=4").info
    assert len(dense.tokenizer) == 64
    assert twin.tokenizer == dense.tokenizer
    assert (dense.derived, dense.zeros) == ("", None)
    assert opened(folder(bos=True)).info.tokenizer != dense.tokenizer
    chat = write_model(tmp_path, tokenizer=character_tokenizer(chat=True))
    assert opened(chat).info.tokenizer != dense.tokenizer


@pytest.mark.parametrize(argnames="architecture", argvalues=ARCHITECTURES)
def test_a_twin_answers_as_its_own_weights_do(folder: Any, architecture: str) -> None:
    requests = [Score("The capital of", (" a", " bc")), Generate("The capital of", max_new_tokens=4)]
    dense = dict(opened(folder(architecture)).answers(requests))
    twin = opened(folder(architecture), f"prune=wanda&sparsity=0.5{SHORT}")
    answers = dict(twin.answers(requests))
    assert isinstance(answers[0], Scored)
    assert isinstance(answers[1], Generated)
    assert answers[0] != dense[0]
    inner, ids = twin.engine.model, twin.encoder.prompt("The capital of a", chat=False)
    with torch.no_grad():
        logprobs = inner(input_ids=torch.tensor([ids])).logits[0].double().log_softmax(-1)
    expected = sum(float(logprobs[at - 1, ids[at]]) for at in (-2, -1))
    assert answers[0].sums[0] == pytest.approx(expected, abs=1e-3)


def test_a_gguf_file_is_pruned_like_the_model_it_was_made_from(tmp_path: Path) -> None:
    pytest.importorskip("gguf")
    pytest.importorskip("accelerate")
    source = write_model(tmp_path / "source", architecture="qwen3", tokenizer=pair_tokenizer(), head_dim=128)
    file = write_gguf(tmp_path / "out" / "tiny.gguf", source)
    for recipe in ("prune=wanda&sparsity=0.3&sequences=16&length=64", "prune=magnitude&pattern=2:4"):
        one, other = opened(source, recipe), opened(file, recipe)
        assert one.info.zeros == other.info.zeros
        assert one.info.digest != other.info.digest
        weights = matrices(one)
        assert all(torch.equal(weight == 0, weights[name] == 0) for name, weight in matrices(other).items())
