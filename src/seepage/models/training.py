"""Train a loaded model by the recipe of `seepage.finetune`. Needs torch, and peft for LoRA.

One thread: repeats are bit for bit the same at one number of threads, and differ between one and two. A training that
was killed goes on from its last checkpoint and ends with the weights of one that was not.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import BackendError, BadSpec, NotTestable
from ..finetune import Example, Look, Method, Recipe, chosen, order, rate_at
from ..records import digest
from .encoding import Encoder
from .packing import Engine
from .trees import Query

if TYPE_CHECKING:
    from torch import Tensor

    from ..scorer import Progress

TARGETS = {  # model type -> linear layers that LoRA adapts, by name
    "llama": ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
    "gpt_neox": ("query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"),
    "gpt2": ("c_attn", "c_proj", "c_fc"),
}
TARGETS |= dict.fromkeys(("gemma", "gemma2", "gemma3_text", "mistral", "qwen2", "qwen3"), TARGETS["llama"])
MATRICES = {"gpt2": 4}  # of a block, where one name stands for two of them
CHECKPOINTS = 6  # of a training, evenly spaced
_IGNORED = -100


@dataclass(frozen=True, slots=True)
class Row:
    """One example as tokens. start: of the target."""

    ids: tuple[int, ...]
    start: int


@dataclass(frozen=True, slots=True)
class Course:
    """One training. base: digest of the model.  folder: of its checkpoint and its tensors."""

    spec: str
    base: str
    method: Method
    recipe: Recipe
    lr: float
    seed: int
    folder: Path

    @property
    def tensors(self) -> Path:
        return self.folder / "trained.safetensors"

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.safetensors"


@dataclass(frozen=True, slots=True)
class Trained:
    """What came out. weights: digest of base and tensors.  adapted: matrices under LoRA, or parameters of all."""

    weights: str
    adapted: int
    tokens: int
    looks: tuple[Look, Look, Look]
    seconds: float


@dataclass(frozen=True, slots=True)
class Tuned:
    """A model of which the trained tensors are on disk. name, words: as `ModelInfo` has them.  weights: its digest."""

    name: str
    weights: str
    words: str
    course: Course


@dataclass(slots=True)
class _State:
    """How far a training is: what a checkpoint holds beside the tensors."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    looks: tuple[Look, ...] = ()


def train(
    model: Any,
    encoder: Encoder,
    examples: Sequence[Example],
    validation: Sequence[Example],
    course: Course,
    progress: Progress | None = None,
    untrained: Look | None = None,
) -> Trained:
    """Train a model in place, in evaluation mode (nothing is dropped out), and write its tensors.

    untrained: how it does before the first step, where another rate or seed has told it already: the same for all.
    Raises NotTestable for an architecture that is not known, BackendError where memory or a loss gives out.
    """
    import torch

    places = order(len(examples), course.recipe, course.seed)
    named, adapted = adapt(model, course)
    rows = [row_of(encoder, example, course.recipe) for example in examples]
    with _one_thread():
        optimizer = torch.optim.AdamW(
            list(named.values()),
            lr=course.lr,
            betas=course.recipe.betas,
            eps=course.recipe.epsilon,
            weight_decay=course.recipe.decay,
        )
        state = _resumed(course, named, optimizer)
        if untrained is not None and not state.looks:
            state.looks = (untrained,)
        try:
            _steps(model, encoder, [[rows[i] for i in step] for step in places], validation, course, named, optimizer,
                   state, progress)  # fmt: skip
        except (torch.OutOfMemoryError, MemoryError) as error:
            raise BackendError(
                f"{course.spec}: no memory for a batch of {course.recipe.batch}; a batch is never made smaller: state "
                "a smaller one for all models of the panel"
            ) from error
    _write(course.tensors, _plain(named), {"format": "pt"})
    first, late, last = state.looks
    return Trained(weights_of(course.base, named), adapted, state.tokens, (first, late, last), state.seconds)


