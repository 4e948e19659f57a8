"""Does remembered knowledge of a series colour answers that never name it? Report only. (numleak, 4.11)

    S mood of a month in the series' domain, the series not named      "Think only of March 2020 and of U.S. shares ..."
    R what the model recalls of the series for that month              T what was published

Headline: the partial correlation ρ(S, R | T). A mood that follows the true state of the world correlates with T, and so
with any good R; only a mood that follows the *errors* of the recall was made from it. LeakShare, the share of ρ(S,T)²
that goes away with R, is printed only beside the value it has when S and R are independent given T: with a recall of
ρ(R,T) = .98 and ρ(S,T) = .739 that is .997, so by itself it shows nothing.

Null of the p (two-sided, for the mood may fall where the figure rises): recall's residuals on [1, T] do not depend on
the mood's. It carries no p into a family.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import NotTestable
from ..parse import Number
from ..policy import NumleakPolicy
from ..records import Answer, Effect, Figure, ModelInfo, Outcome, Request, Table
from ..series import periods
from ..series.record import Series
from ..stats import dates
from ..stats.blocks import block_bootstrap, resamples
from ..stats.partial import Partial, freedman_lane
from ..wording import figure as short
from . import numleak_prompts as prompts
from .numleak_common import Frame, asked, draw_dates, frame, needs
from .numleak_cutoff import split

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOVED = {"month": 6, "quarter": 2, "year": 1, "weekday": 130, "day": 182}  # half a year; a yearly series has only years
LEAST_POST, MOST_POST = 12, 60


@dataclass(frozen=True, slots=True)
class LeakShare:
    """Share of ρ(S,T)² that goes away when S is cleared of R, beside its value if S and R are independent given T.

    left, left_mechanical: ρ(u,T), u the residual of S on R."""

    share: float
    left: float
    mechanical: float
    left_mechanical: float


def leak_share(st: float, rt: float, sr: float) -> LeakShare:
    """From the three correlations of mood S, recall R and truth T. Raises ValueError where ρ(S,T) or the rest is 0.

    ρ(u,T) = (ρ_ST - ρ_SR ρ_RT) / √(1 - ρ_SR²); if S and R are independent given T, ρ_SR = ρ_ST ρ_RT and
    ρ(u,T) = ρ_ST (1 - ρ_RT²) / √(1 - ρ_ST² ρ_RT²).
    """
    if st == 0 or abs(sr) >= 1 or abs(st * rt) >= 1:
        raise ValueError(f"no leak share from ρ(S,T) = {st:g}, ρ(R,T) = {rt:g}, ρ(S,R) = {sr:g}")
    left = (st - sr * rt) / math.sqrt(1 - sr**2)
    mechanical = st * (1 - rt**2) / math.sqrt(1 - st**2 * rt**2)
    return LeakShare(1 - (left / st) ** 2, left, 1 - (mechanical / st) ** 2, mechanical)


def requests(
    series: Series, *, info: ModelInfo, policy: NumleakPolicy, rng: np.random.Generator, cutoff: Sequence[str] = ()
) -> dict[str, Request]:
    """Recall ("A/2020-03", ...) and mood ("mood/2020-03") at `policy.dates` dates, and the mood half a year later.

    With a stated cutoff the latest 60 dates after it are asked too. Raises NotTestable where the series is not near
    white, the model gives no text, or the series belongs to an organism, which knows one line form and no moods.
    """
    needs(info, "generate", "transmission")
    here = _near_white(frame(series, policy), policy)
    places = [int(i) + here.start for i in draw_dates(here.known.window, policy.dates, rng=rng)]
    places = sorted({*places, *_after(here, cutoff, policy)})
    moods = {*places, *(p + MOVED[series.period] for p in places if p + MOVED[series.period] < len(series))}
    kinds = prompts.kinds(series, info=info, policy=policy)
    plan: dict[str, Request] = {**prompts.direct_requests(series, places, info=info, kinds=kinds)}
    return plan | {f"mood/{prompts.label(series, p)}": prompts.mood(series, p, info=info) for p in sorted(moods)}


def comparable(series: Series, *, info: ModelInfo, other: ModelInfo) -> bool:
    """Whether another model can be asked for its recall in the very same words."""
    return "generate" in other.access and prompts.form(series, info) == prompts.form(series, other)


def recalls(plan: Mapping[str, Request]) -> dict[str, Request]:
    """The recall questions of a plan, without the moods: what is asked of another model, as a placebo."""
    return {tag: request for tag, request in plan.items() if not tag.startswith("mood/")}


@dataclass(frozen=True, slots=True)
class _Three:
    """Mood S, recall R and truth T at the dates t where all three are known, [n], in time order."""

    t: Ints
    mood: Floats
    recall: Floats
    truth: Floats


def judge(
    series: Series,
    answers: Mapping[str, Answer],
    *,
    info: ModelInfo,
    policy: NumleakPolicy,
    alpha: float,
    rng: np.random.Generator,
    cutoff: Sequence[str] = (),
    other: Mapping[str, Answer] | None = None,
) -> Outcome:
    """ρ(S, R | T) with its permutation p, LeakShare beside its mechanical value, and the checks. Never gates.

    other: another model's answers to the same recall questions, in the same form: a placebo for R.
    Raises NotTestable with fewer than `min_parsed` dates that have both a mood and a recall, or where the recall makes
    no errors or the mood never changes.
    """
    here = _near_white(frame(series, policy), policy)
    after = _after(here, cutoff, policy)
    all_three = _three(here, answers, answers, info=info, policy=policy)
    three = _part(all_three, ~np.isin(all_three.t + here.start, list(after)))
    _enough(three, series, policy)
    draws = resamples(alpha)
    main = _partial(three, series, draws, rng)
    low, high = _interval(three, rng)
    st, rt, sr = (_r(a, b) for a, b in _pairs(three))
    checks = [*_moved(here, answers), *_post(_part(all_three, np.isin(all_three.t + here.start, list(after))))]
    if other is not None:
        checks.append(_placebo(here, answers, other, info=info, policy=policy, draws=draws, rng=rng))
    share = leak_share(st, rt, sr)
    return Outcome(
        finding=(
            f"gives moods of {series.domain} whose partial correlation with the errors of its recall of {series.id} is "
            f"{main.r:+.2f} (p = {short(main.pvalue)}), beside {st:+.2f} with the truth"
        ),
        n=len(three.t),
        statistic_name="partial ρ(S, R | T)",
        statistic=main.r,
        pvalue=main.pvalue,
        effects=(Effect("partial ρ(S, R | T)", main.r, low, high),),
        gated=False,
        notes=(
            "report only: no p of it enters a family",
            f"LeakShare {share.share:.3f}; if mood and recall were independent given the truth it would be "
            f"{share.mechanical:.3f} (ρ of what is left with the truth: {share.left:+.3f} and "
            f"{share.left_mechanical:+.3f})",
            "recall's residuals were permuted " + ("in blocks of 12 dates" if main.blocked else "date by date"),
        ),
        tables=(
            _correlations(three, main, share, (st, rt, sr), checks),
            _dates(here, three),
        ),
        figures=(_errors_figure(three, series),),
    )


# --- dates and readings ---------------------------------------------------------------------------------------------


def _near_white(here: Frame, policy: NumleakPolicy) -> Frame:
    """Raises NotTestable on a slow or seasonal series: its neighbours tell the mood as well as its value does."""
    x = here.known.window.x
    for lag in (1, 12):
        found = dates.autocorrelation(x, lag)
        if abs(found) >= policy.acf:
            raise NotTestable(
                f"{here.series.id} is not near white (autocorrelation {found:+.2f} at lag {lag}, {policy.acf:g} "
                "allowed): a mood may follow its level without any memory of the figure. Use a series of changes or "
                "returns."
            )
    return here


def _after(here: Frame, cutoff: Sequence[str], policy: NumleakPolicy) -> set[int]:
    """Indices of the latest 60 dates published after the stated cutoffs; none where no cutoff is stated."""
    return {int(i) for i in split(here.series, cutoff=cutoff, policy=policy).after[-MOST_POST:]} if cutoff else set()


def _three(
    here: Frame, answers: Mapping[str, Answer], recalls: Mapping[str, Answer], *, info: ModelInfo, policy: NumleakPolicy
) -> _Three:
    t = asked(here, recalls, "A")
    places = [int(i) + here.start for i in t]
    kinds = prompts.kinds(here.series, info=info, policy=policy)
    recall = prompts.estimates(here.series, places, recalls, info=info, kinds=kinds).value
    mood = np.array([_mood(here.series, place, answers) for place in places])
    three = _Three(t, mood, recall, here.known.window.x[t])
    return _part(three, ~np.isnan(mood) & ~np.isnan(recall))


def _part(three: _Three, which: NDArray[np.bool_]) -> _Three:
    return _Three(*(getattr(three, field.name)[which] for field in dataclasses.fields(_Three)))


def _mood(series: Series, place: int, answers: Mapping[str, Answer]) -> float:
    seen = prompts.read_mood(series, place, answers[f"mood/{prompts.label(series, place)}"])
    return seen.value if isinstance(seen, Number) else math.nan


def _enough(three: _Three, series: Series, policy: NumleakPolicy) -> None:
    if len(three.t) < policy.min_parsed:
        raise NotTestable(
            f"{len(three.t)} dates of {series.id} have both a mood and a recalled figure; at least {policy.min_parsed} "
            "are needed."
        )
    if np.ptp(three.mood) == 0:
        raise NotTestable(f"the mood is {three.mood[0]:g} on every date: it follows nothing.")


def _partial(three: _Three, series: Series, draws: int, rng: np.random.Generator) -> Partial:
    """ρ(S, R | T) with a two-sided p: twice the one-sided p on the side where it lies."""
    s, r = _residuals(three)
    sign = 1.0 if s @ r >= 0 else -1.0
    try:
        found = freedman_lane(three.recall, sign * three.mood, three.truth[:, None], n_resamples=draws, rng=rng)
    except ValueError as error:
        raise NotTestable(
            f"the recall of {series.id} has no errors beside a straight line in the truth, so nobody can say whether "
            "the mood follows them."
        ) from error
    return Partial(sign * found.r, min(1.0, 2 * found.pvalue), found.blocked)


# --- correlations ---------------------------------------------------------------------------------------------------


def _r(a: Floats, b: Floats) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def _pairs(three: _Three) -> tuple[tuple[Floats, Floats], ...]:
    return (three.mood, three.truth), (three.recall, three.truth), (three.mood, three.recall)


def _residuals(three: _Three) -> tuple[Floats, Floats]:
    """(mood, recall) cleared of [1, T]."""
    design = np.column_stack([np.ones(len(three.t)), three.truth])
    fits = [v - design @ np.linalg.lstsq(design, v, rcond=None)[0] for v in (three.mood, three.recall)]
    return fits[0], fits[1]


def _interval(three: _Three, rng: np.random.Generator) -> tuple[float, float]:
    """95 % block bootstrap of the correlation of the residuals."""
    s, r = _residuals(three)
    columns = np.stack([s * r, s * s, r * r], axis=1)
    return block_bootstrap(columns, three.t, lambda c: c[:, 0] / np.sqrt(c[:, 1] * c[:, 2]), rng=rng)


Check = tuple[str, int, float | None, str]


def _moved(here: Frame, answers: Mapping[str, Answer]) -> list[Check]:
    """The same moods against the truth of the prompt's own date and of the date half a year before."""
    step, x = MOVED[here.series.period], here.known.window.x
    first = periods.ordinal(here.series.first, here.series.period)
    tags = [tag.removeprefix("mood/") for tag in answers if tag.startswith("mood/")]
    places = np.array(sorted(periods.ordinal(tag, here.series.period) - first for tag in tags), dtype=np.int64)
    mood = np.array([_mood(here.series, int(p), answers) for p in places])
    own = x[places - here.start]
    back = np.where(places - step >= here.start, x[np.maximum(places - step - here.start, 0)], np.nan)
    found: list[Check] = []
    for name, truth in (("of the prompt's date", own), (f"{step} periods before the prompt's date", back)):
        here_too = ~np.isnan(mood) & ~np.isnan(truth) & ~np.isnan(back)
        found.append(_check(f"mood and truth {name}", mood[here_too], truth[here_too]))
    return found


