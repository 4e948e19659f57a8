"""Where a model's files lie and what is wrong with them: each fault is one clear sentence, told before weights load."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from modelkit import CHAT_TEMPLATE, character_tokenizer, pair_tokenizer, write_gguf, write_model

from seepage.errors import BackendError
from seepage.models import open_model
from seepage.records import Generate, Score
from seepage.scorer import ask


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model")


def refused(spec: str, words: str) -> None:
    """Opening and describing the model raises one sentence that names the spec and holds these words."""
    with pytest.raises(BackendError) as caught:
        _ = open_model(spec).info
    message = str(caught.value)
    assert words in message
    assert message.startswith(spec)
    assert "\n" not in message


def test_a_missing_directory_is_told(tmp_path: Path) -> None:
    refused(f"hf:{tmp_path}/none", "there is no file or directory")
    refused("hf:./none", "there is no file or directory")


def test_an_empty_directory_is_told(tmp_path: Path) -> None:
    refused(f"hf:{tmp_path}", "is empty")


def test_a_directory_without_a_configuration_is_told(folder: Path) -> None:
    (folder / "config.json").unlink()
    refused(f"hf:{folder}", "no config.json")


def test_a_directory_without_weights_is_told(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    refused(f"hf:{folder}", "no weights")


@pytest.mark.parametrize(argnames="share", argvalues=[0.0, 0.001, 0.5, 0.999])
def test_a_truncated_weight_file_is_told(folder: Path, share: float) -> None:
    weights = folder / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(BackendError, match=r"model\.safetensors is (truncated|damaged)"):
        open_model(f"hf:{folder}")


def test_a_missing_shard_is_told(folder: Path) -> None:
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    refused(f"hf:{folder}", "1 of 2 weight files are missing: model-00002-of-00002.safetensors")


def test_a_missing_tokenizer_is_told(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    refused(f"hf:{folder}", "no tokenizer")


def test_a_damaged_tokenizer_is_told(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{")
    refused(f"hf:{folder}", "its tokenizer cannot be loaded")


@pytest.mark.parametrize(argnames="content", argvalues=["{", "{}", '{"model_type": "no-such"}'])
def test_a_damaged_configuration_is_told(folder: Path, content: str) -> None:
    (folder / "config.json").write_text(content)
    with pytest.raises(BackendError, match=r"config\.json is not JSON|its model cannot be loaded"):
        list(open_model(f"hf:{folder}").answers([Score("a", ("b",))]))


def test_a_weight_that_is_missing_from_the_file_is_told(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    tensors.pop("model.layers.0.mlp.up_proj.weight")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    model = open_model(f"hf:{folder}")
    with pytest.raises(BackendError, match=r"model\.layers\.0\.mlp\.up_proj\.weight"):
        list(model.answers([Score("a", ("b",))]))


def test_a_pickle_is_refused_unless_it_is_allowed(folder: Path) -> None:
    import torch
    from safetensors.torch import load_file

    expected = dict(open_model(f"hf:{folder}").answers([Score("ab", ("cd",))]))
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    refused(f"hf:{folder}", "add ?allow_pickle=1")
    assert dict(open_model(f"hf:{folder}?allow_pickle=1").answers([Score("ab", ("cd",))])) == expected


def test_code_that_comes_with_a_model_is_refused_and_not_run(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModelForCausalLM": "evil.Evil"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text(f"open({str(folder / 'ran')!r}, 'w').close()")
    refused(f"hf:{folder}", "add ?trust_remote_code=1")
    assert not (folder / "ran").exists()


def test_a_hub_id_without_network_is_told(tmp_path: Path) -> None:
    """In a process of its own: the hub client reads its environment when it is imported."""
    program = (
        "from seepage.models import open_model\n"
        "from seepage.errors import BackendError\n"
        "try:\n    open_model('hf:some-org/some-model@v1')\n"
        "except BackendError as error:\n    print(error)\n"
    )
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("hf:some-org/some-model@v1: no directory some-org/some-model here")
    assert "check the name and the network" in done.stdout
    assert len(done.stdout.strip().splitlines()) == 1


def test_a_hub_id_that_cannot_be_reached_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def unreachable(*_: Any, **__: Any) -> str:
        raise ConnectionError("Name or service not known\nmore lines")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    refused("hf:some-org/some-model", "(Name or service not known)")


def test_a_hub_id_is_answered_from_what_was_fetched(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    asked: list[Any] = []

    def fetched(name: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        asked.append((name, revision))
        assert not any("bin" in pattern for pattern in allow_patterns)
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetched)
    assert open_model("hf:some-org/some-model@v1").info.digest == open_model(f"hf:{folder}").info.digest
    assert asked == [("some-org/some-model", "v1")]


# --- GGUF ----------------------------------------------------------------------------------------------------------


def test_a_gguf_file_answers_as_the_model_it_was_made_from(tmp_path: Path) -> None:
    tokenizer = pair_tokenizer()
    tokenizer.chat_template = CHAT_TEMPLATE
    folder = write_model(tmp_path / "plain", architecture="qwen3", tokenizer=tokenizer, head_dim=128)
    path = write_gguf(tmp_path / "gguf" / "tiny.gguf", folder)
    requests = {"s": Score("the value of", (" the series", " then")), "g": Generate("it was ")}
    expected = ask(open_model(f"hf:{folder}"), requests, store=None)
    for spec in (f"hf:{path}", f"hf:{path.parent}", f"hf:{path.parent}?gguf=tiny.gguf"):
        model = open_model(spec)
        assert (model.info.chat, model.info.dtype, model.info.context) == (True, "float32", 256)
        assert model.info.n_parameters == open_model(f"hf:{folder}").info.n_parameters
        answers = ask(model, requests, store=None)
        np.testing.assert_allclose(answers["s"].sums, expected["s"].sums, atol=1e-4)  # type: ignore[union-attr]
        assert answers["g"] == expected["g"]


@pytest.mark.parametrize(argnames="absent", argvalues=[("gguf",), ("accelerate",), ("gguf", "accelerate")])
def test_a_gguf_file_without_its_readers_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, absent: tuple[str, ...]
) -> None:
    (tmp_path / "tiny.gguf").write_bytes(b"GGUF")
    found: Callable[..., Any] = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name in absent else found(name, *rest))
    refused(f"hf:{tmp_path}/tiny.gguf", f"needs {' and '.join(absent)}; type: pip install 'seepage[gguf]'")


def test_a_gguf_file_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf").write_bytes(b"<html>not found</html>")
    refused(f"hf:{tmp_path}/tiny.gguf", "does not begin like a GGUF file")
    (tmp_path / "tiny.gguf").write_bytes(b"GGUF" + bytes(100))
    refused(f"hf:{tmp_path}/tiny.gguf", "version 0")
    (tmp_path / "tiny.gguf").write_bytes(b"GGUF\x03\0\0\0")
    refused(f"hf:{tmp_path}/tiny.gguf", "header cannot be read")


@pytest.mark.parametrize(argnames="share", argvalues=[0.01, 0.1, 0.5, 0.7])
def test_a_truncated_gguf_file_is_told(tmp_path: Path, share: float) -> None:
    folder = write_model(tmp_path / "plain", architecture="qwen3", tokenizer=pair_tokenizer(), head_dim=128)
    path = write_gguf(tmp_path / "tiny.gguf", folder)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(BackendError, match=r"tiny\.gguf is (truncated|damaged)"):
        open_model(f"hf:{path}")


def test_one_of_several_gguf_files_must_be_named(tmp_path: Path) -> None:
    for name in ("a.gguf", "b.gguf"):
        (tmp_path / name).write_bytes(b"GGUF")
    refused(f"hf:{tmp_path}", "add ?gguf=NAME, one of a.gguf, b.gguf")


# --- packages ------------------------------------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An importable package `tiny_models` whose own import would fail."""
    root = tmp_path / "site" / "tiny_models"
    root.mkdir(parents=True)
    (root / "__init__.py").write_text("raise RuntimeError('must not be imported')")
    monkeypatch.syspath_prepend(str(root.parent))
    importlib.invalidate_caches()
    return root


def test_a_model_inside_a_package_is_found_without_importing_it(package: Path) -> None:
    write_model(package / "one")
    requests = [Score("ab", ("cd",))]
    expected = dict(open_model(f"hf:{package / 'one'}").answers(requests))
    for spec in ("pkg:tiny_models", "pkg:tiny-models", "pkg:tiny-models/one"):
        assert dict(open_model(spec).answers(requests)) == expected


def test_a_package_with_several_models_or_none_names_them(package: Path) -> None:
    refused("pkg:tiny-models", "holds 0 models; name one: none")
    refused("pkg:tiny-models/absent.gguf", "has no file absent.gguf")
    write_model(package / "one")
    write_model(package / "two", tokenizer=character_tokenizer(bos=True))
    refused("pkg:tiny-models", "holds 2 models; name one: pkg:tiny-models/one, pkg:tiny-models/two")


def test_a_package_that_is_not_installed_names_the_command() -> None:
    refused("pkg:no-such-package", "type: pip install no-such-package")