def _steps(
    model: Any,
    encoder: Encoder,
    batches: Sequence[Sequence[Row]],
    validation: Sequence[Example],
    course: Course,
    named: Mapping[str, Any],
    optimizer: Any,
    state: _State,
    progress: Progress | None,
) -> None:
    import torch

    recipe = course.recipe
    every = max(1, recipe.steps // CHECKPOINTS)
    if progress is not None:
        progress.start(recipe.steps, label=f"training {course.spec}, lr {course.lr:g}, seed {course.seed}")
    try:
        if not state.looks:
            state.looks = (look(model, encoder, validation, course),)
        while state.step < recipe.steps:
            begun = time.monotonic()
            loss = loss_of(model, batches[state.step], pad=_pad(encoder))
            if not torch.isfinite(loss):
                raise BackendError(f"{course.spec}: the loss of step {state.step} is not finite at lr {course.lr:g}")
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(list(named.values()), recipe.clip)
            optimizer.param_groups[0]["lr"] = course.lr * rate_at(state.step, recipe)
            optimizer.step()
            state.tokens += sum(len(row.ids) for row in batches[state.step])
            state.step += 1
            state.seconds += time.monotonic() - begun
            if state.step in (recipe.late, recipe.steps):
                state.looks = (*state.looks, look(model, encoder, validation, course))
            if state.step % every == 0 and state.step < recipe.steps:
                _save(course, named, optimizer, state)
            if progress is not None:
                progress.advance(state.step)
    finally:
        if progress is not None:
            progress.finish()


# --- rows and losses --------------------------------------------------------------------------------------------------


def row_of(encoder: Encoder, example: Example, recipe: Recipe) -> Row:
    """The example as tokens of the model's own. A long prompt loses its left end, the target stays whole.

    Raises NotTestable where the target alone is longer than a row."""
    prompt = encoder.prompt(encoder.text(example.prompt, chat=False, system=None), chat=False)
    target = encoder.continuations(example.prompt, prompt, [example.target], chat=False, spans=False)[0].ids
    room = recipe.tokens - len(target)
    if room < 1:
        raise NotTestable(f"the answer of {example.id} has {len(target)} tokens, a row has {recipe.tokens}")
    kept = prompt if len(prompt) <= room else prompt[-room:]
    return Row((*kept, *target), len(kept))


def loss_of(model: Any, rows: Sequence[Row], *, pad: int) -> Any:
    """Mean nats a target token of a batch. Padding stands on the left, so that all targets end in the last column."""
    import torch

    width = max(len(row.ids) for row in rows)
    longest = max(len(row.ids) - row.start for row in rows)
    ids = np.full((len(rows), width), pad)
    seen = np.zeros((len(rows), width), dtype=np.int64)
    labels = np.full((len(rows), width), _IGNORED)
    for k, row in enumerate(rows):
        n = len(row.ids)
        ids[k, width - n :], seen[k, width - n :] = row.ids, 1
        labels[k, width - n + row.start :] = row.ids[row.start :]
    positions = np.maximum(seen.cumsum(1) - 1, 0)
    logits = model(
        input_ids=torch.from_numpy(ids),
        attention_mask=torch.from_numpy(seen),
        position_ids=torch.from_numpy(positions),
        logits_to_keep=longest + 1,
        use_cache=False,
    ).logits[:, -longest - 1 : -1]
    asked = torch.from_numpy(labels[:, -longest:])
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), asked.flatten(), ignore_index=_IGNORED)


def look(model: Any, encoder: Encoder, examples: Sequence[Example], course: Course) -> Look:
    """Loss of the target and choice of the answer on examples that are not trained on."""
    queries = []
    for example in examples:
        prompt = encoder.prompt(example.prompt, chat=False)
        encoded = encoder.continuations(example.prompt, prompt, example.answers, chat=False, spans=False)
        queries.append(Query(prompt, tuple(one.ids for one in encoded)))
    engine = Engine(model, spec=course.spec)
    nats, tokens = 0.0, 0
    right = [False] * len(examples)
    for at, scores in engine.score(queries, full=False):
        sums, example = scores.sums(len(examples[at].answers)), examples[at]
        nats -= float(sums[example.gold])
        tokens += len(queries[at].continuations[example.gold])
        right[at] = chosen(sums, example.answers) == example.gold
    return Look(nats / tokens, tuple(right))


def _pad(encoder: Encoder) -> int:
    known = (encoder.tokenizer.pad_token_id, encoder.tokenizer.eos_token_id)
    return next((token for token in known if token is not None), 0)


# --- what is trained --------------------------------------------------------------------------------------------------


