"""What a reader of a recall verdict sees beside it: tables and pictures that never gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..records import Figure, Table
from ..stats import dates
from ..stats.blocks import block_bootstrap
from ..stats.partial import freedman_lane
from ..stats.proportions import wilson
from ..stats.recall import Recall, shifted_hits
from ..stats.shifts import shift_null, shift_set
from ..wording import figure as short
from . import numleak_prompts as prompts
from .numleak_anchors import ANCHORS, FOOTNOTES
from .numleak_common import REACH, Frame, baseline_table, null_figure, plain, profile_figure

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SHOWN_DRAWS = 1_999  # what is only shown needs no more
FAMOUS = 0.1  # share of dates with the largest surprise |x - b*|


@dataclass(frozen=True, slots=True)
class Display:
    notes: tuple[str, ...]
    tables: tuple[Table, ...]
    figures: tuple[Figure, ...]


def display(here: Frame, t: Ints, read: prompts.Estimates, main: Recall, *, rng: np.random.Generator) -> Display:
    estimate = read.value
    truth = here.known.window.x[t]
    for_r, for_partial, for_digits = rng.spawn(3)
    notes = [_digits(here, t, estimate, rng=for_digits)]
    notes += _correlations(here, t, estimate, for_r, for_partial)
    notes += _famous(here, t, estimate)
    agree = read.agree[~np.isnan(read.agree)]
    if len(agree):
        notes.append(f"re-phrasings agree on {agree.mean():.0%} of the dates where more than one gave a number")
    tables = (
        baseline_table(here.known),
        _signature(here, truth, estimate, main),
        _rows(here, t, read, kinds=len(read.replies[0])),
    )
    return Display(tuple(notes), tables, _figures(here, t, estimate, main))


def _digits(here: Frame, t: Ints, estimate: Floats, *, rng: np.random.Generator) -> str:
    """Hits on every published digit, with their own block-shift p."""
    exact = here.known.exactly()
    hits = exact.hit(estimate, t)
    shifts = shift_set(len(exact.window), k0=exact.k0, season=exact.window.season)
    null = shift_null(
        hits.astype(np.float64),
        shifted_hits(exact, estimate, t, shifts),
        t,
        k0=exact.k0,
        n_resamples=SHOWN_DRAWS,
        rng=rng,
    )
    base = exact.hit(exact.rounded[exact.hitter][t], t).mean()
    return f"every published digit: {hits.mean():.0%} of the dates (b^h {base:.0%}), shift p = {short(null.block)}"


def _correlations(
    here: Frame, t: Ints, estimate: Floats, for_r: np.random.Generator, for_partial: np.random.Generator
) -> list[str]:
    given = ~np.isnan(estimate)
    x, y, when = here.known.window.x[t][given], estimate[given], t[given]
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return ["no correlation: fewer than 3 answers, or all alike"]
    low, high = correlation_interval(x, y, when, rng=for_r)
    notes = [
        f"plain r = {short(float(np.corrcoef(x, y)[0, 1]))} [{short(low)}, {short(high)}] over {len(x)} answers: "
        "not evidence, any forecaster of a slow series has it"
    ]
    known = here.known
    before, after = dates.neighbours(known.window.x)
    controls = [before, after] + [known.exact[n] for n in ("month mean", "year mean") if n in known.exact]
    try:
        partial = freedman_lane(
            y, x, np.stack([c[when] for c in controls], axis=1), n_resamples=SHOWN_DRAWS, rng=for_partial
        )
    except ValueError as nothing_left:
        return [*notes, f"no partial correlation: {nothing_left}"]
    how = "blocks of 12 dates" if partial.blocked else "dates"
    return [
        *notes,
        f"partial r beside both neighbours, month and year = {short(partial.r)}, p = {short(partial.pvalue)} "
        f"(Freedman-Lane, permuting {how}; shown, never gates)",
    ]


def correlation_interval(x: Floats, y: Floats, t: Ints, *, rng: np.random.Generator) -> tuple[float, float]:
    """95 % block-bootstrap interval of Pearson's r. x, y: [n]; t: [n] period counts."""
    a, b = x - x.mean(), y - y.mean()
    columns = np.stack([np.ones(len(a)), a, b, a * a, b * b, a * b], axis=1)

    def r(sums: Floats) -> Floats:
        n, sa, sb, saa, sbb, sab = sums.T
        return np.asarray((n * sab - sa * sb) / np.sqrt((n * saa - sa * sa) * (n * sbb - sb * sb)), dtype=np.float64)

    return block_bootstrap(columns, t, r, rng=rng)


def _famous(here: Frame, t: Ints, estimate: Floats) -> list[str]:
    known = here.known
    surprise = np.abs(known.exact[known.best][t] - known.window.x[t])
    top = surprise >= np.quantile(surprise, 1 - FAMOUS)
    hits = known.hit(estimate, t)
    if top.all():
        return []
    return [
        f"the tenth of the dates that surprise a forecaster most: {hits[top].mean():.0%} hit; "
        f"the rest {hits[~top].mean():.0%}"
    ]


