"""Dose: does the matrix see more of a value the more often it was in the training text? A test of the instrument.

    doses 0, 1, 4, 16 were drawn by lot over the dates inside one organism, so the comparison needs no second model
    rho = Spearman(dose_t, A[t, x_t]),  p by permuting doses over dates

It says nothing about any real model: it carries no p into a family. Where the trend is absent the instrument is broken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import Broken, NotTestable
from ..policy import NumleakPolicy
from ..records import Answer, Effect, Figure, ModelInfo, Outcome, Request, Table
from ..series.record import Series
from ..stats.binding import binding, bound, column_ranks, dose_trend
from ..stats.blocks import resamples
from ..stats.proportions import wilson
from ..wording import figure as short
from . import numleak_prompts as prompts
from .numleak_common import Frame, asked, frame, matrix, needs, null_figure, plain

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

COLUMNS = ("dose", "dates", "greedy exact", "D(0), nats", "AUC", "w", "w low", "w high", "p_bind", "p_mir")


@dataclass(frozen=True, slots=True)
class Group:
    """The dates of one dose, as a row of the table. exact: None where the model gives no text."""

    name: str
    n: int
    exact: float | None
    d: float
    auc: float | None
    w: float
    interval: tuple[float, float]
    p_bind: float
    p_mir: float

    @property
    def row(self) -> tuple[str | int | float | None, ...]:
        return (self.name, self.n, self.exact, self.d, self.auc, self.w, *self.interval, self.p_bind, self.p_mir)


def requests(
    series: Series,
    *,
    info: ModelInfo,
    policy: NumleakPolicy,
    rng: np.random.Generator,  # noqa: ARG001  (every hypothesis is asked alike; here nothing is drawn)
) -> dict[str, Request]:
    """The matrix of every date ("M/..."), and the direct question where the model gives text ("A/...").

    Raises NotTestable where the series states no doses, or one only.
    """
    _doses(series)
    needs(info, "score", "the dose trend")
    here = frame(series, policy)
    places = [int(t) + here.start for t in np.flatnonzero(here.known.window.published)]
    texts = prompts.value_texts(series, places)
    plan: dict[str, Request] = {
        f"M/{prompts.label(series, p)}": prompts.matrix(series, p, texts, info=info) for p in places
    }
    if "generate" in info.access:
        plan |= prompts.direct_requests(series, places, info=info, kinds=("A",))
    return plan


def judge(
    series: Series,
    answers: Mapping[str, Answer],
    *,
    info: ModelInfo,
    policy: NumleakPolicy,
    alpha: float,
    rng: np.random.Generator,
) -> Outcome:
    """The trend over randomized doses and a table by dose. Raises Broken where knowledge does not grow with dose."""
    here = frame(series, policy)
    dose = _doses(series)[here.start :]
    logprob, columns = matrix(here, answers)
    exact = _exact(here, answers, info)
    for_trend, for_ranks, for_groups = rng.spawn(3)
    known = np.diagonal(bound(here.known.window, logprob, columns))
    ranks = column_ranks(here.known, logprob, columns)
    lot = np.flatnonzero(~np.isnan(known) & ~np.isnan(ranks) & (np.arange(len(dose)) <= _last_planted(dose)))
    draws = resamples(alpha)
    rho, p, null = dose_trend(dose[lot], known[lot], n_resamples=draws, rng=for_trend)
    falls, p_falls, _ = dose_trend(dose[lot], -ranks[lot], n_resamples=draws, rng=for_ranks)
    if max(p, p_falls) > alpha:
        raise Broken(
            f"knowledge of {series.id} does not grow with dose: rho {short(rho)} (p = {short(p)}), column rank falls "
            f"with rho {short(falls)} (p = {short(p_falls)}), at the level {short(alpha)}. Retrain the organism, or "
            "do not trust the matrix."
        )
    groups = _groups(here, logprob, columns, dose, exact, policy, draws=draws, rng=for_groups)
    return Outcome(
        finding=f"knows {series.id} better the more often it saw a value (rho {short(rho)}): {_contrast(groups)}",
        n=len(lot),
        statistic_name="Spearman of dose and A[t, x_t]",
        statistic=rho,
        pvalue=p,
        effects=(Effect("rho", rho), Effect("column rank falling with dose, rho", falls)),
        gated=False,
        notes=(
            f"column rank falls with dose: rho {short(falls)}, p = {short(p_falls)}; doses permuted over dates, exact",
        ),
        tables=(Table("dose response", COLUMNS, tuple(group.row for group in groups)),),
        figures=(
            _figure(series, groups),
            null_figure(f"{series.id}: trend under permuted doses", null, rho, x="Spearman's rho"),
        ),
    )


def _doses(series: Series) -> Ints:
    if series.doses is None or len(set(series.doses)) < 2:
        raise NotTestable(f"{series.id} states no two different doses; only an organism's planted series does.")
    return np.array(series.doses, dtype=np.int64)


def _last_planted(dose: Ints) -> int:
    """Doses were drawn by lot up to here; what follows is unplanted by design."""
    return int(np.flatnonzero(dose > 0)[-1])


def _exact(here: Frame, answers: Mapping[str, Answer], info: ModelInfo) -> Floats | None:
    """[N] 1 where greedy text gives every published digit; NaN where a date was not asked; None without text."""
    t = asked(here, answers, "A")
    if not len(t):
        return None
    read = prompts.estimates(here.series, [int(i) + here.start for i in t], answers, info=info, kinds=("A",))
    exact = np.full(len(here.known.window), np.nan)
    exact[t] = np.abs(read.value - here.known.window.x[t]) < here.known.window.tick / 2
    return exact


def _groups(
    here: Frame,
    logprob: Floats,
    columns: Floats,
    dose: Ints,
    exact: Floats | None,
    policy: NumleakPolicy,
    *,
    draws: int,
    rng: np.random.Generator,
) -> list[Group]:
    known = np.diagonal(bound(here.known.window, logprob, columns))
    ranks = column_ranks(here.known, logprob, columns)
    usable, planted = ~np.isnan(known), np.arange(len(dose)) <= _last_planted(dose)
    parts = [(f"{level}", usable & planted & (dose == level)) for level in np.unique(dose)]
    parts.append(("0, after the last planted date", usable & ~planted))
    groups = []
    for name, mask in parts:
        t = np.flatnonzero(mask)
        if len(t) < policy.min_parsed:
            continue
        found = binding(here.known, logprob, columns, matched=policy.matched, n_resamples=draws, rng=rng, among=t)
        share = None if exact is None else plain(float(np.nanmean(exact[t])))
        area = plain(1 - float(np.nanmean(ranks[t])))
        lean = found.mirror
        groups.append(
            Group(
                name, len(t), share, float(known[t].mean()), area, lean.w, lean.interval, found.shift.block, lean.pvalue
            )
        )
    return groups


def _contrast(groups: list[Group]) -> str:
    """Where the matrix sees what greedy text does not: one clause a dose."""
    clauses = []
    for group in groups:
        text = "" if group.exact is None else f", text exact {short(group.exact)}"
        clauses.append(f"dose {group.name}: w {short(group.w)}{text}")
    return "; ".join(clauses)


def _figure(series: Series, groups: list[Group]) -> Figure:
    shown: dict[str, list[float | None]] = {"w": [g.w for g in groups], "AUC": [g.auc for g in groups]}
    errors: dict[str, list[list[float | None]]] = {
        "w": [[g.interval[0] for g in groups], [g.interval[1] for g in groups]]
    }
    if any(g.exact is not None for g in groups):
        shown["greedy exact"] = [g.exact for g in groups]
        pairs = [wilson(round(g.exact * g.n), g.n) if g.exact is not None else (None, None) for g in groups]
        errors["greedy exact"] = [[low for low, _ in pairs], [high for _, high in pairs]]
    content = {"labels": [g.name for g in groups], "groups": shown, "errors": errors}
    return Figure("bars", f"{series.id}: what doses leave behind", "mentions in training", "share of dates", content)
