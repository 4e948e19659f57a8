"""Requests as one forest of tokens in which no prefix occurs twice.

    prompt  "Q: 2+2? A:"            position  0  1  2  3  4  5  6        (one row for the whole batch)
    options " 4.", " 5.", " 4!?"    token     Q  :  2+ 2? A: 4  !  ...
                                    depth     0  1  2  3  4  5  6

Tokens stand in preorder: a token's descendants follow it at once, up to `end`. So token a is an ancestor of token t
exactly when a <= t < end[a], and a block mask is two comparisons. The last token of a continuation is never fed: its
probability is read from its parent's distribution. A value matrix of 414 values so feeds about 640 tokens, not 16,000.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Query:
    """Token ids of one prompt (with BOS where the tokenizer adds one) and of its continuations, none of them empty."""

    prompt: tuple[int, ...]
    continuations: tuple[tuple[int, ...], ...]

    @property
    def first(self) -> int:
        """Index of the first token that has a context: 1 where the prompt is empty and no BOS is added, else 0."""
        return 0 if self.prompt else 1

    @property
    def depth(self) -> int:
        """Longest row that scoring this query one continuation at a time would feed."""
        return len(self.prompt) + max((len(tokens) for tokens in self.continuations), default=1) - 1


@dataclass(frozen=True, slots=True)
class Forest:
    """A batch. ids, depth, end: [n_tokens], preorder.  starts: where each query's own tokens begin.

    sources: [n_sources] positions whose next-token distribution is needed, ascending.
    pair_source, pair_token: [n_pairs] distinct (row of `sources`, token id) to look up.
    pairs[query][continuation]: rows of these pairs, one a scored token.
    """

    ids: IntArray
    depth: IntArray
    end: IntArray
    starts: IntArray
    sources: IntArray
    pair_source: IntArray
    pair_token: IntArray
    pairs: tuple[tuple[IntArray, ...], ...]


class _Planter:
    """Grows a forest; `path` is the chain of positions from the root to the newest token."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.depth: list[int] = []
        self.end: list[int] = []
        self.path: list[int] = []

    def cut(self, depth: int) -> None:
        """Close every token of the path at this depth and below."""
        for position in self.path[depth:]:
            self.end[position] = len(self.ids)
        del self.path[depth:]

    def grow(self, tokens: Sequence[int]) -> None:
        for token in tokens:
            self.path.append(len(self.ids))
            self.depth.append(len(self.path) - 1)
            self.ids.append(token)
            self.end.append(0)


def plant(queries: Sequence[Query]) -> Forest:
    """The forest of these queries, in their order: neighbours share their common prefix, so pass them sorted."""
    planter = _Planter()
    starts: list[int] = []
    previous: tuple[int, ...] = ()
    where: list[list[list[int]]] = []  # positions whose distribution predicts each scored token
    for query in queries:
        planter.cut(common_prefix(previous, query.prompt))
        starts.append(len(planter.ids))
        planter.grow(query.prompt[len(planter.path) :])
        where.append(_plant_continuations(planter, query))
        planter.cut(len(query.prompt))
        previous = query.prompt
    planter.cut(0)
    return _forest(planter, starts, queries, where)


def _plant_continuations(planter: _Planter, query: Query) -> list[list[int]]:
    base = len(query.prompt)
    order = sorted(range(len(query.continuations)), key=lambda i: query.continuations[i][:-1])
    where: list[list[int]] = [[] for _ in order]
    previous: tuple[int, ...] = ()
    for i in order:
        fed = query.continuations[i][:-1]
        planter.cut(base + common_prefix(previous, fed))
        planter.grow(fed[len(planter.path) - base :])
        where[i] = planter.path[base - 1 :] if base else planter.path[:]
        previous = fed
    return where


def _forest(planter: _Planter, starts: list[int], queries: Sequence[Query], where: list[list[list[int]]]) -> Forest:
    lengths = [[len(positions) for positions in rows] for rows in where]
    flat = np.array([at for rows in where for positions in rows for at in positions], dtype=np.int64)
    tokens = np.array(
        [token for query in queries for tokens in query.continuations for token in tokens[query.first :]],
        dtype=np.int64,
    )
    sources, source_row = np.unique(flat, return_inverse=True)
    n_ids = int(tokens.max(initial=0)) + 1
    distinct, pair_row = np.unique(source_row * n_ids + tokens, return_inverse=True)
    cuts = np.cumsum([length for rows in lengths for length in rows])[:-1]
    pieces = iter(np.split(pair_row, cuts))
    return Forest(
        ids=np.array(planter.ids, dtype=np.int64),
        depth=np.array(planter.depth, dtype=np.int64),
        end=np.array(planter.end, dtype=np.int64),
        starts=np.unique(np.array(starts, dtype=np.int64)),
        sources=sources,
        pair_source=distinct // n_ids,
        pair_token=distinct % n_ids,
        pairs=tuple(tuple(next(pieces) for _ in rows) for rows in lengths),
    )


