"""A benchmark: named items in their published order.

Item(id="q-17", question="Which metal melts at 29.8 degrees Celsius?", options=("gallium", "cadmium", "tin"), gold=0)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ..records import digest

AnswerType = Literal["number", "date", "name", "other"]
ANSWER_TYPES: tuple[AnswerType, ...] = ("number", "date", "name", "other")


@dataclass(frozen=True, slots=True)
class Item:
    """One example of a benchmark, as published.

    id: unique within its benchmark.  question: as written there.
    options: in published order, empty for an open question.  gold: index into options, None where there are none.
    aliases: every string accepted as an answer; the gold option counts too (`Item.accepted`).
    cluster: what makes items dependent (passage, template, subject file, parallel translation); "" stands alone.
    lang: BCP 47 tag, "" where not stated.  context: passage the question is about, or None.
    answer_type: what kind of thing the answer is.  heldout: a distractor that is not among the options, or None.
    facts: further columns that the user asked to keep (date, subject, ...).
    """

    id: str
    question: str
    options: tuple[str, ...] = ()
    gold: int | None = None
    aliases: tuple[str, ...] = ()
    cluster: str = ""
    lang: str = ""
    context: str | None = None
    answer_type: AnswerType = "other"
    heldout: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def accepted(self) -> tuple[str, ...]:
        """Every string that counts as right, the gold option first, without repetition."""
        gold = () if self.gold is None else (self.options[self.gold],)
        return tuple(dict.fromkeys((*gold, *self.aliases)))

    @property
    def unit(self) -> tuple[str, str]:
        """What is independent of others: its cluster, or the item itself where it has none."""
        return ("cluster", self.cluster) if self.cluster else ("item", self.id)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """Items in published order (tests of item order depend on it).

    id: short and stable.  source: package, hub id or file, with its version.  licence: of the data, "" if not stated.
    """

    id: str
    items: tuple[Item, ...]
    source: str = ""
    licence: str = ""

    def __len__(self) -> int:
        return len(self.items)

    @property
    def digest(self) -> str:
        """Of the items alone, in order: the same questions from another place have the same digest."""
        return digest([dataclasses.asdict(item) for item in self.items])


def cluster_numbers(items: Sequence[Item]) -> list[int]:
    """[n] number of each item's cluster; an item without one stands alone."""
    names: dict[tuple[str, str], int] = {}
    return [names.setdefault(item.unit, len(names)) for item in items]
