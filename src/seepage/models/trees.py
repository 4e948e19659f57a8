"""Requests as one forest of tokens in which no prefix occurs twice.

    prompt  "Q: 2+2? A:"            position  0  1  2  3  4  5  6        (one row for the whole batch)
    options " 4.", " 5.", " 4!?"    token     Q  :  2+ 2? A: 4  !  ...
                                    depth     0  1  2  3  4  5  6

Tokens stand in preorder: a token's descendants follow it at once, up to `end`. So token a is an ancestor of token t
exactly when a <= t < end[a], and a block mask is two comparisons. The last token of a continuation is never fed: its
probability is read from its parent's distribution. A value matrix of 414 values so feeds about 640 tokens, not 16,000.
"""

from __future__ import annotations

import functools
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
class Lookup:
    """Which pairs of a forest a query asked for. pair: [n_scored] row of the pairs.  owner: [n_scored] continuation."""

    pair: IntArray
    owner: IntArray


@dataclass(frozen=True, slots=True)
class Forest:
    """A batch. ids, depth, end: [n_tokens], preorder.  starts: where each query's own tokens begin.

    sources: [n_sources] positions whose next-token distribution is needed, ascending.
    pair_source, pair_token: [n_pairs] row of `sources` (ascending) and token id to look up.
    lookups: one a query.
    """

    ids: IntArray
    depth: IntArray
    end: IntArray
    starts: IntArray
    sources: IntArray
    pair_source: IntArray
    pair_token: IntArray
    lookups: tuple[Lookup, ...]


@dataclass(frozen=True, slots=True)
class _Branch:
    """The continuations of one prompt as a trie. ids, depth, end: [n_fed], depth 0 = the first token after the prompt.

    pair_parent, pair_token: [n_pairs] distinct, sorted; parent -1 is the prompt's last token.
    lookup: rows of these pairs.
    """

    ids: IntArray
    depth: IntArray
    end: IntArray
    pair_parent: IntArray
    pair_token: IntArray
    lookup: Lookup


@functools.lru_cache(maxsize=256)
def _branch(continuations: tuple[tuple[int, ...], ...], first: int) -> _Branch:
    """Cached: the rows of a value matrix have the same few hundred continuations."""
    ids: list[int] = []
    depth: list[int] = []
    end: list[int] = []
    path: list[int] = []
    parents: list[list[int]] = [[]] * len(continuations)
    previous: tuple[int, ...] = ()

    def cut(length: int) -> None:
        for position in path[length:]:
            end[position] = len(ids)
        del path[length:]

    for i in sorted(range(len(continuations)), key=lambda i: continuations[i][:-1]):
        fed = continuations[i][:-1]
        cut(common_prefix(previous, fed))
        for token in fed[len(path) :]:
            path.append(len(ids))
            depth.append(len(path) - 1)
            ids.append(token)
            end.append(0)
        parents[i] = [-1, *path][first:]
        previous = fed
    cut(0)
    return _Branch(_ints(ids), _ints(depth), _ints(end), *_pairs(continuations, parents, first))


def _pairs(
    continuations: tuple[tuple[int, ...], ...], parents: list[list[int]], first: int
) -> tuple[IntArray, IntArray, Lookup]:
    parent = _ints([at for row in parents for at in row])
    token = _ints([token for tokens in continuations for token in tokens[first:]])
    n_ids = int(token.max(initial=0)) + 1
    distinct, pair = np.unique((parent + 1) * n_ids + token, return_inverse=True)
    owner = np.repeat(np.arange(len(parents)), [len(row) for row in parents])
    return distinct // n_ids - 1, distinct % n_ids, Lookup(pair, owner)


def _ints(values: Sequence[int] | range) -> IntArray:
    return np.array(values, dtype=np.int64)


def plant(queries: Sequence[Query]) -> Forest:
    """The forest of these queries, in their order: neighbours share their common prefix, so pass them sorted."""
    ids, depth, end = [], [], []
    sources, tokens, lookups = [], [], []
    starts: list[int] = []
    path: list[int] = []  # positions of the newest prompt's tokens
    closed: list[tuple[int, int]] = []  # (position of a prompt's token, its end)
    previous: tuple[int, ...] = ()
    n, n_pairs = 0, 0
    for query in queries:
        shared = common_prefix(previous, query.prompt)
        closed += [(position, n) for position in path[shared:]]
        own = len(query.prompt) - shared
        path[shared:] = range(n, n + own)
        branch = _branch(query.continuations, query.first)
        ids += [_ints(query.prompt[shared:]), branch.ids]
        depth += [_ints(range(shared, len(query.prompt))), branch.depth + len(query.prompt)]
        end += [np.zeros(own, dtype=np.int64), branch.end + n + own]
        starts.append(n)
        n += own
        sources.append(np.where(branch.pair_parent < 0, path[-1] if path else -1, branch.pair_parent + n))
        tokens.append(branch.pair_token)
        lookups.append(Lookup(branch.lookup.pair + n_pairs, branch.lookup.owner))
        n += len(branch.ids)
        n_pairs += len(branch.pair_token)
        previous = query.prompt
    ends = np.concatenate(end)
    closed += [(position, n) for position in path]
    if closed:
        at, stop = zip(*closed, strict=True)
        ends[list(at)] = stop
    return _forest(np.concatenate(ids), np.concatenate(depth), ends, starts, sources, tokens, lookups)


def _forest(
    ids: IntArray,
    depth: IntArray,
    end: IntArray,
    starts: list[int],
    sources: list[IntArray],
    tokens: list[IntArray],
    lookups: list[Lookup],
) -> Forest:
    """Sort the pairs by source: queries with one and the same prompt ask for the same source in turn."""
    distinct, row = np.unique(np.concatenate(sources), return_inverse=True)
    order = np.argsort(row, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return Forest(
        ids=ids,
        depth=depth,
        end=end,
        starts=np.unique(_ints(starts)),
        sources=distinct,
        pair_source=row[order],
        pair_token=np.concatenate(tokens)[order],
        lookups=tuple(Lookup(place[one.pair], one.owner) for one in lookups),
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
    return len(query.prompt) - shared + len(_branch(query.continuations, query.first).ids)


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
