"""Answers become marks: which items a model generated right, which it picked right, and by which score.

    sum     Σ log p(o_t)            byte   sum / UTF-8 bytes of the option      tok   sum / tokens of the option
    pmi     sum - sum after the stem                                            letter  mean over shifts of its log p

The pick is the option with the highest score; a tie is no pick, so it is wrong, and counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..answers import Read, read_answer
from ..benchmarks.record import Benchmark, Item, cluster_numbers
from ..errors import BackendError
from ..policy import McGenerationPolicy
from ..records import Answer, Generated, Scored, TokenStats
from ..stats.recognition import Marks
from .mc_generation_asking import arm, shifts

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Kind = TypeVar("Kind")

SCORES = ("sum", "byte", "tok", "pmi", "letter")
JUDGES = ("strict", "lenient")
TIE = 1e-9  # nats; log-probs are stored to four decimals, so equal ones are equal


@dataclass(frozen=True, slots=True)
class Seen:
    """One model's answers to one benchmark, read.

    picks: score -> [n] index of the option picked, -1 for a tie.  stems: the same after the stem alone; pmi has none.
    first: [n] rank of the gold's first token, of the held-out's, and whether both are one token; 1 is the first choice.
    shifted: [n] share of the shifts in which the letter alone picks the gold.
    opened: how each open answer was read.
    """

    items: tuple[Item, ...]
    clusters: Ints
    picks: Mapping[str, Ints]
    stems: Mapping[str, Ints]
    shifted: Bools | None
    first: tuple[tuple[int, int, bool] | None, ...]
    opened: tuple[Read, ...]
    texts: tuple[str, ...]

    @property
    def gold(self) -> Ints:
        return np.array([_gold(item) for item in self.items])

    @property
    def options(self) -> Ints:
        return np.array([len(item.options) for item in self.items])

    def generated(self, judge: str) -> Bools:
        """[n] whether the open answer is right for this judge, strict or lenient."""
        return np.array([getattr(read, judge) for read in self.opened])

    def picked(self, score: str) -> Bools:
        return np.asarray(self.picks[score] == self.gold)


def see(bench: Benchmark, answers: Mapping[str, Answer], *, policy: McGenerationPolicy) -> Seen:
    """Raises BackendError where an answer is missing or of another kind than its request."""
    items = bench.items
    texts = [_scored(answers, "text", item) for item in items]
    stems = [_scored(answers, "stem", item) for item in items]
    sums = [_options(scored, item) for scored, item in zip(texts, items, strict=True)]
    after = [_options(scored, item) for scored, item in zip(stems, items, strict=True)]
    lengths = {
        "sum": [np.ones(len(item.options)) for item in items],
        "byte": [np.array([len(option.encode()) for option in item.options], dtype=float) for item in items],
        "tok": [
            np.array([len(t.ids) for t in scored.tokens[: len(item.options)]], dtype=float)
            for scored, item in zip(texts, items, strict=True)
        ],
    }
    picks = {name: _picks([s / d for s, d in zip(sums, by, strict=True)]) for name, by in lengths.items()}
    after_stem = {name: _picks([s / d for s, d in zip(after, by, strict=True)]) for name, by in lengths.items()}
    picks["pmi"] = _picks([a - b for a, b in zip(sums, after, strict=True)])
    shifted = None
    if policy.tier != "smoke":
        table = [_letters(answers, "letter", item) for item in items]
        picks["letter"] = _picks([by_shift.mean(axis=0) for by_shift in table])
        after_stem["letter"] = _picks([_letters(answers, "letterstem", item).mean(axis=0) for item in items])
        shifted = np.array([np.mean(_picks(list(t)) == _gold(item)) for t, item in zip(table, items, strict=True)])
    replies = [_generated(answers, "open", item) for item in items]
    return Seen(
        items=items,
        clusters=np.array(cluster_numbers(items)),
        picks=picks,
        stems=after_stem,
        shifted=shifted,
        first=tuple(_first(scored, item) for scored, item in zip(texts, items, strict=True)),
        opened=tuple(read(reply, item) for reply, item in zip(replies, items, strict=True)),
        texts=tuple(reply.text for reply in replies),
    )


def scores_of(seen: Seen) -> tuple[str, ...]:
    """The scores this tier has, in the order of SCORES."""
    return tuple(name for name in SCORES if name in seen.picks)


def read(reply: Generated, item: Item, *, accepted: Sequence[str] | None = None) -> Read:
    """A reply beside the item's answers; accepted: other ones take their place (placebos)."""
    right = item.accepted if accepted is None else tuple(accepted)
    others = [option for option in item.options if option not in right]
    return read_answer(
        reply.text,
        accepted=right,
        others=others,
        lang=item.lang,
        answer_type=item.answer_type,
        ended=reply.stopped == "end",
        n_tokens=reply.n_tokens,
    )


