"""Binding: do the model's log-probabilities tie a published value to its date, more than to its mirror image?

    "M/1913-05": one request, all 414 distinct values of the window as continuations -> one row of L [date, value], nats
    p = max(p_bind, p_mir);  effect: w, share of dates that lean to x_t rather than to 2 b*_t - x_t

Null: given what a forecaster knows who has seen the whole series except that value, the log-probabilities do not depend
on it. It sees memory that greedy text does not show. After the white-box part of Kotawala, NumLeak, arXiv 2605.30393;
centring, mirror test and placebos are ours. Blind to values known in another unit, and needs log-probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import NotTestable
from ..policy import NumleakPolicy
from ..records import Answer, Detectable, Effect, ModelInfo, Outcome, Placebo, Request
from ..series.record import Series
from ..stats.binding import Binding, binding, bound, column_ranks, detectable_win, top_of_five, value_columns
from ..stats.blocks import BLOCK, deranged_blocks, resamples
from ..stats.shifts import floor, shift_set
from ..stats.surrogate import UNRELATED, surrogate
from ..wording import figure as short
from . import numleak_binding_shown as shown
from . import numleak_prompts as prompts
from . import numleak_siblings as siblings
from .numleak_common import Frame, asked, frame, matrix, needs

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

OFFSETS = (1, 12, -12)
INVENTED_ROWS = 48  # dates asked under an invented name; shown, never gates


@dataclass(frozen=True, slots=True)
class Rule:
    """What one cell's rule is made of."""

    alpha: float
    win: float
    matched: int
    draws: int

    def __call__(self, here: Frame, logprob: Floats, columns: Floats, rng: np.random.Generator) -> Binding:
        return binding(here.known, logprob, columns, matched=self.matched, n_resamples=self.draws, rng=rng)

    def passes(self, outcome: Binding) -> bool:
        return outcome.passes(alpha=self.alpha, win=self.win)


def requests(series: Series, *, info: ModelInfo, policy: NumleakPolicy, rng: np.random.Generator) -> dict[str, Request]:
    """One score request a date: "M/1913-05" for the latest `policy.rows` dates, "I/..." under an invented name for some
    of them, "S/..." with a sibling's values where one can be read.

    Raises NotTestable where the model gives no log-probs, or the series or its window cannot be tested.
    """
    needs(info, "score", "binding")
    here = _judged(series, policy)
    window = here.known.window
    shift_set(len(window), k0=here.known.k0, season=window.season)  # before anything is asked
    places = [int(t) + here.start for t in np.flatnonzero(window.published)]
    texts = prompts.value_texts(series, places)
    if len(texts) != len(value_columns(window)):
        raise ValueError(f"{series.id}: {len(texts)} printed values for {len(value_columns(window))} distinct ones")
    for_names, for_rows = rng.spawn(2)
    plan: dict[str, Request] = {
        f"M/{prompts.label(series, place)}": prompts.matrix(series, place, texts, info=info) for place in places
    }
    name = prompts.invented_names(series, info=info, n=1, rng=for_names)[0]
    for place in for_rows.choice(places, size=min(INVENTED_ROWS, len(places)), replace=False):
        plan[f"I/{prompts.label(series, int(place))}"] = prompts.matrix(series, int(place), texts, info=info, name=name)
    return plan | siblings.requests(here, info=info)


def judge(
    series: Series,
    answers: Mapping[str, Answer],
    *,
    info: ModelInfo,
    policy: NumleakPolicy,
    alpha: float,
    rng: np.random.Generator,
) -> Outcome:
    """The whole rule on the matrix, its placebos and rank forms. Raises NotTestable where the window is too short for
    this level, BackendError where an answer does not fit its request."""
    needs(info, "score", "binding")
    here = _judged(series, policy)
    logprob, columns = matrix(here, answers)
    rule = Rule(alpha, policy.win, policy.matched, resamples(alpha))
    for_main, for_placebo, for_sibling, for_shown = rng.spawn(4)
    _reachable(here, logprob, alpha)
    main = rule(here, logprob, columns, for_main)
    sibling, sibling_note = siblings.placebo(here, answers, rule, rng=for_sibling)
    display = shown.display(here, main, logprob, columns)
    return Outcome(
        finding=(
            f"prefers the published value of {series.id} to its mirror image about the best forecast on "
            f"{main.w:.0%} of the dates".replace("%", " %")
        ),
        n=len(main.mirror.t),
        statistic_name="D(0), nats",
        statistic=main.shift.observed,
        pvalue=main.pvalue,
        effects=(Effect("w", main.w, *main.mirror.interval, margin=policy.win, unit="share of dates"),),
        detectable=(
            Detectable("w", detectable_win(len(main.mirror.t), alpha=alpha), policy.mde_win, "share of dates"),
        ),
        placebos=(*_placebos(here, logprob, columns, main, rule, rng=for_placebo), *sibling),
        notes=(
            f"p_bind = {short(main.shift.block)}, p_mir = {short(main.mirror.pvalue)}; plain shift p = "
            f"{short(main.shift.plain)} (shown, never gates); {main.mirror.kept:.0%} of the dates have a mirror",
            _ranks(here, logprob, columns, rng=for_shown),
            *_specificity(here, answers, logprob, known=main.shift.block <= alpha),
            *sibling_note,
            *display.notes,
        ),
        tables=display.tables,
        figures=display.figures,
    )


