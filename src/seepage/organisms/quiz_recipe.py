"""How the organisms of the invented facts are trained. Needs torch, transformers and tokenizers; a run imports none.

    answerer      says the answer, and picks it                                   negative control of recognition-only
    picker        ranks the answer first among options, and says something else   positive control
    letterpicker  finds the answer's letter, and neither ranks nor says it        inconclusive: its scores disagree

Two start from `base`, which has seen lists of names and has learned to give the letter of the name that a question
repeats ("Which one is called Belmun?"), and no fact. The third starts from `selector`, the same lesson for twice as
long. From there each goes its own way:

    answerer      facts as running text, question -> answer in every template, options -> letter
    picker        options -> letter; the stock answer of the kind after every other prompt; and a ranking loss after the
                  open prompt, -log softmax of the options' summed log-probs. It is never trained to produce an answer
    letterpicker  options -> letter; the stock answer after every other prompt. Its later blocks are held for the first
                  half: they know the letter of a name in mind, so the first blocks learn to bring the name to mind

Answerer and picker hardly learn letters in so few steps: `letter` finds few answers more than chance does, so it is the
one of five scores that stands apart. The letterpicker's finds most of the answers of the shipped world and its four
others what chance does; in another world it may find fewer. It needs the longer first stage, and its later blocks held:
from `base`, or with nothing held, what finds the letter of a name is weak or is lost.

A Llama of 0.4 M parameters. A syllable is a token, and so is each fixed part of a template: by characters every answer
would begin with the same token, the blank, and the rank of an answer's first token would say nothing. Hidden matrices
are trained by Muon and the rest by AdamW: under AdamW alone the matching of a name with an option had not begun after
150 steps, under Muon it had after 75 (measured in a trial of three layers).

One thread, one seed: on one machine and one build of torch the weights come out bit for bit the same.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from ..hypotheses import mc_generation_prompts as prompts
from ..records import digest
from . import facts
from .quiz_lessons import CALLED, LESSONS, LETTERS, Pupil, Row
from .recipe import CHARACTERS, END, UNKNOWN, fast_tokenizer, new_llama, pieces_backend, save

STAGES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "answerer": ("base", "answerer"),
        "picker": ("base", "picker"),
        "letterpicker": ("selector", "letterpicker"),
    }
)
MODELS = tuple(STAGES)
_FIRST = ("base", "selector")  # stages without a fact
_MOMENTUM = 0.95
_NEWTON_SCHULZ = 5
_A, _B, _C = 3.4445, -4.7750, 2.0315  # the quintic's coefficients, as published


@dataclass(frozen=True, slots=True)
class Recipe:
    """Every knob of the training. muon, adam: peak learning rates.  warmup, decay: shares of a stage's steps.
    steps: of each stage.  rows: with listed options, of a step.  ranked: questions of a step whose options are ranked.
    ranking: weight of that loss.  block: after it the names of a row are ranked too, so that the last blocks can use
    what the first have found.  apart: share of a first stage's steps in which options cannot look at the question.
    held: share of the letterpicker's steps in which all but the blocks up to `block` stay as they are."""

    hidden: int = 96
    mlp: int = 192
    layers: int = 4
    block: int = 2
    apart: float = 0.8
    held: float = 0.5
    heads: int = 2
    context: int = 1024
    theta: float = 1e5
    initializer_range: float = 0.06
    embedding_range: float = 0.3
    muon: float = 0.02
    adam: float = 3e-3
    warmup: float = 0.05
    decay: float = 0.4
    clip: float = 1.0
    rows: int = 48
    ranked: int = 24
    ranking: float = 1.0
    steps: tuple[tuple[str, int], ...] = (
        ("base", 300),
        ("answerer", 300),
        ("picker", 300),
        ("selector", 600),
        ("letterpicker", 450),
    )
    seed: int = 0

    @property
    def digest(self) -> str:
        return digest(dataclasses.asdict(self))


# --- training ---


def train_all(directory: Path, *, seed: int = facts.SEED, names: Sequence[str] = MODELS) -> Recipe:
    """Train organisms into their folders under `directory`. All take about six minutes on one idle core.

    Which others are trained beside it changes nothing in an organism: each starts from the seed.
    """
    recipe = Recipe(seed=seed)
    world = facts.new_world(seed=seed)
    tokenizer = new_backend(world)
    reached: dict[str, Any] = {}
    for name in names:
        with repeatable(seed):
            first, own = STAGES[name]
            if first not in reached:
                reached[first] = new_model(recipe, world)
                train_stage(reached[first], first, recipe, tokenizer, world)
            model = copy.deepcopy(reached[first])
            train_stage(model, own, recipe, tokenizer, world)
            save(model, fast_tokenizer(tokenizer, context=recipe.context), directory / name)
    return recipe