def _post(after: _Three) -> list[Check]:
    if not len(after.t):
        return []
    name = "mood and truth after the cutoff"
    if len(after.t) < LEAST_POST:
        return [(name, len(after.t), None, f"fewer than {LEAST_POST} dates with a mood and a recall")]
    return [_check(name, after.mood, after.truth)]


def _check(name: str, a: Floats, b: Floats) -> Check:
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return name, len(a), None, "too few dates, or nothing varies"
    return name, len(a), _r(a, b), ""


def _placebo(
    here: Frame,
    answers: Mapping[str, Answer],
    other: Mapping[str, Answer],
    *,
    info: ModelInfo,
    policy: NumleakPolicy,
    draws: int,
    rng: np.random.Generator,
) -> Check:
    """Another model's recall in place of its own: a mood made from one's own recall does not follow it."""
    theirs = {tag: a for tag, a in other.items() if tag in answers and not tag.startswith("mood/")}
    three = _three(here, answers, theirs, info=info, policy=policy)
    name = "partial with another model's recall"
    if len(three.t) < policy.min_parsed:
        return name, len(three.t), None, f"fewer than {policy.min_parsed} dates"
    try:
        found = _partial(three, here.series, draws, rng)
    except NotTestable as error:  # no errors to follow: it says nothing of this model
        return name, len(three.t), None, str(error)
    return name, len(three.t), found.r, f"p = {short(found.pvalue)}"