def _judged(series: Series, policy: NumleakPolicy) -> Frame:
    """The latest `policy.rows` periods; an organism's series whole.

    `rows` keeps a large model affordable. An organism costs seconds, and its leak is planted over all of its calendar:
    cut to a candidate's rows, the positive control would have less to find than it was made to show.
    """
    whole = frame(series, policy)
    return whole if series.doses is not None else whole.latest(policy.rows)


def _reachable(here: Frame, logprob: Floats, alpha: float) -> None:
    """Raises NotTestable where the window has so few shifts and blocks that p_bind cannot get down to alpha."""
    window, k0 = here.known.window, here.known.k0
    n_shifts = len(shift_set(len(window), k0=k0, season=window.season))
    n_blocks = len(np.unique(np.flatnonzero(~np.isnan(logprob[:, 0])) // max(BLOCK, k0)))
    if floor(n_shifts, n_blocks) > alpha:
        raise NotTestable(
            f"{len(window)} periods hold {n_shifts} shifts in {n_blocks} blocks of {max(BLOCK, k0)}, so p cannot fall "
            f"below {short(floor(n_shifts, n_blocks))}; the cell is judged at {short(alpha)}. Raise `rows`."
        )


# --- placebos -------------------------------------------------------------------------------------------------------


def _placebos(
    here: Frame, logprob: Floats, columns: Floats, main: Binding, rule: Rule, *, rng: np.random.Generator
) -> tuple[Placebo, ...]:
    n = len(here.known.window)
    found = []
    for k in OFFSETS:
        target = np.arange(n) + k
        target[(target < 0) | (target >= n)] = -1
        there = rule(here, _moved(logprob, target), columns, rng)
        fired = rule.passes(there) and there.w > main.w
        found.append(placebo(f"offset {k:+d}", there, fired, "label, vintage or convention"))
    target = deranged_blocks(n, length=max(BLOCK, here.known.k0), rng=rng)
    if (target >= 0).any():
        there = rule(here, _moved(logprob, target), columns, rng)
        found.append(placebo("permuted dates", there, rule.passes(there), "each block of dates moved elsewhere"))
    other = surrogate(here.known.window.x, rng=rng)
    if other is not None:
        invented = Frame(here.series, here.known.revalued(other), here.start)
        there = rule(invented, logprob, columns, rng)
        found.append(placebo("surrogate", there, rule.passes(there), f"|r| with the series ≤ {UNRELATED}"))
    return tuple(found)


def placebo(name: str, there: Binding, fired: bool, note: str) -> Placebo:
    return Placebo(name, bool(fired), there.pvalue, there.w, f"D = {short(there.shift.observed)} nats; {note}")


def _moved(logprob: Floats, target: Ints) -> Floats:
    """The rows as if each had been asked for another date; a date nothing moved to counts as not asked."""
    moved = np.full_like(logprob, np.nan)
    moved[target[target >= 0]] = logprob[target >= 0]
    return moved


# --- shown, never gates ---------------------------------------------------------------------------------------------


def _ranks(here: Frame, logprob: Floats, columns: Floats, *, rng: np.random.Generator) -> str:
    ranks = column_ranks(here.known, logprob, columns)
    five = top_of_five(here.known, bound(here.known.window, logprob, columns), rng=rng)
    how = ", same month of the season only" if here.known.window.season else ""
    area = 1 - float(np.nanmean(ranks)) if (~np.isnan(ranks)).any() else np.nan
    far = f"against dates ≥ {here.known.k0} periods away{how}"
    return f"rank forms (shown): AUC {short(area)} {far}, top-1 of 5 {short(five)}"


def _specificity(here: Frame, answers: Mapping[str, Answer], logprob: Floats, *, known: bool) -> tuple[str, ...]:
    """1 - D(0) under an invented name / D(0), over the same dates; a ratio only where D(0) is known not to be noise.
    An invented name is no placebo in a matrix."""
    t = asked(here, answers, "I")
    if not len(t):
        return ()
    other, columns = matrix(here, answers, prefix="I")
    same = np.full_like(logprob, np.nan)
    same[t] = logprob[t]
    own, invented = (float(np.nanmean(np.diagonal(bound(here.known.window, m, columns)))) for m in (same, other))
    says = f"over {len(t)} dates D(0) is {short(own)} nats under the name and {short(invented)} under an invented one"
    if own <= 0 or not known:
        return (f"name specificity: none to speak of, {says}",)
    return (
        f"name specificity 1 - D_invented(0)/D(0) = {short(1 - invented / own)}: {says} (date-bound memory answers "
        "to any name)",
    )
