"""Of the answers a model did not say: are they demoted behind others, or gone? Details, never a gate.

    rank of the gold's first token 7, of the held-out distractor's 310; back in 6 of 20 samples      demoted

On all items said wrong, whatever was picked: among the items picked right the gold scores above the options by
construction. The comparator is a distractor that was never among the options, and it is looked for in the same samples,
beams and examples: recovery grows with the number of tries for wrong answers too. (mc_generation, 7.3)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..benchmarks.record import Item
from ..policy import McGenerationPolicy
from ..records import Answer, Figure, Generated, Table
from ..stats.recovery import LIMITS, describe_ranks, labels, pass_at_k, sign_test_ranks
from ..wording import figure
from .mc_generation_asking import SHOTS
from .mc_generation_reading import Seen, read, replies

Bools = NDArray[np.bool_]

KS = (1, 5, 10)
LEAST_SHOTS = 2  # of three examples that bring an answer back


@dataclass(frozen=True, slots=True)
class Fate:
    """labels: [n] demoted, erased, unclear; "" for an item that was said right or has no held-out distractor."""

    labels: tuple[str, ...]
    notes: tuple[str, ...]
    tables: tuple[Table, ...]
    figures: tuple[Figure, ...]


def fate(seen: Seen, answers: Mapping[str, Answer], *, policy: McGenerationPolicy, score: str) -> Fate:
    wrong = [at for at in np.flatnonzero(~seen.generated("lenient")) if seen.first[int(at)] is not None]
    if not wrong:
        return Fate(("",) * len(seen.items), ("no item was said wrong: nothing is demoted",), (), ())
    items = [seen.items[at] for at in wrong]
    ranks = [rank for at in wrong if (rank := seen.first[int(at)]) is not None]
    gold, heldout = (np.array([rank[side] for rank in ranks], dtype=np.int64) for side in (0, 1))
    found = recoveries(items, answers, policy=policy)
    back = np.array([any(recovered.gold[i] for recovered in found if recovered.counts) for i in range(len(items))])
    told = labels(gold, recovered=back.astype(bool), picked=seen.picked(score)[wrong])
    all_labels = [""] * len(seen.items)
    for at, label in zip(wrong, told, strict=True):
        all_labels[int(at)] = label
    return Fate(
        tuple(all_labels),
        (_ranks_note(gold, heldout, shared=sum(rank[2] for rank in ranks)), _label_note(told)),
        (_rank_table(gold, heldout), *([_recovery_table(found)] if found else [])),
        (_rank_figure(gold, heldout), *_recovery_figure(items, answers)),
    )


# --- ranks ----------------------------------------------------------------------------------------------------------


def _ranks_note(gold: NDArray[np.int64], heldout: NDArray[np.int64], *, shared: int) -> str:
    test = sign_test_ranks(gold, heldout)
    share = "none is decided" if test.share is None else f"{figure(test.share)} of {test.wins + test.losses}"
    return (
        f"of {len(gold)} items said wrong the gold's first token stands before the held-out distractor's on {share} "
        f"(sign test p = {figure(test.pvalue)}; {test.ties} ties, {shared} share the token): median rank "
        f"{figure(float(np.median(gold)))} against {figure(float(np.median(heldout)))}"
    )


def _label_note(told: Sequence[str]) -> str:
    return ", ".join(f"{told.count(label)} {label}" for label in ("demoted", "unclear", "erased")) + " of those"


def _rank_table(gold: NDArray[np.int64], heldout: NDArray[np.int64]) -> Table:
    rows = []
    for name, ranks in (("gold", gold), ("held-out distractor", heldout)):
        told = describe_ranks(ranks)
        rows.append((name, told.n, told.median, told.mean_log10, *(told.within[limit] for limit in LIMITS)))
    columns = ("first token of", "items", "median rank", "mean log10 rank", *(f"share <= {k}" for k in LIMITS))
    return Table("ranks of answers not said", columns, tuple(rows))


def _rank_figure(gold: NDArray[np.int64], heldout: NDArray[np.int64]) -> Figure:
    content = {
        "groups": {"items said wrong": [[float(r) for r in heldout], [float(r) for r in gold]]},
        "diagonal": True,
        "log": "xy",
        "caption": "Below the line the answer that was not said stands before a distractor that nobody showed.",
    }
    return Figure("scatter", "Where the unsaid answer stands", "rank of the held-out", "rank of the gold", content)


# --- recovery -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recovered:
    """One way of asking again. gold, heldout: [n] items on which it came out.  counts: it makes an item `demoted`."""

    name: str
    gold: Bools
    heldout: Bools
    counts: bool = True


def recoveries(items: Sequence[Item], answers: Mapping[str, Answer], *, policy: McGenerationPolicy) -> list[Recovered]:
    """Samples, beams, one example, the short form: those that the tier asked, in this order."""
    found = []
    if sampled := replies(answers, "sample", items):
        found.append(_any("any sample", items, sampled))
    beams = {width: replies(answers, f"beam.{width}", items) for width in policy.beams}
    found += [_any(f"any of {width} beams", items, given) for width, given in beams.items() if given]
    shots, nulls = (_shots(items, answers, name) for name in ("shot", "null"))
    if shots is not None and nulls is not None:
        found.append(Recovered(f"example, right in >= {LEAST_SHOTS} of {SHOTS}", *shots))
        found.append(Recovered("the example with an untrue answer", *nulls, counts=False))
    if short := replies(answers, "format", items):
        found.append(_any("short form", items, short))
    return found


def _any(name: str, items: Sequence[Item], given: Mapping[str, Generated]) -> Recovered:
    gold, heldout = (
        np.array([any(hits(item, given.get(item.id), side)) for item in items], dtype=bool)
        for side in (gold_of, heldout_of)
    )
    return Recovered(name, gold, heldout)


def _shots(items: Sequence[Item], answers: Mapping[str, Answer], name: str) -> tuple[Bools, Bools] | None:
    asked = [replies(answers, f"{name}.{number}", items) for number in range(SHOTS)]
    if not any(asked):
        return None
    gold, heldout = (
        np.array(
            [sum(any(hits(item, given.get(item.id), side)) for given in asked) >= LEAST_SHOTS for item in items],
            dtype=bool,
        )
        for side in (gold_of, heldout_of)
    )
    return gold, heldout


def gold_of(item: Item) -> tuple[str, ...]:
    return item.accepted


def heldout_of(item: Item) -> tuple[str, ...]:
    return () if item.heldout is None else (item.heldout,)


def hits(item: Item, reply: Generated | None, side: Callable[[Item], tuple[str, ...]]) -> list[bool]:
    """[texts of the reply] whether each is right, by the lenient judge, were this side's answers the accepted ones."""
    if reply is None or not side(item):
        return []
    stopped, n_tokens = reply.stopped, reply.n_tokens
    return [
        read(Generated(text, stopped, n_tokens), item, accepted=side(item)).lenient
        for text in (reply.text, *reply.others)
    ]


def _recovery_table(found: Sequence[Recovered]) -> Table:
    rows = tuple((r.name, len(r.gold), float(r.gold.mean()), float(r.heldout.mean())) for r in found)
    return Table("recovery of answers not said", ("asked again by", "items", "gold", "held-out distractor"), rows)


def _recovery_figure(items: Sequence[Item], answers: Mapping[str, Answer]) -> tuple[Figure, ...]:
    """pass@k of gold and held-out over the samples, averaged over the items said wrong."""
    sampled = replies(answers, "sample", items)
    if not sampled:
        return ()
    curves: dict[str, list[float]] = {}
    m = min(1 + len(reply.others) for reply in sampled.values())
    ks = [k for k in KS if k <= m]
    for name, side in (("gold", gold_of), ("held-out", heldout_of)):
        right = [hits(item, sampled[item.id], side) for item in items if item.id in sampled]
        curves[name] = [float(np.mean([pass_at_k(len(r), sum(r), k) for r in right if r])) for k in ks]
    content = {
        "x": ks,
        "curves": curves,
        "caption": "More tries bring back wrong answers too: only the distance between the two counts.",
    }
    return (Figure("lines", "Recovery by sampling", "samples looked at, k", "pass@k", content),)
