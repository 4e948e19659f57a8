"""A panel that is nothing but scores: `scores:embedded`, the control of rank_stability. Nothing was trained for it.

Fourteen references gain alike from equal training. `prepared` gains almost nothing and falls behind references that it
led;
`honest` gains as they do. Sixteen lineages of references lie near one line between two benchmarks; `inflated` lies far
above it, `level` on it. Which item is right follows from a formula, without a draw: the expected statistics are known
to every digit.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from ..records import digest
from ..scores import Key, Scores, ScoreTable, indexed

N = 1000
CHANCE = 0.25
SEEDS = 3
# before, after: enough of them, and close enough, for a control that holds among thousands of cells
REFERENCES = (
    *((0.40, 0.58), (0.44, 0.62), (0.48, 0.66), (0.52, 0.70), (0.56, 0.73), (0.60, 0.76), (0.46, 0.64)),
    *((0.41, 0.56), (0.43, 0.61), (0.45, 0.61), (0.47, 0.66), (0.51, 0.68), (0.53, 0.73), (0.55, 0.72)),
)
TRAINED = {"prepared": (0.62, 0.65), "honest": (0.50, 0.68)}
# score on new items, score on the benchmark
LINE = (
    *((0.36, 0.34), (0.42, 0.41), (0.47, 0.44), (0.53, 0.52), (0.58, 0.55), (0.64, 0.63), (0.70, 0.68), (0.75, 0.74)),
    *((0.39, 0.38), (0.45, 0.42), (0.50, 0.49), (0.55, 0.52), (0.61, 0.60), (0.66, 0.63), (0.69, 0.68), (0.72, 0.70)),
)
PREDICTED = {"inflated": (0.55, 0.75), "level": (0.60, 0.58)}
STEP = 617  # coprime with the items: after training others are right


def before(share: float) -> NDArray[np.bool_]:
    """[n] right where (i + 1/2) / n < share."""
    return np.asarray((np.arange(N) + 0.5) / N < share)


def after(share: float, seed: int) -> NDArray[np.bool_]:
    """[n] right in a shuffled order; seeds lie a point apart."""
    places = (STEP * np.arange(N)) % N
    return np.asarray((places + 0.5) / N < share + (seed - (SEEDS - 1) // 2) / 100)


def references() -> tuple[dict[str, tuple[float, float]], dict[str, tuple[float, float]]]:
    """(models that are trained, models on the line), by name."""
    return {f"ref{k}": pair for k, pair in enumerate(REFERENCES)}, {f"line{k}": pair for k, pair in enumerate(LINE)}


@functools.cache
def table() -> ScoreTable:
    """Benchmarks `task` (before and after training), `line` and `new` (before alone)."""
    items = np.arange(N)
    found: dict[Key, Scores] = {}

    def add(key: Key, right: NDArray[np.bool_]) -> None:
        found[key] = Scores(float(right.mean()), N, items, None, right)

    yardstick, line = references()
    for name, (first, last) in (yardstick | TRAINED).items():
        add(Key("task", name, "before", "", 0), before(first))
        for seed in range(SEEDS):
            add(Key("task", name, "after", "", seed), after(last, seed))
    for name, (new, score) in (line | PREDICTED).items():
        add(Key("line", name, "before", "", 0), before(score))
        add(Key("new", name, "before", "", 0), before(new))
    return ScoreTable(
        path="embedded",
        digest=digest(sorted([*key, scores.accuracy] for key, scores in found.items())),
        scores=found,
        by_stage=indexed(found),
        models=tuple(dict.fromkeys(key.model for key in found)),
        benchmarks=("task", "line", "new"),
        facts={name: {"role": "reference"} for name in yardstick | line},
        chance=dict.fromkeys(("task", "line", "new"), CHANCE),
    )
