"""What a forecaster knows about a date who has seen the whole published series except that date's value.

    window = dates.window(series)                                   # arrays of one calendar, holes are NaN
    known = dates.forecasters(window, hit_cap=0.10, acf=0.2)        # b*, b^h, the resolution, the first quiet shift
    known.best, known.exact[known.best][t]                          # b*_t in the series' unit, unrounded

Everything here is computed from the series alone, before any answer is seen. Forecasts use the true neighbours of a
date on purpose: only what goes beyond them is evidence that this very value was seen. Fits leave the date itself out
(y - e / (1 - h), h the leverage).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import NotTestable
from ..series import periods
from ..series.record import Series

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

RESOLUTIONS = (1, 2, 5, 10, 25, 50, 100)  # in ticks
LEAST_VALUES = 120
LONGEST_DAILY = 600
TREND = 0.8  # share of variance a straight line may explain


@dataclass(frozen=True, slots=True)
class Window:
    """One calendar of published values, [N].

    x: in the series' unit, NaN where nothing was published.  years, phase: calendar year and place in the season
    (month of year, quarter; all 0 where the calendar has none).  season: periods a season, 0 for none.
    forms: [F, N], every accepted print of each date (vintages and declared transforms); row 0 is x.
    """

    x: Floats
    years: Ints
    phase: Ints
    season: int
    decimals: int
    forms: Floats

    def __len__(self) -> int:
        return len(self.x)

    @property
    def tick(self) -> float:
        return float(10.0**-self.decimals)

    @property
    def published(self) -> Bools:
        """[N] True where a value was published."""
        return ~np.isnan(self.x)

    def valued(self, x: Floats) -> Window:
        """The same calendar with other values, published in one form only."""
        return replace(self, x=x, forms=x[None, :])

    def __getitem__(self, part: slice) -> Window:
        return replace(self, x=self.x[part], years=self.years[part], phase=self.phase[part], forms=self.forms[:, part])


@dataclass(frozen=True, slots=True)
class Forecasters:
    """Every baseline over one window, and the two that a model has to beat.

    exact, rounded: name -> [N] forecasts, unrounded and at the published decimals (NaN only where x is a hole).
    fitted: name -> [N] the same forecasts from fits that keep every date. Only these may say which dates are alike to
    a forecaster: a leave-one-out mean falls as its own value rises, so dates matched by it are matched by their values.
    mae: name -> mean absolute error of the rounded forecast.  hits: name -> share within `tau`.
    best: b*, the smallest MAE.  hitter: b^h, the most hits.
    tau: resolution in the series' unit; 0 where a hit means equal published digits.
    k0: first shift, in periods, at which the deseasonalised values are unrelated.
    """

    window: Window
    exact: dict[str, Floats]
    rounded: dict[str, Floats]
    fitted: dict[str, Floats]
    mae: dict[str, float]
    hits: dict[str, float]
    best: str
    hitter: str
    tau: float
    k0: int

    def latest(self, n: int) -> Forecasters:
        """The last n periods with forecasters fitted to them; the resolution and k0 stay those of the whole calendar.

        Fits to a longer calendar would leave out what changed in it: on unemployment, 828 months against the latest
        480, the seasons have moved, and a model that knows only the value of two months before then has w = .61.
        """
        calendar = self.window[slice(max(0, len(self.window) - n), None)]
        return _chosen(calendar, *baselines(calendar), tau=self.tau, k0=self.k0)

    def revalued(self, x: Floats) -> Forecasters:
        """The forecasters of other values on the same calendar, at this resolution and this first shift."""
        calendar = self.window.valued(x)
        return _chosen(calendar, *baselines(calendar), tau=self.tau, k0=self.k0)

    def exactly(self) -> Forecasters:
        """The same with hits on every published digit only."""
        return _chosen(self.window, self.exact, self.fitted, tau=0.0, k0=self.k0)

    def hit(self, estimate: Floats, index: Ints) -> Bools:
        """[..., n]: is the estimate, in any accepted form, the value published at `index` ([..., n], same shape)?

        A missing estimate (NaN) is a miss everywhere.
        """
        return within(estimate, self.window.forms[:, index], self.tau, self.window.tick)

    def error(self, estimate: Floats, index: Ints) -> Floats:
        """[..., n]: smallest distance to an accepted form of the value at `index`, in the series' unit."""
        distance = np.abs(estimate - self.window.forms[:, index])
        best = distance[0]
        for other in distance[1:]:
            best = np.fmin(best, other)
        return np.asarray(best, dtype=np.float64)


