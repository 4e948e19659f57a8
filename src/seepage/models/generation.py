"""Texts that continue prompts: greedy, drawn at a temperature, or the beams of a search; in batches with a cache.

Greedy takes the first choice. A draw inverts the distribution function of softmax(logits / T) over all tokens at a
uniform number that depends on the request and on nothing else: another batch, order or thread number changes no draw,
and a model's own generation config (top_k, top_p, penalties) is not asked. Draws with the same tokens so far are one
row. Beams: beams.py. Tools, retrieval and reasoning text are off.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadSpec
from ..records import Generate, Generated, request_digest
from .beams import search
from .decoding import Alone, Batch, Prompt, Session, batchable, bytes_a_token, padding_gap, tolerance
from .stops import Ended, Stops

if TYPE_CHECKING:
    import torch

logger = logging.getLogger("seepage")

CACHE_BYTES = 2**30  # keys and values of a batch
AT_ONCE = 64  # distribution functions
TRIED_FROM = 32  # prompts
ROWS = 256  # of a batch; more make no pass faster, and logits are rows times the vocabulary


def check(request: Generate) -> None:
    """Raises BadSpec for a request that no model can answer."""
    if request.beams < 1:
        raise BadSpec(f"Generate.beams must be at least 1, got {request.beams}.")
    if request.samples < 0:
        raise BadSpec(f"Generate.samples must be at least 0 (greedy), got {request.samples}.")
    if not (math.isfinite(request.temperature) and request.temperature > 0):
        raise BadSpec(
            f"Generate.temperature must be above 0 and finite, got {request.temperature}; samples=0 is greedy."
        )
    if request.max_new_tokens < 1:
        raise BadSpec(f"Generate.max_new_tokens must be at least 1, got {request.max_new_tokens}.")
    if "" in request.stop:
        raise BadSpec("Generate.stop holds an empty string, which every text contains; leave it out.")
    if request.beams > 1 and request.samples > 0:
        raise BadSpec(
            f"Generate has beams={request.beams} and samples={request.samples}; ask for one of them, in two requests."
        )


def generate(
    model: Any, tokenizer: Any, prompts: Sequence[Prompt], requests: Sequence[Generate], *, spec: str
) -> Iterator[tuple[int, Generated]]:
    """Yield (index, answer) as texts end; prompts: token ids of each request, none empty. Raises BadSpec: `check`."""
    import torch

    for request in requests:
        check(request)
    stops = Stops(model, tokenizer)
    alone = not _batched(model, prompts, spec=spec)
    answers = torch.inference_mode()(_batch)  # a context held across a yield would hold for the caller's code too
    for batch in _batches(prompts, requests, budget=CACHE_BYTES // bytes_a_token(model), alone=alone):
        some = [(i, requests[i]) for i in batch]
        for i, texts in answers(model, [prompts[i] for i in batch], some, stops, alone=alone, spec=spec):
            yield i, _answer(texts)


def _batched(model: Any, prompts: Sequence[Prompt], *, spec: str) -> bool:
    """Whether prompts may stand in one batch; a model that says so is tried where there are enough to be worth it."""
    if not batchable(model):
        return False
    distinct = set(prompts)
    if len(distinct) < TRIED_FROM:
        return True
    gap = padding_gap(model, min(distinct, key=len), max(distinct, key=len))
    if gap <= tolerance(model):
        return True
    logger.warning(
        "%s generates one prompt at a time, several times slower: padding moves its log-probs by %.2g nats.", spec, gap
    )
    return False


def _batch(
    model: Any,
    prompts: Sequence[Prompt],
    requests: Sequence[tuple[int, Generate]],
    stops: Stops,
    *,
    alone: bool,
    spec: str,
) -> Iterator[tuple[int, list[Ended]]]:
    session: Session
    if alone:
        session = Alone(model, prompts[0], spec=spec)
    else:
        capacity, room = sum(_rows(r) for _, r in requests), max(r.max_new_tokens for _, r in requests)
        session = Batch(model, prompts, capacity=capacity, room=room)
    start = [session.row[prompt] for prompt in prompts]
    yield from (search if requests[0][1].beams > 1 else _draw)(session, requests, start, stops)


def _rows(request: Generate) -> int:
    return max(request.beams, request.samples, 1)


def _answer(texts: Sequence[Ended]) -> Generated:
    first = texts[0]
    return Generated(first.text, first.stopped, first.n_tokens, tuple(other.text for other in texts[1:]))


def _batches(
    prompts: Sequence[Prompt], requests: Sequence[Generate], *, budget: int, alone: bool
) -> Iterator[list[int]]:
    """By length, beam searches apart; a function of the lists alone. budget: tokens whose keys and values fit."""
    searching = [request.beams > 1 for request in requests]
    order = sorted(range(len(prompts)), key=lambda i: (searching[i], -len(prompts[i]), prompts[i], i))
    batch: list[int] = []
    rows = room = 0
    for i in order:
        more = rows + _rows(requests[i])
        room = max(room, requests[i].max_new_tokens)
        if batch:
            columns = len(prompts[batch[0]]) + room
            other = prompts[i] != prompts[batch[0]] if alone else more > ROWS or more * columns > budget
            if other or searching[i] != searching[batch[0]]:
                yield batch
                batch, more, room = [], _rows(requests[i]), requests[i].max_new_tokens
        batch.append(i)
        rows = more
    if batch:
        yield batch


# --- greedy and drawn ---


@dataclass(slots=True)
class _Draw:
    """One text on its way. row: its row in the session.  uniforms: [max_new_tokens] in [0, 1), None where greedy."""

    index: int
    request: Generate
    number: int
    row: int
    uniforms: NDArray[np.float64] | None
    tokens: list[int] = field(default_factory=list)


def _draw(
    session: Session, requests: Sequence[tuple[int, Generate]], start: Sequence[int], stops: Stops
) -> Iterator[tuple[int, list[Ended]]]:
    """Yield (index, texts) of each request when its last text has ended. start: the session's row of its prompt."""
    draws = [d for (i, request), row in zip(requests, start, strict=True) for d in _draws(i, request, row)]
    texts: dict[int, list[Ended | None]] = {i: [None] * max(request.samples, 1) for i, request in requests}
    missing = {i: len(found) for i, found in texts.items()}
    while draws:
        alive = []
        for draw, token in zip(draws, _chosen(session.logits, draws), strict=True):
            draw.tokens.append(token)
            ended = stops.ended(draw.tokens, draw.request.stop, draw.request.max_new_tokens)
            if ended is None:
                alive.append(draw)
                continue
            texts[draw.index][draw.number] = ended
            missing[draw.index] -= 1
            if not missing[draw.index]:
                yield draw.index, [text for text in texts.pop(draw.index) if text is not None]
        draws = alive
        _advance(session, draws)


