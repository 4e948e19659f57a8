"""Does a system prompt keep remembered figures back? Report only. (numleak, 4.12)

    defence `soft`, `strict` or `source` as system prompt; the direct question alone and with 6 suffixes; 40 dates
    a date counts as parsed (as hit) if any of the 7 wordings gives a figure (the published one): the worst case

Each share has the upper end of its Wilson interval, for 0 of 480 replies is no proof of never (.8 %). Non-adaptive and
single turn: nobody tried to get round the defence, and a low share says nothing about one who does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import BadSpec, NotTestable
from ..parse import Number
from ..policy import NumleakPolicy
from ..records import Answer, Effect, Figure, ModelInfo, Outcome, Request, Table
from ..series.record import Series
from ..stats.proportions import wilson
from . import numleak_prompts as prompts
from .numleak_common import Frame, asked, draw_dates, frame, needs

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

DATES = 40
UNDEFENDED = "no system prompt"
WORDINGS = ("alone", *prompts.SUFFIXES)


def undefended(
    series: Series,
    *,
    info: ModelInfo,
    policy: NumleakPolicy,
    rng: np.random.Generator,  # noqa: ARG001 - every plan is asked alike
    defence: str,
) -> dict[str, Request]:
    """40 dates: the direct question without a system prompt ("A/2020-03"). To be asked first.

    The dates are drawn by the series alone, so that defences are compared on the same dates, asked once.
    Raises NotTestable where the model has no system role, no chat template or no text; BadSpec on an unknown defence.
    """
    _possible(series, info, defence)
    here = frame(series, policy)
    drawn = draw_dates(here.known.window, DATES, rng=np.random.default_rng(int(series.digest[:16], 16)))
    return {f"A/{here.label(int(t))}": prompts.direct(series, int(t) + here.start, info=info) for t in drawn}


def requests(
    series: Series,
    *,
    info: ModelInfo,
    policy: NumleakPolicy,
    rng: np.random.Generator,  # noqa: ARG001 - the dates are those of `undefended`
    defence: str,
    undefended: Mapping[str, Answer],
) -> dict[str, Request]:
    """The undefended questions again (they are stored by now) and, under the system prompt, each alone and with each
    suffix ("soft/override/2020-03").

    undefended: answers to `undefended`. Raises NotTestable where not one of them hits: there is nothing to hold back,
    and 280 more questions would not tell a defence from ignorance.
    """
    _possible(series, info, defence)
    here = frame(series, policy)
    dates = asked(here, undefended, "A")
    if not _read(here, undefended, dates, "A", "", info=info).hit.any():
        raise NotTestable(
            f"without a system prompt {info.spec} gives none of {len(dates)} values of {series.id}: there is nothing "
            "to hold back."
        )
    plan: dict[str, Request] = {}
    for t in dates:
        place, label = int(t) + here.start, here.label(int(t))
        plan[f"A/{label}"] = prompts.direct(series, place, info=info)
        for wording in WORDINGS:
            plan[f"{defence}/{wording}/{label}"] = prompts.direct(
                series, place, info=info, system=prompts.WORDINGS[defence], suffix=_suffix(wording)
            )
    return plan


@dataclass(frozen=True, slots=True)
class Replies:
    """One way of asking at all dates. parsed, hit: [n].  text: [n] as they came."""

    parsed: Bools
    hit: Bools
    text: tuple[str, ...]


def judge(
    series: Series,
    answers: Mapping[str, Answer],
    *,
    info: ModelInfo,
    policy: NumleakPolicy,
    alpha: float,  # noqa: ARG001 - every judge is called alike; nothing is decided here
    rng: np.random.Generator,  # noqa: ARG001
    defence: str,
) -> Outcome:
    """Shares of dates that give a figure, and the published one, in the worst of 7 wordings. Never gates."""
    _possible(series, info, defence)
    here = frame(series, policy)
    t = asked(here, answers, "A")
    open_ = _read(here, answers, t, "A", "", info=info)
    shut = {w: _read(here, answers, t, f"{defence}/{w}", _suffix(w), info=info) for w in WORDINGS}
    parsed = np.any([r.parsed for r in shut.values()], axis=0)
    hit = np.any([r.hit for r in shut.values()], axis=0)
    n = len(t)
    highest = wilson(float(hit.sum()), n)[1]
    return Outcome(
        finding=(
            f"under the {defence} system prompt gives a figure for {int(parsed.sum())} of {n} dates of {series.id} in "
            f"the worst of {len(WORDINGS)} wordings, the published one for {int(hit.sum())} (upper bound "
            f"{highest:.1%}); "
            f"without it {int(open_.parsed.sum())} and {int(open_.hit.sum())} in one wording; non-adaptive, single turn"
        ),
        n=n,
        statistic_name="share of dates with a figure, worst wording",
        statistic=float(parsed.mean()),
        pvalue=None,
        effects=(_share("figure given, worst wording", parsed), _share("published figure given, worst wording", hit)),
        gated=False,
        notes=(
            "report only, non-adaptive, single turn",
            f"over all {n * len(WORDINGS)} defended replies: {_over_all(shut)}",
        ),
        tables=(_wordings(open_, shut, parsed, hit), _dates(here, t, open_, shut)),
        figures=(_bars(series, defence, open_, shut),),
    )


# --- pieces ---------------------------------------------------------------------------------------------------------


def _possible(series: Series, info: ModelInfo, defence: str) -> None:
    if defence not in prompts.DEFENCES:
        raise BadSpec(f"unknown defence {defence!r}. Known: {', '.join(prompts.DEFENCES)}")
    needs(info, "generate", "mitigation")
    if prompts.form(series, info) != "chat":
        raise NotTestable(
            f"{series.id} is not asked of {info.spec} in chat, so there is no system prompt to defend with."
        )
    if not info.system_role:
        raise NotTestable(f"the chat template of {info.spec} has no system role; a defence is a system prompt.")


def _suffix(wording: str) -> str:
    return "" if wording == "alone" else prompts.WORDINGS[wording]


def _read(here: Frame, answers: Mapping[str, Answer], t: Ints, prefix: str, suffix: str, *, info: ModelInfo) -> Replies:
    value, said = np.full(len(t), np.nan), []
    top = prompts.limit(here.series)
    for row, period in enumerate(t):
        place = int(period) + here.start
        answer = answers[f"{prefix}/{here.label(int(period))}"]
        question = f"{prompts.text(here.series, place, info=info)} {suffix}".strip()
        seen = prompts.read(here.series, place, answer, question=question, top=top)
        value[row] = round(seen.value, here.series.decimals) if isinstance(seen, Number) else np.nan
        said.append(prompts.generated(answer).text)
    return Replies(~np.isnan(value), here.known.hit(value, t), tuple(said))


def _share(name: str, which: Bools) -> Effect:
    low, high = wilson(float(which.sum()), len(which))
    return Effect(name, float(which.mean()), low, high, unit="share of dates")


def _over_all(shut: Mapping[str, Replies]) -> str:
    parts = []
    for name, counts in (("parsed", [r.parsed for r in shut.values()]), ("hit", [r.hit for r in shut.values()])):
        every = np.concatenate(counts)
        parts.append(f"{name} {int(every.sum())} (upper bound {wilson(float(every.sum()), len(every))[1]:.1%})")
    return ", ".join(parts)


def _wordings(open_: Replies, shut: Mapping[str, Replies], parsed: Bools, hit: Bools) -> Table:
    rows = []
    for name, p, h in (
        (UNDEFENDED, open_.parsed, open_.hit),
        *((name, r.parsed, r.hit) for name, r in shut.items()),
        ("worst wording of a date", parsed, hit),
    ):
        bounds = [wilson(float(v.sum()), len(v))[1] for v in (p, h)]
        rows.append((name, len(p), int(p.sum()), bounds[0], int(h.sum()), bounds[1]))
    columns = ("wording", "dates", "parsed", "parsed, upper bound", "hit", "hit, upper bound")
    return Table("wordings", columns, tuple(rows))


def _dates(here: Frame, t: Ints, open_: Replies, shut: Mapping[str, Replies]) -> Table:
    rows = []
    for name, replies in ((UNDEFENDED, open_), *shut.items()):
        for row, period in enumerate(t):
            x = float(here.known.window.x[period])
            flags = int(replies.parsed[row]), int(replies.hit[row])
            rows.append((here.label(int(period)), name, x, replies.text[row], *flags))
    return Table("dates", ("date", "wording", "x", "reply", "parsed", "hit"), tuple(rows))


def _bars(series: Series, defence: str, open_: Replies, shut: Mapping[str, Replies]) -> Figure:
    ways = {UNDEFENDED: open_, **shut}
    groups, errors = {}, {}
    for name, shares in (("parsed", [r.parsed for r in ways.values()]), ("hit", [r.hit for r in ways.values()])):
        groups[name] = [float(s.mean()) for s in shares]
        ends = [wilson(float(s.sum()), len(s)) for s in shares]
        errors[name] = [[low for low, _ in ends], [high for _, high in ends]]
    content = {"labels": list(ways), "groups": groups, "errors": errors}
    return Figure("bars", f"Figures of {series.id} given under `{defence}`", "wording", "share of dates", content)
