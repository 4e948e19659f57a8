"""Options for questions that bring none, and a held-out distractor for every item: answers of other items.

Item("q-3", "The capital of Chad is", aliases=("N'Djamena",))
-> options=("Niamey", "N'Djamena", "Bamako", "Bangui"), gold=1, heldout="Abuja"

A distractor is an answer of an item of the same language and answer type but another cluster, between half and one and
a half times as long as the gold, with no accepted answer in common. Length is counted in characters: a benchmark has no
tokenizer, every script has characters, and words are too coarse (half of one word is none). Distractors that begin with
another word than the gold are taken first, because pairs that share their first token say nothing about ranks. Options
that were published stay as they are.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from ..answers import same_answer
from ..errors import NotTestable
from .record import Benchmark, Item

DISTRACTORS = 3
LEAST_OPTIONS = 3
SHORTEST, LONGEST = 0.5, 1.5  # of the gold's characters

Kind = tuple[str, str]  # language, answer type
Cluster = tuple[str, str]  # "cluster" and its name, or "item" and the id of one that stands alone
Entry = tuple[str, tuple[str, ...], Cluster]  # a text, the answers accepted where it is the gold, where it occurs


def with_options(bench: Benchmark, *, leave_out: bool = False, rng: np.random.Generator) -> Benchmark:
    """The benchmark with options, gold and heldout for every item; what an item brings is kept.

    An item's distractors depend on the set of items, the item's id and rng, not on the order of items.
    leave_out: leave out the items that cannot have them, counted by reason in `source`, instead of refusing all.
    Raises NotTestable, naming the items, where an item has no accepted answer, fewer than 3 options, a gold that is not
    among its options, two right options, a heldout that is an option or an answer, or too few answers to draw from;
    and where no item is left.
    """
    seed = int(rng.integers(2**63))
    if not any(item.options or item.aliases for item in bench.items):
        raise NotTestable(
            f"{bench.id} has no accepted answers, neither options nor aliases; "
            "map them: options=column&gold=column, or aliases=column"
        )
    faults = {item.id: fault for item in bench.items if (fault := _fault(item))}
    sound = [item for item in bench.items if item.id not in faults]
    pools = _pools(sound)
    built, changed = [], 0
    for item in sound:
        made = _complete(item, pools, np.random.default_rng([seed, _number(item.id)]))
        if isinstance(made, str):
            faults[item.id] = made
        else:
            built.append(made)
            changed += made is not item
    if faults and not (leave_out and built):
        raise NotTestable(f"{bench.id} has {_named(faults)}. Mend them, or take them out of the benchmark")
    notes = [bench.source] if bench.source else []
    if changed:
        notes.append(f"options or held-out distractors built for {changed}")
    if faults:
        notes.append("left out: " + ", ".join(f"{len(ids)} {why}" for why, ids in _by_reason(faults).items()))
    return dataclasses.replace(bench, items=tuple(built), source="; ".join(notes))


def _fault(item: Item) -> str:
    """Why the item cannot be asked, or ""."""
    if not item.options and not item.accepted:
        return "without an accepted answer"
    if item.options and (item.gold is None or not 0 <= item.gold < len(item.options)):
        return "whose gold is not among the options"
    if item.options and len(item.options) < LEAST_OPTIONS:
        return f"with fewer than {LEAST_OPTIONS} options"
    wrong = [option for i, option in enumerate(item.options) if i != item.gold]
    if any(_common([option], item.accepted, item) for option in wrong):
        return "with two right options"
    if item.heldout is not None and _common([item.heldout], (*item.accepted, *wrong), item):
        return "whose heldout is an option or an accepted answer"
    return ""


@dataclass(frozen=True, slots=True)
class _Pool:
    """Texts to draw from, sorted, so that a draw does not depend on the order of items.

    accepted: of each text, every answer that is right where it is the gold.  clusters: where each text occurs.
    """

    texts: tuple[str, ...]
    accepted: Mapping[str, tuple[str, ...]]
    clusters: Mapping[str, frozenset[Cluster]]


@dataclass(frozen=True, slots=True)
class _Pools:
    """By language and answer type. golds: for new options.  every: golds and options, for a heldout beside options."""

    golds: Mapping[Kind, _Pool]
    every: Mapping[Kind, _Pool]


def _pools(items: Sequence[Item]) -> _Pools:
    golds: dict[Kind, list[Entry]] = defaultdict(list)
    every: dict[Kind, list[Entry]] = defaultdict(list)
    for item in items:
        gold = (item.accepted[0], item.accepted, item.unit)
        golds[_kind(item)].append(gold)
        every[_kind(item)] += [gold, *((option, (option,), item.unit) for option in item.options)]
    return _Pools(
        {kind: _pool(entries) for kind, entries in golds.items()},
        {kind: _pool(entries) for kind, entries in every.items()},
    )


def _pool(entries: Sequence[Entry]) -> _Pool:
    accepted: dict[str, set[str]] = defaultdict(set)
    clusters: dict[str, set[Cluster]] = defaultdict(set)
    for text, right, cluster in entries:
        accepted[text].update(right)
        clusters[text].add(cluster)
    return _Pool(
        tuple(sorted(accepted)),
        {text: tuple(sorted(right)) for text, right in accepted.items()},
        {text: frozenset(where) for text, where in clusters.items()},
    )


def _complete(item: Item, pools: _Pools, rng: np.random.Generator) -> Item | str:
    """The item with options and heldout, or why it cannot have them."""
    pool = (pools.every if item.options else pools.golds)[_kind(item)]
    wanted = (0 if item.options else DISTRACTORS) + (item.heldout is None)
    drawn = list(islice(_drawn(item, pool, rng), wanted)) if wanted else []
    if len(drawn) < wanted:
        return "with too few answers of other items to draw from"
    heldout = drawn.pop(0) if item.heldout is None else item.heldout
    if item.options:
        return item if item.heldout is not None else dataclasses.replace(item, heldout=heldout)
    texts = [item.accepted[0], *drawn]
    order = rng.permutation(len(texts))
    options = tuple(texts[i] for i in order)
    return dataclasses.replace(item, options=options, gold=int(np.argmin(order)), heldout=heldout)


def _drawn(item: Item, pool: _Pool, rng: np.random.Generator) -> Iterator[str]:
    """Distractors in random order; those that begin with another word than the gold come first."""
    gold = item.accepted[0]
    shuffled = [pool.texts[i] for i in rng.permutation(len(pool.texts))]
    taken = [*item.accepted, *item.options, *([item.heldout] if item.heldout is not None else [])]
    for same_start in (False, True):
        for text in shuffled:
            if (
                SHORTEST * len(gold) <= len(text) <= LONGEST * len(gold)
                and (_first_word(text) == _first_word(gold)) == same_start
                and item.unit not in pool.clusters[text]
                and not _common(pool.accepted[text], taken, item)
            ):
                taken.append(text)
                yield text


def _common(these: Iterable[str], those: Sequence[str], item: Item) -> bool:
    """Whether the judge of answers takes one of these for one of those."""
    return any(same_answer(a, b, lang=item.lang, answer_type=item.answer_type) for a in these for b in those)


def _kind(item: Item) -> Kind:
    return (item.lang, item.answer_type)


def _first_word(text: str) -> str:
    return text.split(maxsplit=1)[0].casefold() if text.strip() else ""


def _number(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])


def _by_reason(faults: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, why in faults.items():
        found.setdefault(why, []).append(name)
    return found


def _named(faults: Mapping[str, str]) -> str:
    """ "2 items with two right options (q-1, q-7)", the first five named."""
    told = []
    for why, names in _by_reason(faults).items():
        more = ", ..." if len(names) > 5 else ""
        told.append(f"{len(names)} {'item' if len(names) == 1 else 'items'} {why} ({', '.join(names[:5])}{more})")
    return "; ".join(told)
