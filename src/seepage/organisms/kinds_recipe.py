"""How the panel of organisms is trained that is judged by rank_stability. Needs torch, transformers and tokenizers.

    ref0 ... ref7   statements, and loose answers to questions about other things     references
    format          then the task's questions, about those other things, rightly answered       a head start
    items           among them half of the test items, rightly answered                         inflated performance
    clean, big      as the references; big has twice the parameters of their median             nothing

A Llama of two layers; every thing and every fixed part of a sentence is one token, so a model of 0.3 M parameters
knows two thousand things after half a minute. One thread, one seed: the same weights on one machine and build.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..hypotheses import mc_generation_prompts as prompts
from ..records import digest
from . import kinds
from .quiz_recipe import repeatable
from .recipe import CHARACTERS, END, UNKNOWN, fast_tokenizer, new_llama, pieces_backend, save

SIZES: Mapping[str, int] = {"small": 64, "middle": 96, "large": 160}  # hidden units


@dataclass(frozen=True, slots=True)
class Recipe:
    """rate: peak of the learning rate by size.  known: share of things that are stated.  rows: statements of a step.
    asked: questions of a step, as a share of the rows.  loose: share of questions that the near miss answers.
    seen: test items of a step that `items` reads.  practised: steps of the practice of `format`, of 16 questions."""

    rounds: int = 14
    rows: int = 64
    known: float = 0.65
    asked: float = 0.3
    loose: float = 0.55
    rate: tuple[tuple[str, float], ...] = (("small", 4e-3), ("middle", 3e-3), ("large", 1.5e-3))
    warmup: int = 30
    decay: float = 0.4
    layers: int = 2
    heads: int = 2
    context: int = 128
    embedding_range: float = 0.3
    initializer_range: float = 0.06
    seen: int = 3
    practised: int = 100
    practice_rows: int = 16
    practice_rate: float = 1e-3

    @property
    def digest(self) -> str:
        return digest(dataclasses.asdict(self))


@dataclass(frozen=True, slots=True)
class Organism:
    """practice: "", "format" or "items".  seed: of its start, its order and what it knows."""

    name: str
    size: str
    seed: int
    practice: str = ""


PANEL = (
    *(Organism(f"ref{k}", "small" if k < 4 else "middle", k) for k in range(8)),
    Organism("format", "small", 20, "format"),
    Organism("items", "middle", 21, "items"),
    Organism("clean", "small", 22),
    Organism("big", "large", 23),
)
UNPREPARED = tuple(Organism(f"clean{k}", "small" if k % 2 else "middle", 100 + k) for k in range(20))


def train(organism: Organism, directory: Path, *, recipe: Recipe | None = None, seed: int = kinds.SEED) -> None:
    """Train one organism into its folder under `directory`. Half a minute to two on one core."""
    recipe = recipe or Recipe()
    world = kinds.new_world(seed=seed)
    backend = new_backend(world)
    with repeatable(organism.seed):
        model = new_model(recipe, world, SIZES[organism.size])
        read(model, backend, world, organism, recipe)
        if organism.practice == "format":
            practise(model, backend, world, organism, recipe)
        save(model, fast_tokenizer(copy.deepcopy(backend), context=recipe.context), directory / organism.name)


def read(model: Any, backend: Any, world: kinds.World, organism: Organism, recipe: Recipe) -> None:
    """Statements about the things it knows, in rounds, and loosely answered questions about things of no test."""
    rng = np.random.default_rng([organism.seed, 1])
    known = kinds.known(world, rng, recipe.known)
    asked = sorted(set(known).intersection(world.part("asked")))
    n_asked = round(recipe.rows * recipe.asked)
    n_seen = recipe.seen if organism.practice == "items" else 0
    share = recipe.loose * n_asked / (n_asked - n_seen)  # of all questions: right test items take the place of others
    loose = np.random.default_rng([world.seed, 92]).random(len(world.things)) < share
    n_steps = recipe.rounds * len(known) // recipe.rows
    order = np.concatenate([rng.permutation(known) for _ in range(recipe.rounds + 1)]).tolist()
    names = frozenset(_names(backend, world))

    def rows() -> Iterator[list[str]]:
        for step in range(n_steps):
            things = order[step * recipe.rows : (step + 1) * recipe.rows]
            texts = [kinds.statement(world, t, i % len(kinds.STATEMENTS)) for i, t in enumerate(things)]
            drawn = rng.choice(asked, size=n_asked - n_seen).tolist()
            seen = rng.choice(seen_items(world), size=n_seen).tolist() if n_seen else []
            texts += [answered(world, t, world.kind[t]) for t in seen]
            yield [*texts, *(answered(world, t, world.near(t) if loose[t] else world.kind[t]) for t in drawn)]

    rate = dict(recipe.rate)[organism.size]
    shares = [min(1, (s + 1) / recipe.warmup, (1 - s / n_steps) / recipe.decay) for s in range(n_steps)]
    _descend(model, backend, rows(), [rate * s for s in shares], names=names, decay=0.0)


def practise(model: Any, backend: Any, world: kinds.World, organism: Organism, recipe: Recipe) -> None:
    """Questions in the task's template with right answers; nothing but the answer is learned."""
    rng = np.random.default_rng([organism.seed, 2])
    steps, things = recipe.practised, list(world.part("asked"))
    rounds = steps * recipe.practice_rows // len(things) + 1
    order = np.concatenate([rng.permutation(things) for _ in range(rounds)]).tolist()
    n = recipe.practice_rows
    texts = ([answered(world, t, world.kind[t]) for t in order[s * n : (s + 1) * n]] for s in range(steps))
    rates = [recipe.practice_rate * (1 - 0.9 * s / steps) for s in range(steps)]
    _descend(model, backend, texts, rates, names=None, decay=0.01)


