"""Where mc_generation may find nothing: another item's gold, a moved gold, and the model asked the same thing twice.

another item's gold   "Belmun" judged right for a question whose answer is "Tarqi": at most 2 % of the items, or chance
gold moved            a distractor taken for the gold: no share of recognition-only, no interaction
another shape         the same question in another batch shape: at most .5 % of the predictions change
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Mapping

import numpy as np

from ..answers import same_answer
from ..benchmarks.record import Item
from ..records import Answer, Generated, Placebo
from ..seeds import named_rng
from ..wording import figure
from .mc_generation_reading import Seen, picks_of, read, replies

MOST_HITS = 0.02  # of items right by another item's gold
MOST_CHANGED = 0.005  # of predictions
LEAST_STRANGERS = 50  # items for which another item's gold can be found that is not one of their own options


def another_gold(seen: Seen, answers: Mapping[str, Answer], *, seed: int) -> Placebo | None:
    """Open answers judged by the gold of another item that is none of the item's own options; None where a benchmark
    has so few different answers that there is none."""
    given = replies(answers, "open", seen.items)
    hits, n = 0, 0
    for item in seen.items:
        stranger = stranger_of(item, seen.items, seed=seed)
        if stranger is not None:
            n += 1
            hits += read(given[item.id], item, accepted=stranger.accepted).lenient
    if n < LEAST_STRANGERS:
        return None
    share, most = hits / n, most_hits(seen.items, n)
    said = f"{hits} of {n} items right by it, at most {figure(most)} allowed"
    return Placebo("another item's gold", share > most, effect=share, note=said)


def most_hits(items: tuple[Item, ...], n: int) -> float:
    """Share of n items that may be right by another item's gold: 2 % or the share of the commonest gold, and three
    standard errors of it.

    A model with one stock answer meets other items' golds as often as it is one, and a wrong sum of two digits, of
    which
    there are 19, is often another item's gold: neither says that the judge is lax. And a share of n items has an error.
    """
    counts = Counter((item.lang, item.accepted[0]) for item in items)
    chance = max(MOST_HITS, max(counts.values()) / len(items))
    return chance + 3 * math.sqrt(chance * (1 - chance) / n)


def stranger_of(item: Item, items: tuple[Item, ...], *, seed: int) -> Item | None:
    """Another item of the same language with no answer that is right, or an option, here; None among 40 drawn."""
    own = (*item.accepted, *item.options)
    order = named_rng(f"mc_generation/stranger/{item.id}", seed=seed).permutation(len(items))
    for i in order[:40]:
        other: Item = items[i]
        if other.lang == item.lang and not any(
            same_answer(a, b, lang=item.lang, answer_type=item.answer_type) for a in other.accepted for b in own
        ):
            return other
    return None


def moved(seen: Seen, answers: Mapping[str, Answer], *, seed: int) -> Seen:
    """The same answers where a distractor, drawn by lot, is taken for the gold."""
    items = tuple(_moved_item(item, seed=seed) for item in seen.items)
    given = replies(answers, "open", seen.items)
    opened = tuple(read(given[item.id], item, accepted=(item.options[item.gold or 0],)) for item in items)
    return dataclasses.replace(seen, items=items, opened=opened)


def _moved_item(item: Item, *, seed: int) -> Item:
    wrong = [i for i in range(len(item.options)) if i != item.gold]
    gold = int(named_rng(f"mc_generation/moved/{item.id}", seed=seed).choice(wrong))
    return dataclasses.replace(item, gold=gold, aliases=())


def other_shape(seen: Seen, answers: Mapping[str, Answer]) -> Placebo:
    """Predictions of the same questions with the options in reverse order, and open answers with a token more."""
    again = picks_of(answers, "again", seen.items)
    changed = [int(pick) != int(seen.picks["sum"][at]) for at, pick in again.items()]
    first, second = replies(answers, "open", seen.items), replies(answers, "reopen", seen.items)
    changed += [_differs(first[key], second[key]) for key in second]
    share = float(np.mean(changed))
    return Placebo(
        "another shape",
        share > MOST_CHANGED,
        effect=share,
        note=f"{sum(changed)} of {len(changed)} predictions changed: {len(again)} picks, {len(second)} open answers",
    )


def _differs(short: Generated, longer: Generated) -> bool:
    """A reply that was cut off goes on in the longer one; the cut may lie inside a character of several tokens."""
    if short.stopped == "length":
        return not longer.text.startswith(short.text.rstrip("\N{REPLACEMENT CHARACTER}"))
    return longer.text != short.text