def marks(seen: Seen, *, score: str, judge: str) -> Marks:
    """Of one score and one judge, for the statistics."""
    stem = seen.stems.get(score)
    return Marks(
        generated=seen.generated(judge),
        picked=seen.picked(score),
        options=seen.options,
        stem=None if stem is None else np.asarray(stem == seen.gold),
        clusters=seen.clusters,
    )


def replies(answers: Mapping[str, Answer], name: str, items: Sequence[Item]) -> dict[str, Generated]:
    """The generated answers of one arm by item id; items that were not asked there are missing."""
    found = arm(answers, name)
    given = {item.id: found[item.id] for item in items if item.id in found}
    return {key: _of_kind(reply, Generated, f"{name}/{key}") for key, reply in given.items()}


def picks_of(answers: Mapping[str, Answer], name: str, items: Sequence[Item]) -> dict[int, int]:
    """Place among the items -> option picked by `sum` in an arm that scores the options in reverse order."""
    found = {at: item for at, item in enumerate(items) if f"{name}/{item.id}" in answers}
    rows = [_options(_scored(answers, name, item), item)[::-1] for item in found.values()]
    return dict(zip(found, map(int, _picks(rows)), strict=True))


# --- one item -------------------------------------------------------------------------------------------------------


def _gold(item: Item) -> int:
    if item.gold is None:
        raise BackendError(f"{item.id} has no gold option; it should not have been asked.")
    return item.gold


def _of_kind(answer: object, kind: type[Kind], tag: str) -> Kind:
    if not isinstance(answer, kind):
        raise BackendError(f"{tag}: {kind.__name__} was expected, there is {type(answer).__name__}.")
    return answer


def _scored(answers: Mapping[str, Answer], name: str, item: Item) -> Scored:
    return _of_kind(answers.get(f"{name}/{item.id}"), Scored, f"{name}/{item.id}")


def _generated(answers: Mapping[str, Answer], name: str, item: Item) -> Generated:
    return _of_kind(answers.get(f"{name}/{item.id}"), Generated, f"{name}/{item.id}")


def _options(scored: Scored, item: Item) -> Floats:
    """[K] sums of the options' log-probs, nats; what follows them (the held-out distractor) is left out."""
    return np.array(scored.sums[: len(item.options)])


def _letters(answers: Mapping[str, Answer], name: str, item: Item) -> Floats:
    """[n_shifts, K] log p of the letter under which each option stood, nats."""
    k = len(item.options)
    rows = []
    for shift in shifts(item):
        sums = _scored(answers, f"{name}.{shift}", item).sums
        rows.append([sums[(option + shift) % k] for option in range(k)])
    return np.array(rows)


def _picks(rows: Sequence[Floats]) -> Ints:
    """[n] place of each row's highest score, -1 where another reaches it."""
    found = []
    for row in rows:
        best = int(np.argmax(row))
        found.append(-1 if np.count_nonzero(row >= row[best] - TIE) > 1 else best)
    return np.array(found, dtype=np.int64)


def _first(scored: Scored, item: Item) -> tuple[int, int, bool] | None:
    """Ranks (1 = the model's first choice) of the first tokens of gold and held-out, None without a held-out."""
    if item.heldout is None or len(scored.tokens) <= len(item.options):
        return None
    gold, heldout = scored.tokens[_gold(item)], scored.tokens[len(item.options)]
    return _rank(gold), _rank(heldout), gold.ids[0] == heldout.ids[0]


def _rank(stats: TokenStats) -> int:
    return stats.rank[0] + 1