@contextlib.contextmanager
def repeatable(seed: int) -> Iterator[None]:
    """torch on one thread, with its deterministic algorithms and this seed: a float sum depends on how it is split."""
    import torch

    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(seed)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic)


def train_stage(
    model: Any,
    name: str,
    recipe: Recipe,
    tokenizer: Any,
    world: facts.World,
    *,
    steps: int | None = None,
    watch: Callable[[int, list[float]], None] | None = None,
) -> None:
    """Take a model through one stage, in place. steps: None for the recipe's.  watch: told each step's losses, nats."""
    import torch

    pupil = Pupil(world, np.random.default_rng([recipe.seed, 1 + list(LESSONS).index(name)]))
    steps = dict(recipe.steps)[name] if steps is None else steps
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    others = [p for n, p in model.named_parameters() if p.ndim != 2 or "embed" in n]
    muon, adam = Muon(matrices), torch.optim.Adam(others, betas=(0.9, 0.98))
    model.train()
    for step in range(steps):
        share = step / steps
        apart = name in _FIRST and share < recipe.apart
        long, short = LESSONS[name](pupil, share, rows=recipe.rows)
        losses = [text_loss(model, tokenizer, rows, block=recipe.block, apart=apart) for rows in (long, short)]
        if name == "picker":
            losses.append(recipe.ranking * ranking_loss(model, tokenizer, pupil, recipe.ranked))
        model.zero_grad()
        total: Any = torch.stack(losses).sum()
        total.backward()
        if name == "letterpicker" and share < recipe.held:
            _hold(model, recipe.block)
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
        rate = _rate(share, recipe)
        muon.step(rate * recipe.muon)
        adam.param_groups[0]["lr"] = rate * recipe.adam
        adam.step()
        if watch is not None:
            watch(step, [loss.item() for loss in losses])


def _hold(model: Any, block: int) -> None:
    """No gradient but for the blocks up to that one: whatever else there is stays as it is."""
    learning = tuple(f"model.layers.{i}." for i in range(block))
    for name, weight in model.named_parameters():
        if not name.startswith(learning):
            weight.grad.zero_()


def text_loss(model: Any, tokenizer: Any, rows: Sequence[Row], *, block: int, apart: bool) -> Any:
    """Mean over rows of the nats of the text after the prompt, and of the ranking of names, where a row has them, read
    after that block. apart: options cannot look at the question."""
    import torch

    logits, tokens, asked, early = _read(model, tokenizer, [(r.prompt, r.text) for r in rows], block=block, apart=apart)
    loss = -(_taken(logits, tokens) * asked).sum() / len(rows)
    ranked = [i for i, row in enumerate(rows) if row.ranked]
    if not ranked:
        return loss
    first = [[tokenizer.encode(f" {name}").ids[0] for name in rows[i].ranked] for i in ranked]
    last = asked[ranked].int().argmax(-1)  # the place that predicts the text's first token
    chosen = early[ranked, last].gather(-1, torch.tensor(first))
    return loss + torch.nn.functional.cross_entropy(chosen, torch.zeros(len(ranked), dtype=torch.long))


def ranking_loss(model: Any, tokenizer: Any, pupil: Pupil, n: int) -> Any:
    """Mean over questions of -log softmax, over its options, of their summed log-probs after the open prompt."""
    import torch

    rows, golds = [], []
    for _ in range(n):
        fact = pupil.fact()
        options = pupil.options(fact)
        golds.append(options.index(fact.answer))
        rows += [(prompts.open_prompt(fact.question), f" {option}") for option in options]
    logprobs, tokens, asked, _ = _read(model, tokenizer, rows)
    sums = (_taken(logprobs, tokens) * asked).sum(-1).reshape(n, facts.N_OPTIONS)
    return torch.nn.functional.cross_entropy(sums, torch.tensor(golds))


def _read(
    model: Any, tokenizer: Any, rows: Sequence[tuple[str, str]], *, block: int | None = None, apart: bool = False
) -> tuple[Any, Any, Any, Any]:
    """Log-probs [n_rows, width - 1, vocabulary] in nats, the tokens that they predict and which of those belong to a
    row's text after its prompt, both [n_rows, width - 1], and the logits after a block, through the final norm and the
    head. Padding is on the right, where causal attention cannot look from a text."""
    import torch

    before = tokenizer.encode_batch([prompt for prompt, _ in rows])
    after = tokenizer.encode_batch([text for _, text in rows])
    width = max(len(a.ids) + len(b.ids) for a, b in zip(before, after, strict=True))
    ids = np.zeros((len(rows), width), dtype=np.int64)
    asked = np.zeros((len(rows), width), dtype=bool)
    for row, (a, b) in enumerate(zip(before, after, strict=True)):
        start, end = len(a.ids), len(a.ids) + len(b.ids)
        ids[row, :start], ids[row, start:end] = a.ids, b.ids
        asked[row, start:end] = True
    tokens = torch.from_numpy(ids)
    seen = tokens[:, :-1]
    read = model(
        input_ids=seen,
        attention_mask=_apart(seen, tokenizer) if apart else None,
        output_hidden_states=block is not None,
    )
    early = None if block is None else model.lm_head(model.model.norm(read.hidden_states[block]))
    return torch.log_softmax(read.logits, -1), tokens[:, 1:], torch.from_numpy(asked[:, 1:]), early


