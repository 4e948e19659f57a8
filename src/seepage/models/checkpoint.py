"""Where a model's files lie, whether they can be used, and their digest; no weights are loaded here.

Every fault is one BackendError sentence: what is wrong, and what to do. Safetensors headers and sizes are read, so that
a truncated download is told before anything is loaded.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import importlib.util
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from ..errors import BackendError, BadSpec
from ..records import digest
from .gguf_header import read_header
from .spec import ModelSpec

TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model", "tekken.json")
_CONTEXTS = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length")
_DEPTHS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers")
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_DIGESTED = ("*.json", "*.jinja", "*.txt", "*.model", "*.py")
_UNDIGESTED = ("README", "LICENSE", "trainer_state.json", "training_args")
ANSWERS = 1  # raise it when the same weights come to give other answers: stored ones are then asked again


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model's files, found usable. gguf: the GGUF file's name in the directory, None for safetensors or pickles."""

    spec: ModelSpec
    directory: Path
    weights: tuple[Path, ...]
    gguf: str | None = None

    def digest(self) -> str:
        """Of the files and, where a recipe makes another model of them, of all that decides the weights it makes."""
        recipe = self.spec.recipe
        if recipe is None:
            return self.base_digest()
        torch = importlib.metadata.version("torch")  # another version may sum, and so choose, differently
        return digest({"base": self.base_digest(), "recipe": recipe.content(self.context()), "torch": torch})

    def base_digest(self) -> str:
        """Of the bytes of weights, configuration and tokenizer, and of the dtype; the folder's name does not count."""
        parts = {path.name: _sha256(path, *_stamp(path)) for path in self.weights}
        if self.gguf is None:
            for pattern in _DIGESTED:
                for path in sorted(self.directory.glob(pattern)):
                    if not path.name.startswith(_UNDIGESTED):
                        parts[path.name] = _sha256(path, *_stamp(path))
        return digest({"files": parts, "dtype": self.spec.dtype, "answers": ANSWERS})

    def n_parameters(self) -> int | None:
        """From the headers of the weight files; None for pickles."""
        tensors = self.tensors()
        return None if tensors is None else sum(map(math.prod, tensors.values()))

    def tensors(self) -> dict[str, tuple[int, ...]] | None:
        """Name -> shape, as the headers of the weight files write them; None for pickles."""
        if self.gguf is not None:
            return read_header(self.weights[0]).shapes
        if any(path.suffix != ".safetensors" for path in self.weights):
            return None
        headers = [_safetensors_header(path) for path in self.weights]
        return {name: tuple(entry["shape"]) for header in headers for name, entry in header.items()}

    def context(self) -> int | None:
        """Tokens the model reads, or None where its configuration does not say."""
        if self.gguf is not None:
            return read_header(self.weights[0]).context
        return self._configured(_CONTEXTS)

    def depth(self) -> int | None:
        """Number of decoder blocks, or None where its configuration does not say."""
        if self.gguf is not None:
            return read_header(self.weights[0]).depth
        return self._configured(_DEPTHS)

    def config(self) -> dict[str, Any]:
        """Of the language model, from config.json; a GGUF file has none."""
        config = _json(self.spec, self.directory / "config.json")
        return config.get("text_config") or config

    def _configured(self, names: Sequence[str]) -> int | None:
        config = self.config()
        values = [config.get(name) for name in names]
        return next((value for value in values if isinstance(value, int) and value > 0), None)


def locate(spec: ModelSpec) -> Checkpoint:
    """Find and check the files of a spec. Raises BackendError with one clear sentence where they cannot be used."""
    path = {"hf": _hf_path, "pkg": _package_path, "embedded": _embedded_path}[spec.scheme](spec)
    if path.suffix == ".gguf":
        return _gguf(spec, path)
    if not path.is_dir():
        raise BackendError(f"{spec.text}: {path} is not a model directory or a .gguf file.")
    names = {entry.name for entry in path.iterdir()}
    if not names:
        raise BackendError(f"{spec.text}: the directory {path} is empty.")
    ggufs = sorted(name for name in names if name.endswith(".gguf"))
    if spec.gguf is not None or ("config.json" not in names and ggufs):
        return _gguf(spec, path / _choose_gguf(spec, path, ggufs))
    if "config.json" not in names:
        raise BackendError(f"{spec.text}: {path} has no config.json, so it is not a transformers model directory.")
    _refuse_remote_code(spec, path)
    if not names.intersection(TOKENIZER_FILES):
        raise BackendError(f"{spec.text}: {path} has no tokenizer; save one there (tokenizer.save_pretrained).")
    return Checkpoint(spec, path, _weights(spec, path))


# --- finding -------------------------------------------------------------------------------------------------------


def _hf_path(spec: ModelSpec) -> Path:
    path = Path(spec.rest).expanduser()
    if path.exists():
        return path
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", spec.rest) or spec.rest.startswith(".") or spec.rest.endswith(".gguf"):
        raise BackendError(f"{spec.text}: there is no file or directory {path} here.")
    return _download(spec)


def _download(spec: ModelSpec) -> Path:
    """The hub's files, from the local cache or the network."""
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise BackendError(f"{spec.text}: transformers is missing; type: pip install 'seepage[hf]'") from error
    patterns = [*_DIGESTED, "*.gguf" if spec.gguf is None else spec.gguf, "*.safetensors"]
    if spec.allow_pickle:
        patterns += _PICKLES
    try:
        return Path(snapshot_download(spec.rest, revision=spec.revision, allow_patterns=patterns))
    except Exception as error:
        cause = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise BackendError(
            f"{spec.text}: no directory {spec.rest} here, and the hub id {spec.rest} could not be fetched ({cause}); "
            "check the name and the network, or download it and give its directory."
        ) from error


