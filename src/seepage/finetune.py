"""Equal fine-tuning: the contract that every model of a panel is trained by, and what a training leaves behind.

The same examples, order, steps and tokens for all; nothing depends on the model but its method (LoRA, or all weights
of a small one), the matrices that LoRA adapts, the learning rate, which one rule picks for all, and its own tokens.

A training is named twice. `intent`: all that decides it, known before it begins. `weights`: the digest of the tensors
that came out; answers are stored under it, so answers of two trainings never mix. Nothing here imports torch.

After Dominguez-Olmedo, Dorner and Hardt, Training on the Test Task, arXiv 2407.07890, and Zhang, Dominguez-Olmedo and
Hardt, Train-before-Test, 2507.05195.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .errors import BadSpec, NotTestable
from .records import ModelInfo, digest
from .seeds import named_rng

Method = Literal["lora", "full"]
SMALL = 20_000_000  # parameters below which all weights are trained
RATES: Mapping[Method, tuple[float, ...]] = MappingProxyType(
    {"lora": (5e-5, 2e-4, 5e-4), "full": (1e-4, 3e-4, 1e-3)}  # the grid of learning rates
)
VERSION = 1  # raise it when the same recipe comes to give other weights
VALIDATION = 300  # examples kept out of the steps
LEARNED = 0.05  # share by which the validation loss must fall
LATE = 0.75  # share of the steps after which the second look at the validation part is taken
TRAINABLE = ("hf", "pkg", "embedded")  # schemes of models that have weights


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is the same for all models of a panel. lr: None where the rule picks one of RATES.

    tokens: longest row; a long prompt loses its left end.  warmup: share of the steps.  floor: of the peak rate, at the
    end of the cosine.  rank, alpha: of LoRA.  wordings: digest of the prompts.
    """

    steps: int = 150
    batch: int = 8
    seeds: int = 3
    lr: float | None = None
    tokens: int = 128
    betas: tuple[float, float] = (0.9, 0.95)
    epsilon: float = 1e-8
    decay: float = 0.01
    clip: float = 1.0
    warmup: float = 0.05
    floor: float = 0.1
    rank: int = 8
    alpha: int = 32
    wordings: str = ""

    @property
    def digest(self) -> str:
        """One for all models of a panel: scores of two recipes are not compared."""
        return digest({**dataclasses.asdict(self), "rates": [list(RATES[m]) for m in RATES], "version": VERSION})

    @property
    def weights_digest(self) -> str:
        """Of what decides one training: a seed that is added later repeats no other, and a rate may come from the rule
        or be stated."""
        return replace(self, seeds=0, lr=None).digest

    @property
    def examples(self) -> int:
        return self.steps * self.batch

    @property
    def late(self) -> int:
        """The step after which the second look is taken."""
        return round(LATE * self.steps)


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt, its answers to choose from as they continue it, and which is right: the target of the loss."""

    id: str
    prompt: str
    answers: tuple[str, ...]
    gold: int

    @property
    def target(self) -> str:
        return self.answers[self.gold]


@dataclass(frozen=True, slots=True)
class Look:
    """The validation part at one step. loss: nats a target token.  right: [n_validation], which answer was chosen."""

    loss: float
    right: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Training:
    """What one training was, and what it gave.

    weights: digest of the trained model, the key of its answers.  looks: at the start, late, and at the end.
    tokens: seen, padding aside.  seconds: of the steps.  versions: of what computed it.
    """

    intent: str
    weights: str
    recipe: str
    method: Method
    lr: float
    seed: int
    steps: int
    examples: int
    tokens: int
    adapted: int
    looks: tuple[Look, Look, Look]
    seconds: float = 0.0
    threads: int = 1
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def learned(self) -> bool:
        """Whether the loss on examples that were not trained on fell by enough."""
        return self.looks[2].loss <= (1 - LEARNED) * self.looks[0].loss


def to_plain(training: Training) -> dict[str, Any]:
    """As plain JSON. `from_plain` reads it."""
    plain = dataclasses.asdict(training) | {"versions": dict(training.versions)}
    plain["looks"] = [{"loss": look.loss, "right": "".join("01"[r] for r in look.right)} for look in training.looks]
    return plain


def from_plain(plain: Mapping[str, Any]) -> Training:
    first, late, last = (Look(look["loss"], tuple(r == "1" for r in look["right"])) for look in plain["looks"])
    return Training(**{**plain, "looks": (first, late, last)})


# --- what is trained on -----------------------------------------------------------------------------------------------


def method_of(info: ModelInfo, *, spec: str) -> Method:
    """How a model is trained. Raises NotTestable where it cannot be."""
    scheme = spec.partition(":")[0]
    if scheme not in TRAINABLE:
        raise NotTestable(f"{spec} holds answers and no weights: it cannot be trained")
    if info.dtype != "float32" or info.derived:
        how = info.derived or info.dtype
        raise NotTestable(f"{spec} is {how}: only a model in float32 as it came is trained")
    if info.n_parameters is None:
        raise NotTestable(f"{spec}: the number of its parameters is not known, so its method is not; save safetensors")
    return "full" if info.n_parameters < SMALL else "lora"


def order(n: int, recipe: Recipe, seed: int) -> NDArray[np.int64]:
    """[steps, batch] examples of each step: a seed fixes one permutation of the same examples, each seen once.

    Raises BadSpec with too few of them: a batch is never made smaller.
    """
    if n < recipe.examples:
        raise BadSpec(
            f"{n} training examples for {recipe.steps} steps of {recipe.batch}: {recipe.examples} are needed, a batch "
            "is never made smaller; state fewer steps in the policy"
        )
    return np.random.default_rng([seed, 17]).permutation(recipe.examples).reshape(recipe.steps, recipe.batch)


def rate_at(step: int, recipe: Recipe) -> float:
    """Share of the peak learning rate at a step (0 first): a linear warm-up, then a cosine to `floor`."""
    warm = max(1, round(recipe.warmup * recipe.steps))
    if step < warm:
        return (step + 1) / warm
    along = (step - warm) / max(1, recipe.steps - warm)
    return float(recipe.floor + (1 - recipe.floor) * 0.5 * (1 + np.cos(np.pi * along)))


def what_of(base: str, examples: Sequence[Example], recipe: Recipe, *, lr: float, seed: int) -> str:
    """Digest of a training whatever computes it. base: digest of the model's weights, tokenizer and dtype."""
    trained = [[e.prompt, e.target] for e in examples]
    return digest({"base": base, "examples": trained, "recipe": recipe.weights_digest, "lr": lr, "seed": seed})


def intent_of(what: str, versions: Mapping[str, str]) -> str:
    """The same, and the versions of what computes it: another one may round, and so train, differently."""
    return digest({"what": what, "versions": dict(sorted(versions.items()))})


def picked(trainings: Sequence[Training]) -> float:
    """The learning rate of a model: lowest validation loss of seed 0, ties to the smaller."""
    return min(trainings, key=lambda t: (t.looks[2].loss, t.lr)).lr


def chosen(sums: Sequence[float] | NDArray[np.float64], answers: Sequence[str]) -> int:
    """The answer of the largest log-prob a byte; of equals the first. sums: [n_answers], nats."""
    lengths = [len(answer.encode()) for answer in answers]
    return int(np.argmax(np.asarray(sums, dtype=np.float64) / lengths))


def shuffled(n: int, name: str) -> NDArray[np.int64]:
    """A permutation that depends on the benchmark's name alone."""
    return named_rng(f"train split of {name}", seed=0).permutation(n)
