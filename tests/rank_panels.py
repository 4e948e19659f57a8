"""Simulated panels for the tests of rank_stability: section 7.3 of its design, and the tables of section 7.2."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seepage.stats import stages
from seepage.stats.stages import Stages

# the worked examples: (before, after), and (score on new items, score on the benchmark)
REFERENCES = ((0.40, 0.58), (0.44, 0.62), (0.48, 0.66), (0.52, 0.70), (0.56, 0.73), (0.60, 0.76), (0.46, 0.64))
NEW = (0.36, 0.42, 0.47, 0.53, 0.58, 0.64, 0.70, 0.75)
LINE = tuple(zip(NEW, (0.34, 0.41, 0.44, 0.52, 0.55, 0.63, 0.68, 0.74), strict=True))
INFLATED = (0.55, 0.66)
CHANCE, SLOPE, AFFINITY, SEED_SD = 0.25, 1.2, 0.8, 0.2


@dataclass(frozen=True, slots=True)
class Design:
    """references: R, the candidate stands in front of them.  items: n.  gain_sd: tau of honest gains.  head: h of the
    candidate, prepared: of the first reference.  spread: sd of abilities.  seeds: S.  seed_sd: of a training."""

    references: int = 7
    items: int = 1000
    gain_sd: float = 0.0
    head: float = 0.0
    prepared: float = 0.0
    spread: float = 0.5
    seeds: int = 3
    seed_sd: float = SEED_SD


def draw(design: Design, rng: np.random.Generator) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """before [K, n] and after [K, n, S]: the candidate first."""
    k, n = design.references + 1, design.items
    ability = rng.normal(0, design.spread, k)
    place = rng.normal(0, AFFINITY, (k, n)) - rng.normal(0, 1, n)
    gain = rng.normal(0, design.gain_sd, k)
    luck = rng.normal(0, design.seed_sd, (k, design.seeds))
    head = np.zeros(k)
    head[0], head[1] = design.head, design.prepared
    before = _right((ability - 0.5 + head)[:, None] + place, rng)
    reached = (ability + 0.5 + gain)[:, None] + luck
    after = np.stack([_right(reached[:, s, None] + place, rng) for s in range(design.seeds)], axis=-1)
    return before, after


def _right(x: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.bool_]:
    return np.asarray(rng.random(x.shape) < CHANCE + (1 - CHANCE) / (1 + np.exp(-SLOPE * x)))


def panel(design: Design, rng: np.random.Generator) -> Stages:
    before, after = draw(design, rng)
    return stages.from_items([f"m{i}" for i in range(len(before))], before, after, chance=CHANCE)
