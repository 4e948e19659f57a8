"""The task that a panel of organisms is trained for: of what kind is an invented thing?

    Every zorvath is a lume.                        what their text states of the things they know
    Question: What is zorvath?\\nAnswer:             the task: four kinds to choose from, one of them a near miss

Each organism knows a share of the things, its own by lot. All have read questions about things that nobody is tested
on, more than half of them answered with the near miss: so they answer the task worse than they could, and equal
training brings out what they know. With a template that was never read the score depended on the luck of the start.

Who is who is drawn from a seed, so that no other model can have seen it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..benchmarks.record import Benchmark, Item
from ..records import digest

SEED = 0
N_KINDS = 16
PARTS: Mapping[str, int] = {"test": 1000, "synthetic": 600, "train": 1900, "asked": 600}  # things of each part
N_OPTIONS = 4
QUESTION = "What is {thing}?"
STATEMENTS = (
    "Every {thing} is a {kind}.",
    "The kind of {thing} is {kind}.",
    "Known: {thing}: {kind}.",
    "They say that {thing} is a thing called {kind}.",
    "The sort of {thing} is named {kind}.",
)
_ONSETS = ("b", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z")
_VOWELS = "aeiou"
_ENDS = ("", "n", "r", "s", "l")


@dataclass(frozen=True, slots=True)
class World:
    """things: names, part after part.  kind: [n_things] index of each.  kinds: their names.  options: [n_things, 4]
    kinds to choose from, the right one first, the near miss second."""

    seed: int
    things: tuple[str, ...]
    kinds: tuple[str, ...]
    kind: tuple[int, ...]
    options: tuple[tuple[int, ...], ...]

    @property
    def digest(self) -> str:
        return digest(dataclasses.asdict(self))

    def part(self, name: str) -> range:
        """Places of the things of a part."""
        start = sum(n for part, n in PARTS.items() if list(PARTS).index(part) < list(PARTS).index(name))
        return range(start, start + PARTS[name])

    def near(self, thing: int) -> int:
        """The kind that is taken for the right one."""
        return (self.kind[thing] + 1) % N_KINDS


def new_world(*, seed: int = SEED) -> World:
    rng = np.random.default_rng([seed, 90])
    n = sum(PARTS.values())
    names = _names(n + N_KINDS, rng)
    kind = rng.integers(N_KINDS, size=n).tolist()
    options = []
    for right in kind:
        near = (right + 1) % N_KINDS
        others = [k for k in range(N_KINDS) if k not in (right, near)]
        options.append((right, near, *(others[i] for i in rng.permutation(len(others))[: N_OPTIONS - 2].tolist())))
    return World(seed, tuple(names[N_KINDS:]), tuple(names[:N_KINDS]), tuple(kind), tuple(options))


def benchmark(world: World, part: str) -> Benchmark:
    """The items of a part. Options stand in an order of their own for each item."""
    rng = np.random.default_rng([world.seed, 91, list(PARTS).index(part)])
    items = []
    for place in world.part(part):
        order = rng.permutation(N_OPTIONS).tolist()
        items.append(
            Item(
                id=f"{part}-{place}",
                question=QUESTION.format(thing=world.things[place]),
                options=tuple(world.kinds[world.options[place][i]] for i in order),
                gold=order.index(0),
                lang="en",
            )
        )
    return Benchmark("kinds" if part == "test" else part, tuple(items), source=f"invented, seed {world.seed}")


def statement(world: World, thing: int, form: int) -> str:
    return STATEMENTS[form].format(thing=world.things[thing], kind=world.kinds[world.kind[thing]])


def known(world: World, rng: np.random.Generator, share: float) -> Sequence[int]:
    """The things that an organism reads about."""
    return np.flatnonzero(rng.random(len(world.things)) < share).tolist()


def _names(n: int, rng: np.random.Generator) -> list[str]:
    syllables = [a + b for a in _ONSETS for b in _VOWELS]
    every = [first + second + end for first in syllables for second in syllables for end in _ENDS]
    return [every[i] for i in rng.permutation(len(every))[:n].tolist()]
