"""Beam search that returns every final beam, best first.

At each step the continuations of a request's b beams are ordered by their summed log-prob. Those among the first b that
end (end token, stop string, longest) are kept with the score  sum of log p / number of tokens, the end token counted;
the first b that do not end go on. A search is over when b texts have ended and no beam that goes on, at its length so
far, scores above the worst of them, or at the longest text. These are the rules of transformers with length_penalty 1
and early_stopping False. Two things differ. A stop string ends a beam like an end token. And as many continuations are
looked at as give b that go on; transformers looks at a fixed number. Texts are not merged: two beams may say the same.

The beams of a request share their prompt's keys: a beam that changes its parent copies the columns after the prompt.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..records import Generate
from .decoding import Session
from .stops import Ended, Stops

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class _Beam:
    """row: in the session.  total: summed log-prob, nats."""

    row: int
    tokens: tuple[int, ...] = ()
    total: float = 0.0


@dataclass(slots=True)
class _Search:
    """One request. finished: (score, text), best first, at most as many as there are beams."""

    index: int
    request: Generate
    beams: list[_Beam]
    finished: list[tuple[float, Ended]] = field(default_factory=list)

    @property
    def over(self) -> bool:
        if not self.beams:
            return True
        best = self.beams[0].total / len(self.beams[0].tokens)
        return len(self.finished) == self.request.beams and best <= self.finished[-1][0]


def search(
    session: Session, requests: Sequence[tuple[int, Generate]], start: Sequence[int], stops: Stops
) -> Iterator[tuple[int, list[Ended]]]:
    """Yield (index, final beams) as searches end. start: the session's row of each prompt."""
    searches = [_Search(i, request, [_Beam(row)]) for (i, request), row in zip(requests, start, strict=True)]
    while searches:
        logprobs = session.logits.float().log_softmax(-1)
        likely = _likely(logprobs, 2 * max(one.request.beams for one in searches))
        for one in searches:
            while not _grow(one, likely, stops):
                likely = _likely(logprobs, 2 * likely.depth)
            if one.over:
                yield one.index, [text for _, text in one.finished]
        searches = [one for one in searches if not one.over]
        _advance(session, searches)


@dataclass(frozen=True, slots=True)
class _Likely:
    """Each row's likeliest next tokens. logprob, token: [n_rows, depth].  whole: there are no others."""

    logprob: list[list[float]]
    token: list[list[int]]
    whole: bool

    @property
    def depth(self) -> int:
        return len(self.token[0])


def _likely(logprobs: torch.Tensor, depth: int) -> _Likely:
    found = logprobs.topk(min(depth, logprobs.shape[-1]))
    return _Likely(found.values.tolist(), found.indices.tolist(), depth >= logprobs.shape[-1])


def _grow(one: _Search, likely: _Likely, stops: Stops) -> bool:
    """One token more; False, and nothing done, where the continuations at hand may hold too few that go on."""
    width, limit = one.request.beams, one.request.max_new_tokens
    finished, running = list(one.finished), []
    taken = [0] * len(one.beams)
    for rank, (cost, at, token) in enumerate(_ranked(one.beams, likely)):
        words = (*one.beams[at].tokens, token)
        ended = stops.ended(words, one.request.stop, limit)
        if ended is None:
            running.append(_Beam(one.beams[at].row, words, -cost))
        elif rank < width:
            finished.append((-cost / len(words), ended))
        taken[at] += 1
        if rank + 1 >= width and (len(running) >= width or len(words) == limit):
            break
        if taken[at] == likely.depth and not likely.whole:
            return False  # this row's next continuation, not at hand, may come before those of the others
    one.beams = running[:width]
    one.finished = sorted(finished, key=lambda pair: -pair[0])[:width]
    return True


def _ranked(beams: Sequence[_Beam], likely: _Likely) -> Iterator[tuple[float, int, int]]:
    """(minus the summed log-prob, beam, token) of all continuations at hand, likeliest first."""
    rows = (
        [
            (-beam.total - p, at, token)
            for p, token in zip(likely.logprob[beam.row], likely.token[beam.row], strict=True)
        ]
        for at, beam in enumerate(beams)
    )
    return heapq.merge(*rows)


def _advance(session: Session, searches: Sequence[_Search]) -> None:
    beams = [beam for one in searches for beam in one.beams]
    if not beams:
        return
    order = session.continue_from([beam.row for beam in beams])
    placed = {entry: row for row, entry in enumerate(order)}
    at = 0
    for one in searches:
        one.beams = [replace(beam, row=placed[at + i]) for i, beam in enumerate(one.beams)]
        at += len(one.beams)
    session.step([beams[entry].tokens[-1] for entry in order])
