"""Items and texts for the measurements: plain English, invented from a seed, so that nothing is downloaded or vendored.

An item is a short story and a question about it with four answers of several words, of which the story states one:

    On a cold Monday in March, Anna carried the brass lamp out of the hall and left it in the kitchen, behind the door.
    ... Question: Where is the brass lamp now? Answer: | in the kitchen, behind the door | in the attic, ... | ... | ...

A text is such stories in a row. An open question is one sentence and a question, without answers to choose from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# ruff: noqa: SIM905 - word lists read better as text
PEOPLE = "Anna Boris Clara David Edith Felix Greta Henry Irene Jonas Karin Louis Maria Nils Olga Peter".split()
THINGS = (
    "brass lamp|leather suitcase|wooden clock|blue teapot|old violin|silver key|green umbrella|heavy toolbox|"
    "woollen coat|paper map|garden chair|red bicycle|copper kettle|glass vase|straw hat|small radio"
).split("|")
ROOMS = "kitchen|cellar|attic|hall|library|garden shed|workshop|bedroom|pantry|garage|study|laundry room".split("|")
SPOTS = (
    "beside the window|under a blanket|behind the door|on the top shelf|next to the stove|below the stairs|"
    "between two boxes|in front of the mirror|on a narrow bench|inside the big cupboard"
).split("|")
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
WEATHER = "a cold|a bright|a windy|a rainy|a quiet|a foggy|an unusually warm|a snowy".split("|")
ASIDES = (
    "{a} had promised to help since {month}, but there was never enough time.",
    "It took {n} minutes, and {b} made tea while they waited.",
    "{b} asked twice whether anything was missing, and nobody answered.",
    "The neighbours had borrowed it {n} times last year and always brought it back.",
    "{a} said that the house would be sold in {month} for {n} thousand crowns.",
    "Outside, the trees along the river had lost most of their leaves.",
    "{b} wrote everything down in a notebook with {n} pages, as usual.",
    "Nobody noticed that the radio had been playing the same song for {n} minutes.",
)


@dataclass(frozen=True, slots=True)
class Item:
    """prompt ends in "Answer:"; each option begins with a blank; right: index of the option that the story states."""

    prompt: str
    options: tuple[str, ...]
    right: int


def items(n: int, *, n_tokens: Callable[[str], int], low: int = 60, high: int = 120, seed: int = 0) -> list[Item]:
    """n items whose prompts have `low` to `high` tokens, in the order they are drawn; others are drawn again."""
    rng = np.random.default_rng([seed, 1])
    drawn: list[Item] = []
    while len(drawn) < n:
        item = _item(rng)
        if low <= n_tokens(item.prompt) <= high:
            drawn.append(item)
    return drawn


def texts(n: int, *, seed: int = 0) -> list[str]:
    """n texts of one or two stories."""
    rng = np.random.default_rng([seed, 2])
    return [" ".join(_story(rng)[0] for _ in range(rng.integers(1, 3))) for _ in range(n)]


def open_questions(n: int, *, seed: int = 0) -> list[str]:
    """n different ones."""
    rng = np.random.default_rng([seed, 3])
    drawn: dict[str, None] = {}
    while len(drawn) < n:
        a, thing = str(rng.choice(PEOPLE)), str(rng.choice(THINGS))
        drawn[f"{a} left the {thing} {_place(rng)}.\n\nQuestion: Where is the {thing} now?\nAnswer:"] = None
    return list(drawn)


def _item(rng: np.random.Generator) -> Item:
    story, thing, place = _story(rng)
    places = [place]
    while len(places) < 4:
        other = _place(rng)
        if other not in places:
            places.append(other)
    order = [int(i) for i in rng.permutation(4)]
    options = tuple(f" {places[i]}" for i in order)
    return Item(f"{story}\nQuestion: Where is the {thing} now?\nAnswer:", options, order.index(0))


def _story(rng: np.random.Generator) -> tuple[str, str, str]:
    """(text, thing that was moved, where it ended)."""
    a, b = (str(p) for p in rng.choice(PEOPLE, 2, replace=False))
    thing, place = str(rng.choice(THINGS)), _place(rng)
    opening = (
        f"On {rng.choice(WEATHER)} {rng.choice(DAYS)} in {rng.choice(MONTHS)}, {a} carried the {thing} out of the "
        f"{rng.choice(ROOMS)} and left it {place}."
    )
    chosen = rng.choice(len(ASIDES), rng.integers(1, 5), replace=False)
    asides = [
        ASIDES[i].format(a=a, b=b, month=rng.choice(MONTHS), n=rng.integers(3, 90))
        for i in sorted(int(i) for i in chosen)
    ]
    return " ".join([opening, *asides]), thing, place


def _place(rng: np.random.Generator) -> str:
    return f"in the {rng.choice(ROOMS)}, {rng.choice(SPOTS)}"
