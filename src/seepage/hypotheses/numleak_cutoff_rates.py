"""How often the cutoff contrast rejects when models of known behaviour answer: its level and its power, measured.

    rates(white, cutoff=CUTOFF, before="recall", after="refuse", n_seeds=200, policy=policy, rng=rng)

No model is asked. Every seed has a series of its own: dates are exchangeable over series, while in one series the dates
after a cutoff are once for all calmer or wilder than those before. A behaviour answers dates from the series alone:
`recall` the value; `third` the value on 30 % of the dates and a fabrication on the rest; `fabricate` a draw from the
level and spread; `forecast` the best forecaster's answer; `refuse` nothing. "recall" on both sides is the null of p_Δ
(no boundary), "fabricate" that of p_beat.

On a slow series the errors of fabricated answers wander with the level for longer than 75 dates, which no permutation
of those dates can imitate: p_Δ alone then rejects in .15 to .20 of runs at .05, in runs of any length up to 12 (400
seeds). The gate holds because p_beat must hold too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import NotTestable
from ..policy import NumleakPolicy
from ..series.record import Series
from ..stats import dates
from ..stats.beat import beat
from ..stats.contrast import contrast
from ..stats.recall import fabricate
from .numleak_cutoff import LATEST_PRE, ask_before, gain, split

MOST_DRAWS = 50
CUTOFF = ("2023-07",)  # leaves 14 dates after it in the series drawn here

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Draw = Callable[[np.random.Generator], Series]
Behaviour = Literal["recall", "third", "fabricate", "forecast", "refuse"]


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares of n_seeds runs. p_beat, p_delta, pvalue: at or below alpha.  leak: pvalue is, and Δ meets its margin.
    delta: mean Δ.  n_before, n_after: dates of Δ."""

    n_seeds: int
    n_before: int
    n_after: int
    p_beat: float
    p_delta: float
    pvalue: float
    leak: float
    delta: float


def white(rng: np.random.Generator) -> Series:
    """480 months of a near-white series like a monthly stock return in percent; the last is 2024-12."""
    return _invented("white", rng.normal(0.5, 4.5, 480), decimals=2)


def slow(rng: np.random.Generator) -> Series:
    """480 months of an AR(.96) series like an unemployment rate; the last is 2024-12."""
    path = np.empty(480)
    level = rng.normal(0.0, 0.3 / (1 - 0.96**2) ** 0.5)
    for month, shock in enumerate(rng.normal(0.0, 0.3, 480)):
        path[month] = 6.0 + level
        level = 0.96 * level + shock
    return _invented("slow", path, decimals=1)


def rates(
    draw: Draw,
    *,
    cutoff: Sequence[str],
    before: Behaviour,
    after: Behaviour,
    n_seeds: int,
    policy: NumleakPolicy,
    rng: np.random.Generator,
    alpha: float = 0.05,
    n_resamples: int = 999,
) -> Rates:
    """Rejection rates of p_beat, p_Δ and their maximum over n_seeds simulated models and series.

    draw: a series from a generator; `lambda _: series` for a real one. A drawn series that is itself not testable
    (memory at every shift, a trend) is drawn again, as the test would not have been run on it.
    """
    found = np.empty((n_seeds, 5))
    for seed in range(n_seeds):
        series, known = _testable(draw, policy, rng)
        found[seed] = _once(series, known, cutoff, before, after, policy, n_resamples, rng)
    p_beats, p_deltas, deltas, n_before, n_after = found.T
    both = np.maximum(p_beats, p_deltas) <= alpha
    return Rates(
        n_seeds,
        int(n_before.mean()),
        int(n_after.mean()),
        float(np.mean(p_beats <= alpha)),
        float(np.mean(p_deltas <= alpha)),
        float(both.mean()),
        float(np.mean(both & (deltas >= policy.delta))),
        float(deltas.mean()),
    )


def _testable(draw: Draw, policy: NumleakPolicy, rng: np.random.Generator) -> tuple[Series, dates.Forecasters]:
    for _ in range(MOST_DRAWS):
        series = draw(rng)
        try:
            return series, dates.forecasters(dates.window(series), hit_cap=policy.hit_cap, acf=policy.acf)
        except NotTestable as reason:
            last = reason
    raise NotTestable(f"none of {MOST_DRAWS} drawn series is testable; the last: {last}")


def _once(
    series: Series,
    known: dates.Forecasters,
    cutoff: Sequence[str],
    before: Behaviour,
    after: Behaviour,
    policy: NumleakPolicy,
    n_resamples: int,
    rng: np.random.Generator,
) -> tuple[float, float, float, int, int]:
    """One model and one series: p_beat, p_Δ, Δ, dates before and after."""
    start = dates.window_start(series)
    sides = split(series, cutoff=cutoff, policy=policy)
    late = sides.after - start
    asked = ask_before(sides, policy=policy, rng=rng) - start
    said = answer(before, known, asked, rng=rng)
    p_beat = beat(known, said, asked, n_resamples=n_resamples, rng=rng, intervals=False).pvalue
    latest = gain(known, said, asked)[-LATEST_PRE:]
    ours = np.append(latest, gain(known, answer(after, known, late, rng=rng), late))
    change = contrast(ours, len(latest), acf=policy.acf, n_resamples=n_resamples, rng=rng)
    return p_beat, change.pvalue, change.delta, len(latest), len(late)


def _invented(name: str, values: Floats, *, decimals: int) -> Series:
    return Series(
        id=name,
        name=name,
        blind="an invented figure",
        domain="an invented trade",
        unit="percent",
        decimals=decimals,
        period="month",
        first="1985-01",
        values=tuple(round(float(v), decimals) + 0.0 for v in values),
        vintage="drawn from a seed",
    )


def answer(how: Behaviour, known: dates.Forecasters, t: Ints, *, rng: np.random.Generator) -> Floats:
    """[n] answers of one behaviour to the dates t, in the series' unit; NaN is a refusal."""
    truth = known.window.x[t]
    if how == "recall":
        return truth
    if how == "refuse":
        return np.full(len(t), np.nan)
    if how == "forecast":
        return known.rounded[known.best][t]
    made_up = fabricate(known.window, t, size=1, rng=rng)[0]
    return np.where(rng.random(len(t)) < 0.3, truth, made_up) if how == "third" else made_up