def within(estimate: Floats, forms: Floats, tau: float, tick: float) -> Bools:
    """[..., n]: |estimate - form| <= tau for any form ([F, ..., n]); half-tick slack is for binary fractions only."""
    with np.errstate(invalid="ignore"):
        return np.asarray((np.abs(estimate - forms) <= tau + 1e-6 * tick).any(axis=0), dtype=np.bool_)


def window(series: Series) -> Window:
    """The calendar of a series: the last 600 periods of a daily one, all of any other.

    Raises NotTestable where no test on dates can be read: fewer than 120 values, a constant, or a straight line that
    explains more than 80 % of the variance (every shift of a trend is wrong, so the null would be empty).
    """
    start = window_start(series)
    first = periods.ordinal(series.first, series.period) + start
    years, phase = _calendar(np.arange(first, first + len(series) - start), series.period, series.season)
    x = series.x[start:]
    prints = [x] + [np.array([np.nan if v is None else v for v in other])[start:] for other in series.vintages]
    plain = Window(x, years, phase, series.season, series.decimals, np.stack(prints))
    _testable(plain, series.id)
    if "anomaly" in series.transforms:
        prints += [publish(print_ - climatology(plain), plain.decimals) for print_ in list(prints)]
    return replace(plain, forms=np.stack(prints))


def window_start(series: Series) -> int:
    """Index in the series of the first period of its window."""
    return max(0, len(series) - LONGEST_DAILY) if series.period in ("day", "weekday") else 0


def publish(values: Floats, decimals: int) -> Floats:
    """Values at the published decimals; never -0."""
    return np.asarray(np.round(values, decimals) + 0.0, dtype=np.float64)


def climatology(calendar: Window) -> Floats:
    """[N] mean of each place in the season (the plain mean where there is none): what an anomaly is counted from."""
    totals = np.zeros(len(calendar))
    for place in np.unique(calendar.phase):
        here = calendar.phase == place
        totals[here] = np.nanmean(calendar.x[here])
    return totals


def forecasters(calendar: Window, *, hit_cap: float, acf: float) -> Forecasters:
    """All baselines, b*, b^h, the resolution and the first quiet shift of one calendar.

    Raises NotTestable where the values stay related at every shift up to a quarter of the calendar.
    """
    exact, fitted = baselines(calendar)
    rounded = {name: publish(values, calendar.decimals) for name, values in exact.items()}
    tau = resolution(rounded, calendar, cap=hit_cap)
    return _chosen(calendar, exact, fitted, tau=tau, k0=first_quiet_shift(calendar, acf=acf))


def _chosen(
    calendar: Window, exact: dict[str, Floats], fitted: dict[str, Floats], *, tau: float, k0: int
) -> Forecasters:
    there = np.flatnonzero(calendar.published)
    truth, targets = calendar.x[there], calendar.forms[:, there]
    rounded = {name: publish(values, calendar.decimals) for name, values in exact.items()}
    mae = {name: float(np.mean(np.abs(values[there] - truth))) for name, values in rounded.items()}
    hits = {name: float(within(values[there], targets, tau, calendar.tick).mean()) for name, values in rounded.items()}
    # the first name wins a tie, so the choice never hangs on float noise of a later one
    best = min(mae, key=lambda name: mae[name])
    hitter = max(hits, key=lambda name: hits[name])
    return Forecasters(calendar, exact, rounded, fitted, mae, hits, best, hitter, tau, k0)