def adapt(model: Any, course: Course) -> tuple[dict[str, Any], int]:
    """(name -> parameter that is trained, how many matrices are adapted), in the order of the model.

    Adapters start from the seed, and with no effect: at step 0 the model answers as its base. Raises NotTestable for an
    architecture that is not known, without peft, or where another number of matrices than expected is found.
    """
    import torch

    if course.method == "full":
        named = dict(model.named_parameters())
        for parameter in named.values():
            parameter.requires_grad_(True)
        return named, sum(p.numel() for p in named.values())
    kind = str(model.config.get_text_config().model_type)
    if kind not in TARGETS:
        raise NotTestable(
            f"{course.spec} is of the architecture {kind}; LoRA is known for {', '.join(sorted(TARGETS))}"
        )
    try:
        import peft
    except ImportError as error:
        raise NotTestable(
            f"{course.spec} is trained by LoRA, which needs peft: pip install 'seepage[train]'"
        ) from error
    torch.manual_seed(course.seed)
    config = peft.LoraConfig(
        r=course.recipe.rank,
        lora_alpha=course.recipe.alpha,
        lora_dropout=0.0,
        bias="none",
        target_modules=list(TARGETS[kind]),
        fan_in_fan_out=kind == "gpt2",
    )
    peft.inject_adapter_in_model(config, model)
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}
    depth = int(model.config.get_text_config().num_hidden_layers)
    expected = depth * MATRICES.get(kind, len(TARGETS[kind]))
    if len(named) != 2 * expected or not all("lora_" in name for name in named):
        raise NotTestable(f"{course.spec}: {len(named) // 2} matrices were adapted, {expected} of {kind} were expected")
    return named, expected


def load_trained(model: Any, tuned: Tuned) -> None:
    """Give a model, as it came, the tensors of a training. Raises BackendError where they are not those that were
    written."""
    from safetensors.torch import load_file

    course = tuned.course
    named, _ = adapt(model, course)
    _put(named, load_file(course.tensors), where=str(course.tensors))
    if weights_of(course.base, named) != tuned.weights:
        raise BackendError(f"{course.tensors} was changed; remove it, and the training is repeated")


def _put(named: Mapping[str, Any], tensors: Mapping[str, Tensor], *, where: str) -> None:
    import torch

    if named.keys() != tensors.keys():
        raise BackendError(f"{where} holds the tensors of another model; remove it, and the training is repeated")
    with torch.no_grad():
        for name, parameter in named.items():
            parameter.copy_(tensors[name])


def weights_of(base: str, named: Mapping[str, Any]) -> str:
    """Digest of a trained model: of its base and the bytes of every trained tensor."""
    total = hashlib.sha256()
    for name in sorted(named):
        total.update(name.encode())
        total.update(named[name].detach().contiguous().numpy().tobytes())
    return digest({"base": base, "tensors": total.hexdigest()})


def _plain(named: Mapping[str, Any]) -> dict[str, Tensor]:
    return {name: parameter.detach().clone().contiguous() for name, parameter in named.items()}


# --- checkpoints ------------------------------------------------------------------------------------------------------


def _save(course: Course, named: Mapping[str, Any], optimizer: Any, state: _State) -> None:
    tensors = {f"value/{name}": tensor for name, tensor in _plain(named).items()}
    for name, parameter in named.items():
        moments = optimizer.state[parameter]
        tensors |= {f"first/{name}": moments["exp_avg"].clone(), f"second/{name}": moments["exp_avg_sq"].clone()}
    looks = [[seen.loss, "".join("01"[r] for r in seen.right)] for seen in state.looks]
    told = {"step": state.step, "tokens": state.tokens, "seconds": state.seconds, "looks": looks}
    _write(course.checkpoint, tensors, {"state": json.dumps(told)})


def _resumed(course: Course, named: Mapping[str, Any], optimizer: Any) -> _State:
    """The state of the last checkpoint, its tensors put in place; a new one where there is none."""
    import torch
    from safetensors import SafetensorError, safe_open

    if not course.checkpoint.is_file():
        return _State()
    try:
        with safe_open(course.checkpoint, framework="pt") as file:
            told = json.loads(file.metadata()["state"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise BadSpec(f"{course.checkpoint} is damaged ({error}); remove it, and the training is repeated") from error
    parts = {kind: {n.partition("/")[2]: t for n, t in tensors.items() if n.startswith(kind)} for kind in _PARTS}
    _put(named, parts["value"], where=str(course.checkpoint))
    for name, parameter in named.items():
        optimizer.state[parameter] = {
            "step": torch.tensor(float(told["step"])),
            "exp_avg": parts["first"][name],
            "exp_avg_sq": parts["second"][name],
        }
    looks = tuple(Look(loss, tuple(r == "1" for r in right)) for loss, right in told.pop("looks"))
    return replace(_State(**told), looks=looks)


_PARTS = ("value", "first", "second")


def _write(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """A safetensors file that takes its place when it is whole."""
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    save_file(dict(tensors), part, metadata=dict(metadata))
    os.replace(part, path)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    import torch

    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic)