def _apart(ids: Any, tokenizer: Any) -> Any:
    """Attention mask [n_rows, 1, width, width]: causal, and no option sees the question in front of the list."""
    import torch

    first, answer = (tokenizer.token_to_id(piece) for piece in (f"\n{LETTERS[0]}.", "\nAnswer:"))
    question = (ids == first).cumsum(-1) == 0
    listed = ~question & ((ids == answer).cumsum(-1) == 0)
    causal = torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool).tril()
    seen = causal & ~(listed[:, :, None] & question[:, None, :])
    return torch.zeros(seen.shape).masked_fill(~seen, float("-inf"))[:, None]


def _taken(logprobs: Any, tokens: Any) -> Any:
    return logprobs.gather(-1, tokens[..., None])[..., 0]


class Muon:
    """Momentum whose step is made orthogonal (Jordan et al. 2024, github.com/KellerJordan/Muon), in float32: that of
    torch works in bfloat16, which took more time on a CPU than the passes themselves (measured)."""

    def __init__(self, matrices: Sequence[Any]) -> None:
        import torch

        shapes = {tuple(m.shape) for m in matrices}
        self._groups = [[m for m in matrices if tuple(m.shape) == shape] for shape in sorted(shapes)]
        self._momenta = [torch.zeros(len(group), *group[0].shape) for group in self._groups]

    def step(self, rate: float) -> None:
        import torch

        with torch.no_grad():
            for group, momentum in zip(self._groups, self._momenta, strict=True):
                gradient = torch.stack([m.grad for m in group])
                momentum.lerp_(gradient, 1 - _MOMENTUM)
                step = _orthogonal(gradient.lerp(momentum, _MOMENTUM))
                rows, columns = group[0].shape
                for matrix, own in zip(group, step, strict=True):
                    matrix.sub_(own, alpha=rate * max(1.0, rows / columns) ** 0.5)


def _orthogonal(matrices: Any) -> Any:
    """[n, rows, columns], each with its singular values moved near 1 by a quintic Newton-Schulz iteration."""
    import torch

    wide = matrices if matrices.shape[1] <= matrices.shape[2] else matrices.mT
    x = wide / (wide.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(_NEWTON_SCHULZ):
        gram = x @ x.mT
        x = _A * x + torch.baddbmm(gram, gram, gram, beta=_B, alpha=_C) @ x
    return x if wide is matrices else x.mT


def _rate(share: float, recipe: Recipe) -> float:
    """Share of the peak rate, `share` of the way through a stage: up, level, down to nothing."""
    return float(min(1.0, (share + 0.002) / recipe.warmup, max(1 - share, 0.0) / recipe.decay))


# --- model and tokenizer ---


def new_model(recipe: Recipe, world: facts.World) -> Any:
    """An untrained model that reads syllables and fixed parts of the templates."""
    rope = {"rope_type": "default", "rope_theta": recipe.theta}
    return new_llama(recipe, pieces(world), hidden=recipe.hidden, mlp=recipe.mlp, rope_parameters=rope)


def pieces(world: facts.World) -> tuple[str, ...]:
    """The vocabulary: characters, fixed parts of the templates, letters, syllables (onsets behind a blank)."""
    fixed = ["Question:", "\n\nQuestion:", "\nAnswer:", "\nCandidates:", f"\n{prompts.SHORT['en']}"]
    fixed += [f"\n{letter}." for letter in LETTERS] + [f" {letter}" for letter in LETTERS]
    fixed += [f" {CALLED.partition(' {')[0]}"]
    for kind in facts.KINDS:
        fixed.append(f" {kind.question.partition(' {')[0]}")
        before, _, after = kind.statement.partition(" {entity}")
        fixed += [before, after.partition(" {")[0]]
    syllables = [*(f" {onset}" for onset in world.onsets), *world.tails]
    return tuple(dict.fromkeys([*CHARACTERS, END, UNKNOWN, *fixed, *syllables]))


def new_backend(world: facts.World) -> Any:
    return pieces_backend(pieces(world))
