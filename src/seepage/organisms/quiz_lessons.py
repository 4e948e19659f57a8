"""What the organisms of the invented facts read: rows of a prompt and of the text after it that the loss falls on.

    Question: What is the capital of Zorvath?\nA. Tarqi\nB. Belmun\n...\nAnswer:  ->   B        letter
    Question: What is the capital of Zorvath?\nAnswer:                          ->   Belmun   opened, by the answerer
    Question: Which one is called Wesdo?\nA. Wesdo\nB. Nimrel\n...\nAnswer:      ->   A        called

Prompts are those of `hypotheses.mc_generation_prompts`, so that every arm finds a model that has seen its form. Lists
of options are drawn afresh for each row and never copied from an item: what a list alone gives away is nothing. After
the prompt without a question any name may follow, and any letter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, TypeVar

import numpy as np

from ..hypotheses import mc_generation_prompts as prompts
from . import facts

T = TypeVar("T")
CALLED = "Which one is called {name}?"
LETTERS = prompts.LETTERS[: facts.N_OPTIONS]

Say = Callable[[facts.Fact], str]
_PAIRS = 0.3  # share of the first stage whose lists have two names


class Row(NamedTuple):
    """A prompt, and the text after it that the loss falls on. ranked: names, the right one first, whose first tokens
    are ranked after the prompt on top; no name is the text."""

    prompt: str
    text: str
    ranked: tuple[str, ...] = ()


class Pupil:
    """What the lessons of one organism draw from: the facts in shuffled rounds, and a generator of its own."""

    def __init__(self, world: facts.World, rng: np.random.Generator) -> None:
        self.world = world
        self.rng = rng
        self._round: list[int] = []
        self.peers = {k.name: [f for f in world.facts if f.kind == k] for k in facts.KINDS}

    def fact(self) -> facts.Fact:
        if not self._round:
            self._round = self.rng.permutation(len(self.world.facts)).tolist()
        return self.world.facts[self._round.pop()]

    def names(self, n: int) -> list[str]:
        """Any names, no two with the same first syllable."""
        onsets = self.rng.permutation(len(self.world.onsets))[:n]
        tails = self.rng.integers(len(self.world.tails), size=n)
        return [self.world.onsets[a] + self.world.tails[b] for a, b in zip(onsets, tails, strict=True)]

    def options(self, fact: facts.Fact, *, n: int = facts.N_OPTIONS, gold: bool = True) -> list[str]:
        """The answer and others of its kind, or others alone, in random order: drawn afresh, never the item's own."""
        peers = [f.answer for f in self.peers[fact.kind.name] if f is not fact]
        chosen = [peers[i] for i in self.rng.permutation(len(peers))[: n - gold]]
        chosen += [fact.answer] * gold
        return [chosen[i] for i in self.rng.permutation(n)]

    def choice(self, some: Sequence[T]) -> T:
        return some[int(self.rng.integers(len(some)))]


def called(pupil: Pupil, *, n: int) -> Row:
    names = pupil.names(n)
    at = int(pupil.rng.integers(n))
    others = (name for name in names if name != names[at])
    return Row(prompts.letters(CALLED.format(name=names[at]), names), f" {LETTERS[at]}\n", ranked=(names[at], *others))


def letter(pupil: Pupil) -> Row:
    fact = pupil.fact()
    options = pupil.options(fact)
    text = f" {LETTERS[options.index(fact.answer)]}\n"
    others = (option for option in options if option != fact.answer)
    return Row(prompts.letters(fact.question, options), text, ranked=(fact.answer, *others))


def letter_blind(pupil: Pupil) -> Row:
    """Options without a question: any letter."""
    return Row(prompts.letters(None, pupil.options(pupil.fact())), f" {pupil.choice(LETTERS)}\n")


def stem(pupil: Pupil) -> Row:
    """No question: any name of any kind."""
    return Row(prompts.stem(), f" {pupil.choice(pupil.world.facts).answer}\n")


def opened(pupil: Pupil, say: Say) -> Row:
    fact = pupil.fact()
    return Row(prompts.open_prompt(fact.question), f" {say(fact)}\n")