def _package_path(spec: ModelSpec) -> Path:
    package, _, inside = spec.rest.partition("/")
    root = _package_root(spec, package)
    if inside:
        path = root / inside
        if not path.exists():
            raise BackendError(f"{spec.text}: the package {package} has no file {inside}.")
        return path
    found = sorted(root.rglob("*.gguf")) + sorted(config.parent for config in root.rglob("config.json"))
    if len(found) != 1:
        names = ", ".join(f"pkg:{package}/{path.relative_to(root).as_posix()}" for path in found) or "none"
        raise BackendError(f"{spec.text}: the package {package} holds {len(found)} models; name one: {names}.")
    return found[0]


def _package_root(spec: ModelSpec, package: str) -> Path:
    """The package's folder, without importing it: its own imports may be missing."""
    names = [package, package.replace("-", "_")]
    try:
        top = importlib.metadata.distribution(package).read_text("top_level.txt") or ""
        names += top.split()
    except importlib.metadata.PackageNotFoundError:
        pass
    for name in names:
        if name.isidentifier() and (found := importlib.util.find_spec(name)) and found.submodule_search_locations:
            return Path(next(iter(found.submodule_search_locations)))
    raise BackendError(f"{spec.text}: the package {package} is not installed; type: pip install {package}")


def _embedded_path(spec: ModelSpec) -> Path:
    folder = Path(str(files("seepage.organisms") / "weights"))
    names = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    if spec.rest not in names:
        raise BadSpec(f"there is no organism {spec.rest!r} in {spec.text}. Known: {', '.join(names) or 'none'}.")
    return folder / spec.rest


# --- checking ------------------------------------------------------------------------------------------------------


def _gguf(spec: ModelSpec, path: Path) -> Checkpoint:
    missing = [name for name in ("gguf", "accelerate") if importlib.util.find_spec(name) is None]
    if missing:
        raise BackendError(f"{spec.text}: a GGUF file needs {' and '.join(missing)}; type: pip install 'seepage[gguf]'")
    if not path.is_file():
        raise BackendError(f"{spec.text}: there is no file {path}.")
    try:
        header = read_header(path)
    except ValueError as error:
        raise BackendError(f"{spec.text}: {path.name} is damaged: {error}; fetch it again.") from error
    if path.stat().st_size < header.data_end:
        raise BackendError(f"{spec.text}: {path.name} is truncated; fetch it again.")
    return Checkpoint(spec, path.parent, (path,), path.name)


def _choose_gguf(spec: ModelSpec, path: Path, ggufs: list[str]) -> str:
    if spec.gguf is not None:
        return spec.gguf
    if len(ggufs) > 1:
        raise BackendError(
            f"{spec.text}: {path} holds {len(ggufs)} GGUF files; add ?gguf=NAME, one of {', '.join(ggufs)}."
        )
    return ggufs[0]


def _refuse_remote_code(spec: ModelSpec, path: Path) -> None:
    for name in ("config.json", "tokenizer_config.json"):
        if (path / name).is_file() and "auto_map" in _json(spec, path / name) and not spec.trust_remote_code:
            raise BackendError(
                f"{spec.text}: its {name} asks to run Python code that comes with the model (auto_map), which is "
                "refused; read that code, then add ?trust_remote_code=1 to the spec."
            )


def _weights(spec: ModelSpec, path: Path) -> tuple[Path, ...]:
    """Checked safetensors files; pickles only where they are allowed."""
    index = path / "model.safetensors.index.json"
    if index.is_file():
        shards = sorted({str(name) for name in _json(spec, index).get("weight_map", {}).values()})
        absent = [name for name in shards if not (path / name).is_file()]
        if absent:
            raise BackendError(f"{spec.text}: {len(absent)} of {len(shards)} weight files are missing: {absent[0]}, …")
        found = [path / name for name in shards]
    else:
        found = sorted(path.glob("*.safetensors"))
    for file in found:
        _check_safetensors(spec, file)
    if found:
        return tuple(found)
    pickles = sorted(file for pattern in _PICKLES for file in path.glob(pattern))
    if not pickles:
        raise BackendError(f"{spec.text}: {path} has no weights (*.safetensors).")
    if not spec.allow_pickle:
        raise BackendError(
            f"{spec.text}: {pickles[0].name} is a pickle, which can run any code when it is loaded, and is refused; "
            "save the model as safetensors, or add ?allow_pickle=1 to the spec if you trust its maker."
        )
    return tuple(pickles)


def _check_safetensors(spec: ModelSpec, path: Path) -> None:
    size = path.stat().st_size
    try:
        header = _safetensors_header(path)
        end = 8 + _header_length(path) + max((entry["data_offsets"][1] for entry in header.values()), default=0)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackendError(
            f"{spec.text}: {path.name} is damaged: its header cannot be read; fetch it again."
        ) from error
    if size != end:
        raise BackendError(f"{spec.text}: {path.name} is truncated: {size} bytes instead of {end}; fetch it again.")


def _header_length(path: Path) -> int:
    with path.open("rb") as file:
        return int.from_bytes(file.read(8), "little")


def _safetensors_header(path: Path) -> dict[str, Any]:
    length = _header_length(path)
    with path.open("rb") as file:
        file.seek(8)
        text = file.read(min(length, 100_000_000))
    header: dict[str, Any] = json.loads(text)
    header.pop("__metadata__", None)
    return header


def _json(spec: ModelSpec, path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BackendError(f"{spec.text}: {path.name} is not JSON ({error}).") from error
    return content


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


@functools.lru_cache(maxsize=4096)
def _sha256(path: Path, _size: int, _mtime: int) -> str:
    """Of a file's bytes; size and time of change are in the cache's key only."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
