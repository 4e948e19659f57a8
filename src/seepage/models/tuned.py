"""Open what training starts from, and what it left: an ordinary model with other weights."""

from __future__ import annotations

from typing import Any

from ..finetune import Training
from .checkpoint import locate
from .encoding import Encoder
from .hf import HFModel
from .loading import load_to_change, load_tokenizer
from .spec import parse_spec
from .training import Course, Tuned


def base_of(spec: str) -> tuple[Any, Encoder]:
    """(a model of its own to train, its tokenizer) of a spec."""
    checkpoint = locate(parse_spec(spec))
    return load_to_change(checkpoint), Encoder(load_tokenizer(checkpoint), spec=spec)


def open_tuned(spec: str, course: Course, training: Training) -> HFModel:
    """The trained model: its weights are loaded at the first question, and adapters are never merged."""
    how = "LoRA" if training.method == "lora" else "all weights"
    words = f"{how}, {training.steps} steps, lr {training.lr:g}, seed {training.seed}"
    return HFModel(locate(parse_spec(spec)), Tuned(course.spec, training.weights, words, course))
