"""Load configuration, tokenizer and weights of a checkpoint, offline; every failure is one BackendError sentence."""

from __future__ import annotations

import contextlib
import copy
import functools
import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..errors import BackendError
from .checkpoint import Checkpoint

SHARED = 500_000_000  # parameters up to which a model stays in memory for the next twin: 2 GB in float32


def _arguments(checkpoint: Checkpoint) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "local_files_only": True,
        "trust_remote_code": checkpoint.spec.trust_remote_code,
    }
    if checkpoint.gguf is not None:
        arguments["gguf_file"] = checkpoint.gguf
    return arguments


@contextlib.contextmanager
def _sentence(checkpoint: Checkpoint, what: str) -> Iterator[None]:
    try:
        import transformers  # noqa: F401
    except ImportError as error:
        raise BackendError(
            f"{checkpoint.spec.text}: transformers and torch are missing; type: pip install 'seepage[hf]'"
        ) from error
    try:
        with _quiet():
            yield
    except (KeyboardInterrupt, BackendError):
        raise
    except Exception as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else ""
        raise BackendError(
            f"{checkpoint.spec.text}: its {what} cannot be loaded: {type(error).__name__}: {first}"
        ) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars or advice of transformers on a test run's terminal; the bar of GGUF files knows no switch."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def load_tokenizer(checkpoint: Checkpoint) -> Any:
    with _sentence(checkpoint, "tokenizer"):
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(str(checkpoint.directory), **_arguments(checkpoint))


def load_weights(checkpoint: Checkpoint) -> Any:
    """The model in evaluation mode, in the dtype that the spec asks for."""
    with _sentence(checkpoint, "model"):
        import torch
        from transformers import AutoModelForCausalLM

        arguments = _arguments(checkpoint)
        if checkpoint.gguf is None:
            arguments["use_safetensors"] = not checkpoint.spec.allow_pickle or None
        model, report = AutoModelForCausalLM.from_pretrained(
            str(checkpoint.directory),
            dtype=getattr(torch, checkpoint.spec.dtype),
            ignore_mismatched_sizes=True,  # told below, by name
            output_loading_info=True,
            **arguments,
        )
    _refuse_random_weights(checkpoint, report)
    return model.eval()


def load_to_change(checkpoint: Checkpoint) -> Any:
    """As `load_weights`, for a recipe that changes the weights in place.

    A GGUF file takes tens of seconds to read, so twins of one small model are copies of one load.
    """
    n_parameters = checkpoint.n_parameters()
    if n_parameters is None or n_parameters > SHARED:
        return load_weights(checkpoint)
    text = checkpoint.spec.text.partition("?")[0]
    dense = replace(checkpoint, spec=replace(checkpoint.spec, text=text, recipe=None))
    return copy.deepcopy(_loaded(dense, checkpoint.base_digest()))


@functools.lru_cache(maxsize=1)
def _loaded(dense: Checkpoint, _digest: str) -> Any:
    """The digest is in the cache's key, so that changed files are read again."""
    return load_weights(dense)


def _refuse_random_weights(checkpoint: Checkpoint, report: dict[str, Any]) -> None:
    """transformers fills what the file lacks with random numbers, and says so in a log line."""
    names = sorted(report["missing_keys"]) + sorted(str(key[0]) for key in report["mismatched_keys"])
    if names:
        raise BackendError(
            f"{checkpoint.spec.text}: {len(names)} weights of the model are missing or have another shape, "
            f"{names[0]} among them; fetch or save it again."
        )