def baselines(calendar: Window) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Name -> [N] forecasts in the series' unit, NaN at holes: unrounded leave-one-out ones, and the fitted ones.

    Leave-one-out mean, decade mean, year mean, month-of-year mean; straight line; month-of-year + line; carry-forward;
    AR(1); interpolation; least squares on both neighbours; the last three also on deseasonalised values where the
    series has a season. The neighbours are the nearest published values on either side; at an edge, the one there is.
    One more than the specification: least squares on two neighbours either side, with month means and the same month
    of the years beside where there is a season. Without it what the second neighbour says of a date (smoothed figures,
    moving seasons) passed for memory of the date: an average of four neighbours had w .56 to .59 on unemployment.
    """
    y, there = calendar.x, calendar.published
    count = np.arange(len(y), dtype=np.float64)[:, None]
    found = {"mean": _fit(np.ones((len(y), 1)), y, there)}
    groups = {"decade mean": calendar.years // 10, "year mean": calendar.years, "month mean": calendar.phase}
    for name, group in groups.items():
        if _repeats(group[there]):
            found[name] = _fit(_dummies(group), y, there)
    found["line"] = _fit(np.hstack([np.ones_like(count), count]), y, there)
    if "month mean" in found:
        found["month mean + line"] = _fit(np.hstack([_dummies(calendar.phase), count]), y, there)
    carried = np.where(there, neighbours(y)[0], np.nan)
    found["carry-forward"] = carried, carried
    found |= _neighbourly(y, there)
    if calendar.season and "month mean" in found:
        out, kept = found["month mean"]
        for name, (forecast, fit) in _neighbourly(y - climatology(calendar), there).items():
            found[f"{name}, deseasonalised"] = forecast + out, fit + kept
    found["four neighbours"] = _fit(_surroundings(calendar), y, there)
    level = found["mean"][0]
    exact = {name: np.where(there & np.isnan(pair[0]), level, pair[0]) for name, pair in found.items()}
    return exact, {name: pair[1] for name, pair in found.items()}


def neighbours(x: Floats) -> tuple[Floats, Floats]:
    """([N], [N]) nearest published value before and after each date; at an edge, the one on the other side."""
    n = len(x)
    there = ~np.isnan(x)
    place = np.where(there, np.arange(n), -1)
    before = np.concatenate([[-1], np.maximum.accumulate(place)[:-1]])
    ahead = np.where(there, np.arange(n), n)
    after = np.concatenate([np.minimum.accumulate(ahead[::-1])[::-1][1:], [n]])
    left, right = np.where(before < 0, after, before), np.where(after >= n, before, after)
    return x[np.clip(left, 0, n - 1)], x[np.clip(right, 0, n - 1)]


def resolution(rounded: dict[str, Floats], calendar: Window, *, cap: float) -> float:
    """Largest of {1, 2, 5, 10, 25, 50, 100} ticks at which no baseline hits more than `cap` of the dates, in the
    series' unit; 0 (equal published digits) if there is none."""
    there = np.flatnonzero(calendar.published)
    for ticks in reversed(RESOLUTIONS):
        tau = ticks * calendar.tick
        shares = [within(v[there], calendar.forms[:, there], tau, calendar.tick).mean() for v in rounded.values()]
        if max(shares) <= cap:
            return tau
    return 0.0


def autocorrelation(x: Floats, lag: int) -> float:
    """Autocorrelation at one lag over the pairs of which both values were published."""
    z = x - np.nanmean(x)
    with np.errstate(invalid="ignore"):
        return float(np.nanmean(z[:-lag] * z[lag:]) / np.nanmean(z * z))


