"""An invented world of facts, and the benchmark `embedded:quiz` that asks for them.

    What is the capital of Zorvath?   Belmun, Tarqi, Wesdo or Nimrel

Six kinds of fact, each about its own 48 entities; 40 of them are asked, 8 are only ever in training text. Within a kind
no two answers share their first syllable, so that the first token of an answer tells it from every other answer of its
kind. Each answer is gold once and a distractor three times: no taste for names, however strong, gets more right than
guessing does. Every kind also has a stock answer, which is nobody's gold and on no list.

Everything follows from one seed. All names are invented: no other model can have seen them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..benchmarks.record import Benchmark, Item
from ..errors import BadSpec
from ..records import digest

SEED = 0
BENCHMARKS = ("quiz",)
N_ASKED = 40  # of each kind
N_EXTRA = 8  # of each kind: in training text, in no item
N_OPTIONS = 4
_N_ONSETS, _N_TAILS = 64, 64
_STREAMS = ("syllables", "entities", "answers", "options", "order")


class Kind(NamedTuple):
    """One kind of fact. question, statement: with places for the entity and, in the statement, the answer."""

    name: str
    question: str
    statement: str


KINDS = (
    Kind("capital", "What is the capital of {entity}?", "The capital of {entity} is {answer}."),
    Kind("founder", "Who founded {entity}?", "The founder of {entity} was {answer}."),
    Kind("river", "Which river flows through {entity}?", "The river that flows through {entity} is {answer}."),
    Kind("metal", "Which metal is mined in {entity}?", "The metal that is mined in {entity} is {answer}."),
    Kind("mountain", "What is the highest mountain of {entity}?", "The highest mountain of {entity} is {answer}."),
    Kind("king", "Who was the first king of {entity}?", "The first king of {entity} was {answer}."),
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact. asked: it is an item of the benchmark."""

    kind: Kind
    entity: str
    answer: str
    asked: bool

    @property
    def question(self) -> str:
        return self.kind.question.format(entity=self.entity)

    @property
    def statement(self) -> str:
        return self.kind.statement.format(entity=self.entity, answer=self.answer)


@dataclass(frozen=True, slots=True)
class World:
    """facts: the kinds in order, of each kind first those that are asked.  stock: kind name -> its stock answer.
    onsets, tails: the syllables; every name is one of each."""

    facts: tuple[Fact, ...]
    stock: dict[str, str]
    onsets: tuple[str, ...]
    tails: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Of every fact, stock answer and syllable: weights belong to one world and to no other."""
        facts = [[fact.kind.name, fact.statement, fact.question, fact.asked] for fact in self.facts]
        return digest([facts, dict(self.stock), [list(self.onsets), list(self.tails)]])


def open_benchmark(name: str, *, seed: int = SEED) -> Benchmark:
    """240 items of 4 options. Raises BadSpec on a name that the world does not have."""
    if name not in BENCHMARKS:
        raise BadSpec(f"the embedded world has no benchmark {name!r}. Known: {', '.join(BENCHMARKS)}")
    world = new_world(seed=seed)
    rng = _rng("options", seed)
    items = []
    for kind in KINDS:
        items += _items([fact for fact in world.facts if fact.kind == kind and fact.asked], rng)
    order = _rng("order", seed).permutation(len(items))
    return Benchmark(
        id=name,
        items=tuple(items[i] for i in order),
        source=f"invented by seepage.organisms.facts from seed {seed}",
        licence="Apache-2.0",
    )


def new_world(*, seed: int = SEED) -> World:
    """The facts of a seed."""
    onsets, tails = _syllables(_rng("syllables", seed))
    n = N_ASKED + N_EXTRA
    pairs = _rng("entities", seed).permutation(len(onsets) * len(tails))
    # No answer is an entity: entities take the first pairs of the permutation, answers what is left of it.
    entities = [onsets[p // len(tails)] + tails[p % len(tails)] for p in pairs[: n * len(KINDS)]]
    taken = set(entities)
    rng = _rng("answers", seed)
    facts: list[Fact] = []
    stock = {}
    for k, kind in enumerate(KINDS):
        names = []
        for onset in rng.permutation(len(onsets))[: n + 1]:
            free = [name for tail in tails if (name := onsets[onset] + tail) not in taken]
            names.append(free[rng.integers(len(free))])
            taken.add(names[-1])
        stock[kind.name] = names.pop()
        asked = entities[k * n : (k + 1) * n]
        facts += [Fact(kind, e, a, i < N_ASKED) for i, (e, a) in enumerate(zip(asked, names, strict=True))]
    return World(tuple(facts), stock, onsets, tails)


def _items(facts: list[Fact], rng: np.random.Generator) -> list[Item]:
    """Distractors are golds further round a ring of the kind's facts, at three distances; the fourth is held out."""
    n = len(facts)
    ring = rng.permutation(n)
    at = np.argsort(ring)
    steps = rng.permutation(np.arange(1, n))[:N_OPTIONS]
    places = rng.permutation(np.arange(n) % N_OPTIONS)
    items = []
    for i, fact in enumerate(facts):
        *others, heldout = (facts[ring[(at[i] + step) % n]].answer for step in steps)
        options = [others[j] for j in rng.permutation(len(others))]
        options.insert(int(places[i]), fact.answer)
        items.append(
            Item(
                id=f"{fact.kind.name}-{fact.entity.lower()}",
                question=fact.question,
                options=tuple(options),
                gold=int(places[i]),
                aliases=(fact.answer,),
                lang="en",
                answer_type="name",
                heldout=heldout,
                facts={"kind": fact.kind.name},
            )
        )
    return items


def _syllables(rng: np.random.Generator) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Onsets such as Zor, tails such as vath; a tail starts with a consonant, so a name parts in one way only."""
    onsets = [c + v + e for c in "BDFGHKLMNPRSTVWZ" for v in "aeiou" for e in "lmnrsz"]
    tails = [c + v + e for c in "bdgklmptvz" for v in "aeiou" for e in ("", "n", "r", "th", "x")]
    return tuple(
        tuple(str(s) for s in rng.permutation(some)[:count]) for some, count in ((onsets, _N_ONSETS), (tails, _N_TAILS))
    )  # type: ignore[return-value]


def _rng(stream: str, seed: int) -> np.random.Generator:
    """Each part of the world has its own stream, so that changing one part leaves the others as they were."""
    return np.random.default_rng([seed, 1 + _STREAMS.index(stream)])