# --- what the reader sees -------------------------------------------------------------------------------------------


def _correlations(
    three: _Three, main: Partial, share: LeakShare, plain: tuple[float, float, float], checks: list[Check]
) -> Table:
    n = len(three.t)
    named = zip(("mood and truth", "recall and truth", "mood and recall"), plain, strict=True)
    rows: list[Check] = [("mood and recall, given the truth", n, main.r, f"p = {short(main.pvalue)}")]
    rows += [(name, n, r, "not evidence") for name, r in named]
    rows += [
        ("LeakShare", n, share.share, "only beside the next row"),
        ("LeakShare if mood and recall are independent given the truth", n, share.mechanical, ""),
    ]
    return Table("correlations", ("what", "dates", "value", "note"), (*rows, *checks))


def _dates(here: Frame, three: _Three) -> Table:
    rows = tuple(
        (here.label(int(t)), float(s), float(r), float(x))
        for t, s, r, x in zip(three.t, three.mood, three.recall, three.truth, strict=True)
    )
    return Table("dates", ("date", "mood", "recall", "truth"), rows)


def _errors_figure(three: _Three, series: Series) -> Figure:
    s, r = _residuals(three)
    groups = {"dates": [[float(v) for v in r], [float(v) for v in s]]}
    title = f"Does the mood follow the errors of the recall? {series.id}"
    content = {"groups": groups, "diagonal": False}
    return Figure("scatter", title, "recall, cleared of the truth", "mood, cleared of the truth", content)