def first_quiet_shift(calendar: Window, *, acf: float) -> int:
    """First multiple of 12 periods (and of the season) up to N/4 at which |autocorrelation| of the deseasonalised
    values is below `acf`. Raises NotTestable if there is none."""
    calm = calendar.x - (climatology(calendar) if calendar.season else 0.0)
    step = math.lcm(12, calendar.season or 12)
    for lag in range(step, len(calm) // 4 + 1, step):
        if abs(autocorrelation(calm, lag)) < acf:
            return lag
    raise NotTestable(
        f"the values stay related (autocorrelation >= {acf:g}) at every shift up to {len(calm) // 4} periods, so "
        "shifted dates are no null. Ask for the change instead, or for a longer history."
    )


# --- pieces ---------------------------------------------------------------------------------------------------------


def _testable(calendar: Window, name: str) -> None:
    there = calendar.published
    if there.sum() < LEAST_VALUES:
        raise NotTestable(f"{name} has {int(there.sum())} published values; numleak needs at least {LEAST_VALUES}.")
    y = calendar.x[there]
    if np.ptp(y) == 0:
        raise NotTestable(f"{name} is constant: no date of it can be told from another.")
    explained = float(np.corrcoef(np.flatnonzero(there), y)[0, 1] ** 2)
    if explained > TREND:
        raise NotTestable(
            f"a straight line explains {explained:.0%} of {name}, so every shifted date is wrong by construction. "
            "Ask for the change instead."
        )


def _calendar(counts: Ints, kind: periods.Kind, season: int) -> tuple[Ints, Ints]:
    if kind in ("day", "weekday"):
        stamps = [periods.label(int(c), kind) for c in counts]
        years = np.array([int(s[:4]) for s in stamps])
        phase = counts % season if season else np.array([int(s[5:7]) - 1 for s in stamps])
        return years, phase
    each = {"month": 12, "quarter": 4}.get(kind, 1)
    return counts // each, counts % (season or each)


def _repeats(group: Ints) -> bool:
    """Is there more than one group, and does nearly every date share its group with another?"""
    _, inverse, sizes = np.unique(group, return_inverse=True, return_counts=True)
    return len(sizes) > 1 and bool(np.mean(sizes[inverse] > 1) > 0.5)


def _dummies(group: Ints) -> Floats:
    return np.asarray(group[:, None] == np.unique(group)[None, :], dtype=np.float64)


def _fit(design: Floats, y: Floats, there: Bools) -> tuple[Floats, Floats]:
    """([N] least-squares forecast of each date from a fit that leaves it out, NaN where the fit needs that date;
    [N] the ordinary fit)."""
    left, sizes, _ = np.linalg.svd(design[there], full_matrices=False)
    basis = left[:, sizes > sizes[0] * 1e-10]
    kept, out = np.full(len(y), np.nan), np.full(len(y), np.nan)
    kept[there] = basis @ (basis.T @ y[there])
    free = 1.0 - np.sum(basis * basis, axis=1)
    alone = free < 1e-8
    out[there] = np.where(alone, np.nan, y[there] - (y[there] - kept[there]) / np.where(alone, 1.0, free))
    return out, kept


def _surroundings(calendar: Window) -> Floats:
    """[N, c] regressors: values 1 and 2 periods to either side, one season to either side, and month dummies.

    Where one is missing its mirror date stands in, and where both are, the mean of the neighbours there are.
    """
    x, n = calendar.x, len(calendar)
    middle = np.mean(neighbours(x), axis=0)
    columns = [_dummies(calendar.phase)] if calendar.season else [np.ones((n, 1))]
    for lag in (1, 2, calendar.season) if calendar.season else (1, 2):
        padded = np.concatenate([np.full(lag, np.nan), x, np.full(lag, np.nan)])
        back, ahead = padded[:n], padded[2 * lag :]
        for one, other in ((back, ahead), (ahead, back)):
            value = np.where(np.isnan(one), np.where(np.isnan(other), middle, other), one)
            columns.append(value[:, None])
    return np.hstack(columns)


def _neighbourly(y: Floats, there: Bools) -> dict[str, tuple[Floats, Floats]]:
    before, after = neighbours(y)
    one = np.ones(len(y))
    middle = np.where(there, (before + after) / 2, np.nan)
    return {
        "AR(1)": _fit(np.stack([one, before], axis=1), y, there),
        "interpolation": (middle, middle),
        "both neighbours": _fit(np.stack([one, before, after], axis=1), y, there),
    }