def _draws(index: int, request: Generate, row: int) -> Iterator[_Draw]:
    if not request.samples:
        yield _Draw(index, request, 0, row, None)
        return
    rng = np.random.default_rng(int(request_digest(request), 16))
    for number, uniforms in enumerate(rng.random((request.samples, request.max_new_tokens))):
        yield _Draw(index, request, number, row, uniforms)


def _advance(session: Session, draws: Sequence[_Draw]) -> None:
    """One row for all draws of a prompt with the same tokens so far."""
    if not draws:
        return
    continued = list(dict.fromkeys((draw.row, draw.tokens[-1]) for draw in draws))
    order = session.continue_from([row for row, _ in continued])
    place = {continued[entry]: row for row, entry in enumerate(order)}
    for draw in draws:
        draw.row = place[draw.row, draw.tokens[-1]]
    session.step([continued[entry][1] for entry in order])


def _chosen(logits: torch.Tensor, draws: Sequence[_Draw]) -> list[int]:
    """The next token of each draw."""
    first: list[int] = logits.argmax(-1).tolist() if any(draw.uniforms is None for draw in draws) else []
    keys = list(dict.fromkeys((d.row, d.request.temperature) for d in draws if d.uniforms is not None))
    cumulated: dict[tuple[int, float], NDArray[np.float64]] = {}
    chosen = []
    for draw in draws:
        if draw.uniforms is None:
            chosen.append(first[draw.row])
            continue
        key = (draw.row, draw.request.temperature)
        if key not in cumulated:  # draws come in the order of `keys`: a few rows at a time, or they fill the memory
            now, keys = keys[:AT_ONCE], keys[AT_ONCE:]
            cumulated = dict(zip(now, _cumulated(logits, now), strict=True))
        chosen.append(_invert(cumulated[key], float(draw.uniforms[len(draw.tokens)])))
    return chosen


def _cumulated(logits: torch.Tensor, keys: Sequence[tuple[int, float]]) -> NDArray[np.float64]:
    """[n_keys, n_vocabulary] distribution functions of softmax(logits[row] / temperature), by token id."""
    import torch

    rows, temperatures = zip(*keys, strict=True)
    scaled = logits[list(rows)].float() / torch.tensor(temperatures).unsqueeze(1)
    total: NDArray[np.float64] = scaled.softmax(-1).cumsum(-1, dtype=torch.float64).numpy()
    return total


def _invert(cumulated: NDArray[np.float64], uniform: float) -> int:
    """The first token whose distribution function exceeds the uniform number: never one of probability 0."""
    at = np.searchsorted(cumulated, uniform * cumulated[-1], side="right")
    return int(min(at, np.searchsorted(cumulated, cumulated[-1])))
