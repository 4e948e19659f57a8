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
    candidate, prepared: of the first reference.  spread: sd of abilities.  seeds: S.  seed_sd: of a training.  slope:
    gain that an ability of 1 adds."""

    references: int = 7
    items: int = 1000
    gain_sd: float = 0.0
    head: float = 0.0
    prepared: float = 0.0
    spread: float = 0.5
    seeds: int = 3
    seed_sd: float = SEED_SD
    slope: float = 0.0


def draw(design: Design, rng: np.random.Generator) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float64]]:
    """before [K, n], after [K, n, S] and ability [K]: the candidate first."""
    k, n = design.references + 1, design.items
    ability = rng.normal(0, design.spread, k)
    place = rng.normal(0, AFFINITY, (k, n)) - rng.normal(0, 1, n)
    gain = rng.normal(0, design.gain_sd, k) + design.slope * ability
    luck = rng.normal(0, design.seed_sd, (k, design.seeds))
    head = np.zeros(k)
    head[0], head[1] = design.head, design.prepared
    before = _right((ability - 0.5 + head)[:, None] + place, rng)
    reached = (ability + 0.5 + gain)[:, None] + luck
    after = np.stack([_right(reached[:, s, None] + place, rng) for s in range(design.seeds)], axis=-1)
    return before, after, ability


def _right(x: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.bool_]:
    return np.asarray(rng.random(x.shape) < CHANCE + (1 - CHANCE) / (1 + np.exp(-SLOPE * x)))


def panel(design: Design, rng: np.random.Generator) -> Stages:
    return panel_and_ability(design, rng)[0]


def panel_and_ability(design: Design, rng: np.random.Generator) -> tuple[Stages, NDArray[np.float64]]:
    """The panel, and its abilities [K] as another benchmark measures them (to .1)."""
    before, after, ability = draw(design, rng)
    made = stages.from_items([f"m{i}" for i in range(len(before))], before, after, chance=CHANCE)
    return made, ability + rng.normal(0, 0.1, len(ability))


# --- scores against compute ---


def newer(
    lineages: int, own: float, theta: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """(x, y, new, lineage) of models of 1 to 5 a lineage, half of the lineages newer; own: sd of a lineage's effect
    (section 7.3 of the design)."""
    sizes = rng.choice(np.arange(1, 6), p=[0.3, 0.25, 0.2, 0.15, 0.1], size=lineages)
    number = np.repeat(np.arange(lineages), sizes)
    late = np.arange(lineages) % 2 == 0
    base = rng.normal(0, 0.4, lineages) + 0.4 * late
    x = base[number] + rng.normal(0, 0.5, len(number))
    y = 0.12 * np.maximum(0, x + 0.5) + theta * late[number]
    y = y + rng.normal(0, own, lineages)[number] + rng.normal(0, 0.03, len(number))
    return x, y, late[number], [f"l{i:02d}" for i in number]


def rising(k: int, span: float, noise: float, hinge: bool, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(x, y) of k sizes over a span of compute, on a line or after a take-off."""
    x = np.sort(rng.uniform(0, span, k))
    rise = np.maximum(0, x - 0.55 * span) / (0.45 * span) if hinge else x / span
    return x, 0.25 + 0.25 * rise + rng.normal(0, noise, k)