def _signature(here: Frame, truth: Floats, estimate: Floats, main: Recall) -> Table:
    """The paper's joint signature, ours first, its own models' below."""
    given = ~np.isnan(estimate)
    x, y = truth[given], estimate[given]
    low, high = wilson(float(given.sum()), len(estimate))
    signed = x != 0
    near = np.abs(y - x)
    varied = len(x) > 2 and np.ptp(x) > 0 and np.ptp(y) > 0
    ours = (
        f"{here.series.id}, this model",
        len(estimate),
        float(given.mean()),
        low,
        high,
        plain(float(np.corrcoef(x, y)[0, 1])) if varied else None,
        float(np.mean(near <= 0.25 + 1e-9)) if len(x) else None,
        main.shift.observed,
        float(np.mean(np.sign(y[signed]) == np.sign(x[signed]))) if signed.any() else None,
        float(near.mean()) if len(x) else None,
    )
    theirs = tuple((a.cell, a.n, a.parse, None, None, a.r, a.within, None, a.sign, a.mae) for a in ANCHORS)
    notes = tuple((note, *([None] * 9)) for note in FOOTNOTES)
    hit = f"within {short(here.known.tau)}" if here.known.tau else "every digit"
    names = ("cell", "n", "parse rate", "low", "high", "r", "within .25", hit)
    return Table("joint signature", (*names, "sign accuracy", "MAE"), (ours, *theirs, *notes))


def _rows(here: Frame, t: Ints, read: prompts.Estimates, *, kinds: int) -> Table:
    known = here.known
    hit, base = known.hit(read.value, t), known.hit(known.rounded[known.hitter][t], t)
    rows = []
    for i, period in enumerate(t):
        replies = tuple(text.strip() for text in read.replies[i])
        rows.append(
            (
                here.label(int(period)),
                plain(float(known.window.x[period])),
                *replies,
                plain(float(read.value[i])),
                read.reasons[i],
                plain(float(known.exact[known.best][period])),
                plain(float(known.rounded[known.hitter][period])),
                int(hit[i]),
                int(base[i]),
            )
        )
    names = ("date", "published", *(f"reply {k + 1}" for k in range(kinds)), "estimate", "reason")
    return Table("dates", (*names, f"b* ({known.best})", f"b^h ({known.hitter})", "hit", "b^h hit"), tuple(rows))


def _figures(here: Frame, t: Ints, estimate: Floats, main: Recall) -> tuple[Figure, ...]:
    known = here.known
    shifts = np.arange(-REACH, REACH + 1)
    hits, errors = _curves(known, estimate, t, shifts)
    base = float(known.hit(known.rounded[known.hitter][t], t).mean())
    error = np.abs(known.rounded[known.best][t] - known.window.x[t]).mean()
    given = ~np.isnan(estimate)
    x, best = known.window.x[t], known.exact[known.best][t]
    name = here.series.id
    groups = {
        "answers": [[float(v) for v in x[given]], [float(v) for v in estimate[given]]],
        f"b* ({known.best})": [[float(v) for v in x], [float(v) for v in best]],
    }
    hit_curves = {"answers": hits, f"b^h ({known.hitter}) at its own date": [base] * len(shifts)}
    miss = {"answers": [plain(e) for e in errors], f"b* ({known.best}) at its own date": [float(error)] * len(shifts)}
    content = {"x": [int(k) for k in shifts], "curves": miss, "bands": {}, "marks": {"own date": 0}}
    return (
        profile_figure(
            f"{name}: hits against shifted dates", shifts, hit_curves, main.shift.null, y="share of dates hit"
        ),
        Figure("lines", f"{name}: error against shifted dates", "shift, periods", f"MAE, {here.series.unit}", content),
        Figure(
            "scatter",
            f"{name}: answers and published values",
            "published",
            "answered",
            {"groups": groups, "diagonal": True},
        ),
        null_figure(f"{name}: hits under shifted dates", main.shift.null, main.shift.observed, x="share of dates hit"),
    )


def _curves(
    known: dates.Forecasters, estimate: Floats, t: Ints, shifts: Ints
) -> tuple[Sequence[float], Sequence[float]]:
    hits, errors = [], []
    for k in shifts:
        inside = (t + k >= 0) & (t + k < len(known.window))
        inside[inside] &= known.window.published[(t + k)[inside]]
        moved, given = (t + k)[inside], estimate[inside]
        hits.append(float(known.hit(given, moved).mean()) if len(moved) else np.nan)
        gap = np.abs(given - known.window.x[moved])
        errors.append(float(np.nanmean(gap)) if (~np.isnan(gap)).any() else np.nan)
    return hits, errors