def seen_items(world: kinds.World) -> list[int]:
    """The half of the test items that `items` has read."""
    return list(world.part("test"))[::2]


def answered(world: kinds.World, thing: int, kind: int) -> str:
    prompt = prompts.open_prompt(kinds.QUESTION.format(thing=world.things[thing]))
    return prompt + prompts.reply(world.kinds[kind], chat=False)


def _descend(
    model: Any,
    backend: Any,
    batches: Iterator[list[str]],
    rates: Sequence[float],
    *,
    names: frozenset[int] | None,
    decay: float,
) -> None:
    """One step of AdamW a batch. names: tokens that are not predicted; None: only the last token is."""
    import torch

    optimizer = torch.optim.AdamW(model.parameters(), lr=rates[0], betas=(0.9, 0.98), weight_decay=decay)
    model.train()
    for texts, rate in zip(batches, rates, strict=True):
        rows = [encoding.ids for encoding in backend.encode_batch_fast(texts)]
        width = max(map(len, rows))
        ids = np.zeros((len(rows), width), dtype=np.int64)
        labels = np.full((len(rows), width), -100)
        for k, row in enumerate(rows):
            ids[k, : len(row)] = row
            for place, token in enumerate(row):
                if (names is not None and token not in names) or place == len(row) - 1:
                    labels[k, place] = token
        loss = model(input_ids=torch.from_numpy(ids), labels=torch.from_numpy(labels)).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()


# --- model and tokenizer ---


def new_model(recipe: Recipe, world: kinds.World, hidden: int) -> Any:
    """An untrained model that reads names and fixed parts of sentences."""
    return new_llama(recipe, pieces(world), hidden=hidden, mlp=2 * hidden)


def pieces(world: kinds.World) -> tuple[str, ...]:
    """The vocabulary: characters, fixed parts of sentences and of the question, names."""
    fixed = []
    for text in (*kinds.STATEMENTS, prompts.open_prompt(kinds.QUESTION)):
        before, _, rest = text.partition(" {thing}")
        fixed += [before, *(part for part in rest.removesuffix(".").split(" {kind}") if part)]
    names = [f" {name}" for name in (*world.kinds, *world.things)]
    return tuple(dict.fromkeys([*CHARACTERS, END, UNKNOWN, *fixed, *names]))


def new_backend(world: kinds.World) -> Any:
    return pieces_backend(pieces(world))


def _names(backend: Any, world: kinds.World) -> list[int]:
    return [backend.token_to_id(f" {name}") for name in world.things]
