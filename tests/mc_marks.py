"""Models that are nothing but marks: what they know, pick, guess and produce is drawn, so that the truth is known.

Clusters of several items are alike: the shares of a cluster come from a Dirichlet whose concentration gives every share
the intra-class correlation asked for.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from seepage.stats.recognition import Marks

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

KINDS = {"3": (3,), "4": (4,), "3 to 10": (3, 4, 5, 10)}  # options of an item


def clusters_of(n: int, size: int = 1) -> Ints:
    return np.arange(n) // size


def options_of(n: int, kind: str = "4") -> Ints:
    return np.resize(np.array(KINDS[kind], dtype=np.int64), n)


def categories(shares: tuple[float, ...], clusters: Ints, *, icc: float, rng: np.random.Generator) -> Ints:
    """[n] category of each item, `shares` of them (the last is the rest), correlated within clusters."""
    full = np.array([*shares, 1 - sum(shares)])
    own = np.tile(full, (int(clusters.max()) + 1, 1))
    if icc > 0:
        there = full > 0
        own[:, there] = rng.dirichlet(full[there] * (1 / icc - 1), size=len(own))
    return (rng.random(len(clusters))[:, None] > own[clusters].cumsum(axis=1)[:, :-1]).sum(axis=1)


def lucky(options: Ints, rng: np.random.Generator) -> Bools:
    return rng.random(len(options)) < 1 / options


def guesser(n: int, *, kind: str = "4", size: int = 1, icc: float = 0.0, right: float = 0.0, rng) -> Marks:
    """Picks blindly, with and without the question; produces the right answer to a share `right`, and knows those."""
    return recogniser(n, share=0.0, kind=kind, size=size, icc=icc, right=right, rng=rng)


def recogniser(
    n: int, *, share: float, kind: str = "4", size: int = 1, icc: float = 0.0, right: float = 0.0, rng
) -> Marks:
    """Recognises a share of items that it cannot produce, knows a share `right`, guesses the others: RO* = share."""
    clusters, options = clusters_of(n, size), options_of(n, kind)
    item = categories((right, share), clusters, icc=icc, rng=rng)
    return Marks(item == 0, (item <= 1) | lucky(options, rng), options, lucky(options, rng), clusters)


def blind(n: int, *, short: float, right_on: float, right_off: float, kind: str = "4", same: bool = True, rng) -> Marks:
    """Picks without reading the question: a shortcut finds gold on a share `short`, the others are guessed. RO* = 0.

    right_on, right_off: share of items generated rightly where the shortcut works and where not.  same: the items on
    which it works are the same with and without the question.
    """
    options = options_of(n, kind)
    works = rng.random(n) < short
    again = works if same else rng.random(n) < short
    generated = rng.random(n) < np.where(works, right_on, right_off)
    return Marks(generated, works | lucky(options, rng), options, again | lucky(options, rng), clusters_of(n))


def pair(
    n: int,
    *,
    before: float,
    after: float,
    short: tuple[float, float] = (0.0, 0.0),
    lost_only_in_words: float = 0.0,
    kind: str = "4",
    size: int = 1,
    icc: float = 0.0,
    noise: float = 0.0,
    rng,
) -> tuple[Marks, Marks]:
    """Dense model and twin whose knowledge falls from `before` to `after`, each with its own share of shortcuts.

    lost_only_in_words: share of items that the twin knows, so picks, and no longer produces: I is that share.
    noise: share of items on which both models' generation is a coin, thrown anew for each.
    """
    clusters, options = clusters_of(n, size), options_of(n, kind)
    item = categories((after - lost_only_in_words, lost_only_in_words, before - after), clusters, icc=icc, rng=rng)
    coin = rng.random(n) < noise
    models = []
    for produces, knows, share in ((2, 2, short[0]), (0, 1, short[1])):
        works = rng.random(n) < share
        generated = np.where(coin, rng.random(n) < 0.5, item <= produces)
        picked = (item <= knows) | works | lucky(options, rng)
        models.append(Marks(generated, picked, options, works | lucky(options, rng), clusters))
    return models[0], models[1]