def common_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    """Number of leading items that two sequences share."""
    n = min(len(a), len(b))
    if a[:n] == b[:n]:
        return n
    low, high = 0, n  # a[:low] == b[:low], a[:high] != b[:high]
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if a[:middle] == b[:middle] else (low, middle)
    return low


def n_fed(query: Query, previous: Query | None) -> int:
    """Tokens this query adds to a forest whose last query is `previous`."""
    shared = common_prefix(previous.prompt, query.prompt) if previous else 0
    total = len(query.prompt) - shared
    before: tuple[int, ...] = ()
    for fed in sorted(tokens[:-1] for tokens in query.continuations):
        total += len(fed) - common_prefix(before, fed)
        before = fed
    return total


def batches(queries: Sequence[Query], *, budget: int) -> list[list[int]]:
    """Indices of queries, batch by batch, each forest of at most `budget` tokens (one query alone may have more).

    Sorted by prompt, so that prompts with a common header meet in one batch and the header is computed once. The
    composition is a function of the list of queries alone: the same list gives the same numbers on every run.
    """
    order = sorted(range(len(queries)), key=lambda i: (queries[i].prompt, i))
    result: list[list[int]] = []
    filled = 0
    previous: Query | None = None
    for i in order:
        size = n_fed(queries[i], previous)
        if not result or filled + size > budget:
            result.append([])
            filled, size = 0, n_fed(queries[i], None)
        result[-1].append(i)
        filled, previous = filled + size, queries[i]
    return result


# --- attention over a forest ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tiles:
    """Equally shaped pieces of attention: n tiles of q queries over k keys each.

    queries: [n, q] and keys: [n, k], positions in the row, padded with the last one.  mask: [n, q, k], True = may see.
    """

    queries: IntArray
    keys: IntArray
    mask: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Tiling:
    """All tiles of a forest.  scatter: [n_tokens] row of each token in the tiles' outputs laid end to end."""

    groups: tuple[Tiles, ...]
    scatter: IntArray


def tile(forest: Forest, *, queries: int = 128, slack: int = 32) -> Tiling:
    """Cut the row into tiles of at most `queries` tokens, each with the keys that it can see and no others.

    An ancestor of any token of a tile lies in the tile or is an ancestor of the tile's first token (preorder), so a
    tile's keys are the ancestors of its first token and the tile itself. Tiles whose sizes differ by less than `slack`
    are padded to one shape: a dense mask over the whole row would cost its square.
    """
    n = len(forest.ids)
    bounds = _bounds([*forest.starts.tolist(), n], queries)
    shapes: dict[tuple[int, int], list[tuple[int, int, IntArray]]] = {}
    for start, stop in bounds:
        above = np.flatnonzero(forest.end[:start] > start)
        keys = np.concatenate([above, np.arange(start, stop)])
        shape = (-(-(stop - start) // slack), -(-len(keys) // slack))
        shapes.setdefault(shape, []).append((start, stop, keys))
    groups, scatter, offset = [], np.zeros(n, dtype=np.int64), 0
    for members in shapes.values():
        tiles = _tiles(forest, members)
        groups.append(tiles)
        for row, (start, stop, _) in enumerate(members):
            scatter[start:stop] = offset + row * tiles.queries.shape[1] + np.arange(stop - start)
        offset += tiles.queries.size
    return Tiling(tuple(groups), scatter)


def _bounds(edges: list[int], queries: int) -> list[tuple[int, int]]:
    """Split each stretch between edges into equal parts of at most `queries` tokens."""
    bounds = []
    for start, stop in itertools.pairwise(edges):
        parts = -(-(stop - start) // queries)
        cuts = [start + (stop - start) * i // parts for i in range(parts + 1)] if parts else []
        bounds += list(itertools.pairwise(cuts))
    return bounds


def _tiles(forest: Forest, members: list[tuple[int, int, IntArray]]) -> Tiles:
    q = max(stop - start for start, stop, _ in members)
    k = max(len(keys) for _, _, keys in members)
    queries = np.stack([np.minimum(np.arange(start, start + q), stop - 1) for start, stop, _ in members])
    padded = np.stack([np.pad(keys, (0, k - len(keys)), mode="edge") for _, _, keys in members])
    real = np.stack([np.arange(k) < len(keys) for _, _, keys in members])
    ends = forest.end[padded]
    sees = (padded[:, None, :] <= queries[:, :, None]) & (queries[:, :, None] < ends[:, None, :])
    return Tiles(queries, padded, sees & real[:, None, :])
