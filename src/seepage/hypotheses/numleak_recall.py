"""Recall: from name and date alone, does the model write the published value, beyond any forecaster?

    "qo 1913-05=" -> "+3.12"          x̂ = +3.12, published +3.12: a hit; 120 dates asked
    p = max(p_hit, p_beat);  effects: excess hits over b^h, skill over b*

Null: given what a forecaster knows who has seen the whole series except that value, the answers do not depend on it.
After Kotawala, NumLeak, arXiv 2605.30393, who has neither the forecasters nor a threshold. Blind to values known in a
unit or vintage that the provider does not declare (said as `label ambiguous` where it can be seen), to approximate
knowledge, and to what the weights hold but greedy text does not show: a pass is at generation level.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import NotTestable
from ..parse import Number
from ..policy import NumleakPolicy
from ..records import Answer, Detectable, Effect, ModelInfo, Outcome, Placebo, Request
from ..series.record import Series
from ..stats import dates
from ..stats.blocks import BLOCK, deranged_blocks, resamples
from ..stats.recall import Margins, Recall, detectable_share, recall
from ..stats.surrogate import UNRELATED, surrogate
from ..wording import figure as short
from . import numleak_probes as probes
from . import numleak_prompts as prompts
from . import numleak_recall_shown as shown
from .numleak_common import Frame, asked, draw_dates, frame, needs, plain

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

OFFSETS = (1, 12, -12)  # -1 is exempt: carrying the last value forward is an admitted forecast
LEAST_BLOCKS = 10
UNDECLARED = ("× 100", "÷ 100", "anomaly")


@dataclass(frozen=True, slots=True)
class Replies:
    """t: [n] periods asked, in time order.  read: what the parser made of them.  raw: [n] the same medians before
    rounding and without the range check, NaN where no number was read: only these show an answer in another unit."""

    t: Ints
    read: prompts.Estimates
    raw: Floats


def requests(series: Series, *, info: ModelInfo, policy: NumleakPolicy, rng: np.random.Generator) -> dict[str, Request]:
    """The direct question and its re-phrasings at `policy.dates` random dates: "A/2020-03", ...

    Raises NotTestable where the model gives no text or the series cannot be tested.
    """
    needs(info, "generate", "recall")
    here = frame(series, policy)
    kinds = prompts.kinds(series, info=info, policy=policy)
    places = (int(i) + here.start for i in _dates(here, policy, rng)[0])
    return {**prompts.direct_requests(series, places, info=info, kinds=kinds)}


def further(
    series: Series,
    answers: Mapping[str, Answer],
    *,
    info: ModelInfo,
    policy: NumleakPolicy,
    rng: np.random.Generator,
) -> dict[str, Request]:
    """The descriptive probes at the same dates; rng as for `requests`.

    None where too few of the direct questions were answered with a number: the cell is inconclusive then, and three
    times as many questions as it took to find that out would be shown to nobody.
    """
    here = frame(series, policy)
    read = _read(here, answers, info=info, policy=policy).read.value
    if int(np.sum(~np.isnan(read))) < policy.min_parsed:
        return {}
    t, for_probes = _dates(here, policy, rng)
    return probes.requests(here, t, info=info, rng=for_probes)


def _dates(here: Frame, policy: NumleakPolicy, rng: np.random.Generator) -> tuple[Ints, np.random.Generator]:
    """The dates that are asked, and the generator of the probes."""
    for_dates, for_probes = rng.spawn(2)
    return draw_dates(here.known.window, policy.dates, rng=for_dates), for_probes


def judge(
    series: Series,
    answers: Mapping[str, Answer],
    *,
    info: ModelInfo,
    policy: NumleakPolicy,
    alpha: float,
    rng: np.random.Generator,
) -> Outcome:
    """The whole rule at the asked dates, its placebos, and the smallest recalled share it would have found.

    Raises NotTestable with too few parsed answers, too short a calendar, or answers that fit an undeclared unit.
    """
    here = frame(series, policy)
    replies = _read(here, answers, info=info, policy=policy)
    margins = Margins(alpha, policy.excess, policy.skill)
    draws = resamples(alpha)
    for_main, for_swap, for_placebo, for_power, for_shown = rng.spawn(5)
    _one_label(here, replies, margins, draws=draws, rng=for_swap)
    _eligible(here, replies, policy)
    main = recall(here.known, replies.read.value, replies.t, n_resamples=draws, rng=for_main, intervals=True)
    detectable = _detectable(here, replies.t, main, margins, policy, rng=for_power)
    placebos = _placebos(here, replies, main, margins, draws=draws, rng=for_placebo)
    display = shown.display(here, replies.t, replies.read, main, rng=for_shown)
    return Outcome(
        finding=_finding(here, main),
        n=len(main.t),
        statistic_name="h(0), share of dates hit",
        statistic=main.shift.observed,
        pvalue=main.pvalue,
        effects=_effects(main, policy),
        detectable=detectable,
        placebos=placebos,
        notes=(
            f"p_hit = {short(main.shift.block)}, p_ex = {short(main.beat.p_excess)}, "
            f"p_sk = {short(main.beat.p_skill)}; plain shift p = {short(main.shift.plain)} (shown, never gates)",
            *display.notes,
            "at generation level: greedy text shows less than the weights hold",
        ),
        tables=(*display.tables, *probes.tables(here, answers, info=info)),
        figures=display.figures,
    )


# --- reading --------------------------------------------------------------------------------------------------------


def _read(here: Frame, answers: Mapping[str, Answer], *, info: ModelInfo, policy: NumleakPolicy) -> Replies:
    t = asked(here, answers, "A")
    if not len(t):
        raise NotTestable(f"no date of {here.series.id} was asked.")
    kinds = prompts.kinds(here.series, info=info, policy=policy)
    places = [int(i) + here.start for i in t]
    read = prompts.estimates(here.series, places, answers, info=info, kinds=kinds)
    raw = np.full(len(t), np.nan)
    for row, place in enumerate(places):
        label = prompts.label(here.series, place)
        seen = [
            prompts.read(
                here.series,
                place,
                answers[f"{kind}/{label}"],
                question=prompts.text(here.series, place, info=info, kind=kind),
                top=math.inf,
            )
            for kind in kinds
        ]
        numbers = [s.value for s in seen if isinstance(s, Number)]
        if numbers:
            raw[row] = float(np.median(numbers))
    return Replies(t, read, raw)


def _eligible(here: Frame, replies: Replies, policy: NumleakPolicy) -> None:
    parsed = int(np.sum(~np.isnan(replies.read.value)))
    if parsed < policy.min_parsed:
        reasons = sorted({(replies.read.reasons.count(r), r) for r in set(replies.read.reasons) - {""}}, reverse=True)
        why = ", ".join(f"{word} {count}" for count, word in reasons)
        raise NotTestable(
            f"{parsed} of {len(replies.t)} dates of {here.series.id} were answered with a number ({why}); recall needs "
            f"{policy.min_parsed}. A refusal is neither a leak nor its absence."
        )
    blocks = len(np.unique(replies.t // BLOCK))
    if blocks < LEAST_BLOCKS:
        raise NotTestable(f"the dates asked lie in {blocks} blocks of {BLOCK} periods; recall needs {LEAST_BLOCKS}.")


def _one_label(here: Frame, replies: Replies, margins: Margins, *, draws: int, rng: np.random.Generator) -> None:
    """Raises NotTestable where the answers pass in a unit nobody declared and not as declared: label ambiguous."""
    clim = dates.climatology(here.known.window)[replies.t]
    forms = {"× 100": replies.raw / 100, "÷ 100": replies.raw * 100, "anomaly": replies.raw + clim}
    passed = []
    for name, values in forms.items():
        if name in here.series.transforms or np.isnan(values).all():
            continue
        rule = recall(
            here.known, dates.publish(values, here.known.window.decimals), replies.t, n_resamples=draws, rng=rng
        )
        if rule.passes(margins):
            passed.append(f"{name} ({rule.shift.observed:.0%} of the dates, p = {short(rule.pvalue)})")
    if passed and not recall(here.known, replies.read.value, replies.t, n_resamples=draws, rng=rng).passes(margins):
        raise NotTestable(
            f"label ambiguous: the answers give the values of {here.series.id} under {' and '.join(passed)} and not as "
            "declared. Declare the unit or transform that the prompt should ask for."
        )


# --- placebos and power -----------------------------------------------------------------------------------------------


def _placebos(
    here: Frame, replies: Replies, main: Recall, margins: Margins, *, draws: int, rng: np.random.Generator
) -> tuple[Placebo, ...]:
    known, t, estimate = here.known, replies.t, replies.read.value
    found = []
    for k in OFFSETS:
        moved = t + k
        inside = (moved >= 0) & (moved < len(known.window))
        rule = recall(known, estimate[inside], moved[inside], n_resamples=draws, rng=rng)
        higher = rule.shift.observed > main.shift.observed
        found.append(_placebo(f"offset {k:+d}", rule, rule.passes(margins) and higher, "label, vintage or convention"))
    moved = deranged_blocks(len(known.window), length=max(BLOCK, known.k0), rng=rng)[t]
    rule = recall(known, estimate[moved >= 0], moved[moved >= 0], n_resamples=draws, rng=rng)
    found.append(_placebo("permuted dates", rule, rule.passes(margins), "each block of dates moved elsewhere"))
    other = surrogate(known.window.x, rng=rng)
    if other is not None:
        rule = recall(known.revalued(other), estimate, t, n_resamples=draws, rng=rng)
        found.append(_placebo("surrogate", rule, rule.passes(margins), f"|r| with the series ≤ {UNRELATED}"))
    return tuple(found)


def _placebo(name: str, rule: Recall, fired: bool, note: str) -> Placebo:
    return Placebo(name, bool(fired), rule.pvalue, rule.beat.excess, f"h = {short(rule.shift.observed)}; {note}")


def _detectable(
    here: Frame, t: Ints, main: Recall, margins: Margins, policy: NumleakPolicy, *, rng: np.random.Generator
) -> tuple[Detectable, ...]:
    """π* beside b^h's answers (judged by policy) and beside fabricated ones (shown)."""
    found = [detectable_share(here.known, t, margins=margins, fabricated=f, rng=rng) for f in (False, True)]
    names = ("recalled share", "recalled share beside fabricated answers")
    if found[0] is None and not main.passes(margins):
        raise NotTestable(f"even a model that gives every date of {here.series.id} could not be told from b^h here.")
    limits = (policy.mde_share, None)
    return tuple(
        Detectable(name, share, limit, "of the dates")
        for name, share, limit in zip(names, found, limits, strict=True)
        if share is not None
    )


def _effects(main: Recall, policy: NumleakPolicy) -> tuple[Effect, ...]:
    (low, high), (worse, better) = main.beat.excess_interval, main.beat.skill_interval
    excess = Effect("excess", main.beat.excess, plain(low), plain(high), policy.excess, "share of dates")
    if not np.isfinite(main.beat.skill):  # b* makes no error on these dates: there is no ratio
        return (excess,)
    return (excess, Effect("skill", main.beat.skill, plain(worse), plain(better), policy.skill, "1 - MAE ratio"))


def _finding(here: Frame, main: Recall) -> str:
    known = here.known
    base = float(known.hit(known.rounded[known.hitter][main.t], main.t).mean())
    what = (
        f"the values of {here.series.id} within {short(known.tau)}" if known.tau else f"the digits of {here.series.id}"
    )
    return f"gives {main.shift.observed:.0%} of {what}; the best forecaster gets {base:.0%}".replace("%", " %")
