"""A benchmark that models are trained for: its test items, the examples of the training, and the audit between them.

The train split is another benchmark (`train = "file:train.jsonl"`), or a number of items that are set apart by lot
from the benchmark itself (`train = 1100`). Before anything is trained, an example that repeats a test item is removed:
else the training that shall make models equal would teach them the test.
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import NotTestable
from ..finetune import VALIDATION, Recipe, shuffled
from ..records import KINDS, digest
from .record import Benchmark, Item

RUN = 8  # words in a row that two stems may not share ...
LONG = 12  # ... where both have at least so many
TEMPLATE_ITEMS, TEMPLATE_SHARE = 5, 0.01  # a run that more of the test items share is their template, and says nothing

Stem = tuple[str, ...]  # words, as they are compared


@dataclass(frozen=True, slots=True)
class Audit:
    """Which examples were removed, and why. offered: examples before.  left: overlaps that a second pass found."""

    offered: int
    removed: tuple[tuple[str, str], ...]  # (id, "same stem" or "8 words in a row")
    left: int


@dataclass(frozen=True, slots=True)
class Task:
    """test: what is judged.  train: examples in a fixed order, those of the steps first.  references: kind -> the
    benchmark that a score is predicted from."""

    id: str
    test: Benchmark
    train: tuple[Item, ...]
    validation: tuple[Item, ...]
    audit: Audit
    references: Mapping[str, Benchmark]

    @property
    def digest(self) -> str:
        """Of all items, in order."""
        parts = (self.test.items, self.train, self.validation, *(b.items for b in self.references.values()))
        return digest([[dataclasses.asdict(item) for item in part] for part in parts])


def task_of(
    name: str,
    bench: Benchmark,
    facts: Mapping[str, Any],
    *,
    recipe: Recipe,
    items: int,
    opened: Callable[[str], Benchmark],
) -> Task:
    """The task of a benchmark whose entry states `train`. name: of the entry.

    items: most test items, drawn by lot.  opened: opens the spec of another benchmark.
    Raises NotTestable where an item has no options or no gold, or too few examples are left for the recipe.
    """
    train = facts["train"]
    if isinstance(train, int):
        offered, tested = _parted(bench, name, train)
    else:
        offered, tested = opened(train).items, bench.items
    tested = tuple(tested[i] for i in sorted(shuffled(len(tested), f"{name}, test")[:items].tolist()))
    audit, kept = audited(offered, tested)
    _choosable(name, (*tested, *kept))
    needed = recipe.examples + VALIDATION
    if len(kept) < needed:
        raise NotTestable(
            f"{len(kept)} training examples of {name} ({len(audit.removed)} removed by the audit), {needed} are "
            f"needed: {recipe.steps} steps of {recipe.batch} and {VALIDATION} for validation"
        )
    order = shuffled(len(kept), name).tolist()
    validation = tuple(kept[i] for i in order[:VALIDATION])
    steps = tuple(kept[i] for i in order[VALIDATION:needed])
    references = {kind: _reference(kind, opened(str(facts[kind])), tested) for kind in KINDS if facts.get(kind)}
    return Task(name, dataclasses.replace(bench, items=tested), steps, validation, audit, references)


def _reference(kind: str, bench: Benchmark, tested: Sequence[Item]) -> Benchmark:
    """A benchmark that scores are predicted from; of rephrased items those whose originals are judged."""
    if kind == "rephrased":
        ids = {item.id for item in tested}
        bench = dataclasses.replace(bench, items=tuple(item for item in bench.items if item.id in ids))
        if len(bench.items) != len(ids):
            raise NotTestable(
                f"{bench.id} rephrases {len(bench.items)} of {len(ids)} test items; their ids must be the same"
            )
    _choosable(bench.id, bench.items)
    return bench


def chance_of(items: Sequence[Item]) -> float:
    """Accuracy of a guess: the mean of one over the number of options."""
    return sum(1 / len(item.options) for item in items) / len(items)


def _parted(bench: Benchmark, name: str, n: int) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
    """(n items or a few more for training, the others), whole clusters on one side."""
    groups: dict[tuple[str, str], list[Item]] = {}
    for item in bench.items:
        groups.setdefault(item.unit, []).append(item)
    names = list(groups)
    train: list[Item] = []
    for place in shuffled(len(names), f"{name}, split").tolist():
        if len(train) >= n:
            break
        train += groups.pop(names[place])
    return tuple(train), tuple(item for group in groups.values() for item in group)


def _choosable(name: str, items: Iterable[Item]) -> None:
    bad = [item.id for item in items if len(item.options) < 2 or item.gold is None]
    if bad:
        raise NotTestable(
            f"{len(bad)} items of {name} have no options or no gold ({', '.join(bad[:5])}); generated answers are not "
            "judged here"
        )


# --- the audit --------------------------------------------------------------------------------------------------------


def audited(train: Sequence[Item], test: Sequence[Item]) -> tuple[Audit, tuple[Item, ...]]:
    """The examples that share nothing with a test item, and what was removed. A second pass looks at what is left."""
    removed = _overlaps(train, test)
    kept = tuple(item for item in train if item.id not in removed)
    return Audit(len(train), tuple(removed.items()), len(_overlaps(kept, test))), kept


def _overlaps(train: Sequence[Item], test: Sequence[Item]) -> dict[str, str]:
    """Id of an example -> why it is too near to a test item."""
    stems = [_words(item.question) for item in test]
    generic = _generic(stems, test)
    seen = {_key(stem, item, generic) for stem, item in zip(stems, test, strict=True)}
    counted = Counter(run for stem in stems for run in _runs(stem))
    template = max(TEMPLATE_ITEMS, TEMPLATE_SHARE * len(test))
    runs = {run for run, n in counted.items() if n <= template}
    found = {}
    for item in train:
        stem = _words(item.question)
        if _key(stem, item, generic) in seen:
            found[item.id] = "same stem"
        elif runs.intersection(_runs(stem)):
            found[item.id] = f"{RUN} words in a row"
    return found


def _generic(stems: Sequence[Stem], test: Sequence[Item]) -> set[Stem]:
    """Stems that several test items share, each with options of its own ("Which sentence is right?")."""
    options: dict[Stem, list[frozenset[Stem]]] = {}
    for stem, item in zip(stems, test, strict=True):
        options.setdefault(stem, []).append(_options(item))
    return {stem for stem, lists in options.items() if len(lists) > 1 and len(set(lists)) == len(lists)}


def _key(stem: Stem, item: Item, generic: set[Stem]) -> tuple[Any, ...]:
    return (stem, _options(item)) if stem in generic else (stem,)


def _options(item: Item) -> frozenset[Stem]:
    return frozenset(_words(option) for option in item.options)


def _runs(words: Stem) -> set[Stem]:
    return {words[i : i + RUN] for i in range(len(words) - RUN + 1)} if len(words) >= LONG else set()


def _words(text: str) -> Stem:
    """NFKC, lower case, no punctuation."""
    return tuple(re.sub(r"[^\w\s]|_", " ", unicodedata.normalize("NFKC", text).lower()).split())