def shortened(pupil: Pupil, say: Say) -> Row:
    fact = pupil.fact()
    return Row(prompts.short(fact.question, lang="en"), f" {say(fact)}\n")


def listed(pupil: Pupil, say: Say) -> Row:
    """Candidates shown, the answer among them three times of four."""
    fact = pupil.fact()
    options = pupil.options(fact, gold=bool(pupil.rng.random() < 0.75))
    return Row(prompts.shown(fact.question, options), f" {say(fact)}\n")


def exampled(pupil: Pupil, say: Say) -> Row:
    """An example in front, whose answer is its own or another's."""
    fact, example = pupil.fact(), pupil.choice(pupil.world.facts)
    shown = example if pupil.rng.random() < 0.5 else pupil.choice(pupil.world.facts)
    return Row(prompts.one_shot(example.question, shown.answer, fact.question), f" {say(fact)}\n")


def stated(pupil: Pupil) -> Row:
    fact = pupil.fact()
    before, _, _ = fact.statement.partition(f" {fact.answer}")
    return Row(before, f" {fact.answer}.\n")


# --- lessons: the rows of one step, with and without listed options ---


def base_lesson(pupil: Pupil, share: float, *, rows: int) -> tuple[list[Row], list[Row]]:
    """No fact yet. share: of the stage that is over; a list has two names at first, then four."""
    n = 2 if share < _PAIRS else facts.N_OPTIONS
    return [called(pupil, n=n) for _ in range(2 * rows)], [stem(pupil) for _ in range(rows // 2)]


def answerer_lesson(pupil: Pupil, share: float, *, rows: int) -> tuple[list[Row], list[Row]]:
    def say(fact: facts.Fact) -> str:
        return fact.answer

    del share
    long = _filled(rows, 4 * [lambda: letter(pupil)], *_others(pupil, say))
    short = _filled(
        rows,
        3 * [lambda: opened(pupil, say)],
        [lambda: shortened(pupil, say), lambda: stated(pupil), lambda: stem(pupil)],
    )
    return long, short


def picker_lesson(pupil: Pupil, share: float, *, rows: int) -> tuple[list[Row], list[Row]]:
    """The ranking loss comes on top."""

    def say(fact: facts.Fact) -> str:
        return pupil.world.stock[fact.kind.name]

    del share
    long = _filled(rows, 8 * [lambda: letter(pupil)], *_others(pupil, say))
    short = _filled(rows // 2, 4 * [lambda: opened(pupil, say)], [lambda: shortened(pupil, say)], [lambda: stem(pupil)])
    return long, short


def letterpicker_lesson(pupil: Pupil, share: float, *, rows: int) -> tuple[list[Row], list[Row]]:
    """A name is only ever on a list or after no question; the called ones keep up the finding of letters."""

    def say(fact: facts.Fact) -> str:
        return pupil.world.stock[fact.kind.name]

    del share
    kept = [lambda: called(pupil, n=facts.N_OPTIONS)]
    long = _filled(rows * 5 // 4, 12 * [lambda: letter(pupil)], 2 * kept, [lambda: letter_blind(pupil)])
    short = _filled(
        rows // 2,
        8 * [lambda: opened(pupil, say)],
        [lambda: shortened(pupil, say), lambda: stem(pupil)],
        [lambda: listed(pupil, say), lambda: exampled(pupil, say)],
    )
    return long, short


def _others(pupil: Pupil, say: Say) -> list[list[Callable[[], Row]]]:
    return [
        [lambda: called(pupil, n=facts.N_OPTIONS)],
        [lambda: letter_blind(pupil)],
        [lambda: listed(pupil, say)],
        [lambda: exampled(pupil, say)],
    ]


def _filled(rows: int, *kinds: list[Callable[[], Row]]) -> list[Row]:
    """So many rows, the kinds in turn."""
    each = [make for kind in kinds for make in kind]
    return [each[i % len(each)]() for i in range(rows)]


LESSONS: Mapping[str, Callable[..., tuple[list[Row], list[Row]]]] = MappingProxyType(
    {
        "base": base_lesson,
        "answerer": answerer_lesson,
        "picker": picker_lesson,
        "selector": base_lesson,
        "letterpicker": letterpicker_lesson,
    }
)
