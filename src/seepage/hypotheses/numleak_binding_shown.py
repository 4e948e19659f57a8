"""What a reader of a binding verdict sees beside it: D(k), the mirror plot, the null, and one row a date."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..records import Figure, Table
from ..stats.binding import Binding, bound, column_ranks, own_columns, shift_curve
from ..stats.mirror import mirror_columns
from ..wording import figure as short
from .numleak_common import REACH, Frame, baseline_table, null_figure, plain, profile_figure

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Display:
    notes: tuple[str, ...]
    tables: tuple[Table, ...]
    figures: tuple[Figure, ...]


def display(here: Frame, main: Binding, logprob: Floats, columns: Floats) -> Display:
    table = bound(here.known.window, logprob, columns)
    reach = min(REACH, len(here.known.window) - 1)
    shifts, curve = shift_curve(table, reach)
    name = here.series.id
    beside = max(abs(float(curve[reach + k])) for k in (-1, 1))
    notes = (f"D(±1) is at most {short(beside)} nats beside D(0) = {short(main.shift.observed)}: date resolution",)
    lean = sorted(float(v) for v in main.mirror.lean)
    low, high = main.mirror.interval
    steps = {"values": lean, "zero": 0.0}
    figures = (
        profile_figure(
            f"{name}: D(k), binding against shifted dates", shifts, {"D(k)": list(curve)}, main.shift.null, y="nats"
        ),
        Figure(
            "steps",
            f"{name}: lean to the value over its mirror, w = {short(main.w)} [{short(low)}, {short(high)}]",
            "share of dates",
            "e_t, nats",
            steps,
        ),
        null_figure(f"{name}: D(0) under shifted dates", main.shift.null, main.shift.observed, x="nats"),
    )
    return Display(notes, (baseline_table(here.known), _rows(here, main, logprob, columns)), figures)


def _rows(here: Frame, main: Binding, logprob: Floats, columns: Floats) -> Table:
    known = here.known
    own, image = own_columns(known.window, columns), mirror_columns(known, columns)
    ranks = column_ranks(known, logprob, columns)
    lean = dict(zip((int(t) for t in main.mirror.t), main.mirror.lean, strict=True))
    asked = np.flatnonzero(~np.isnan(logprob[:, 0]) & known.window.published)
    rows = tuple(
        (
            here.label(int(t)),
            plain(float(known.window.x[t])),
            plain(float(known.exact[known.best][t])),
            plain(float(columns[image[t]])) if image[t] >= 0 else None,
            plain(float(logprob[t, own[t]])),
            plain(float(ranks[t])),
            plain(float(lean[int(t)])) if int(t) in lean else None,
        )
        for t in asked
    )
    names = ("date", "published", f"b* ({known.best})", "mirror value", "log-prob, nats", "column rank", "lean, nats")
    return Table("dates", names, rows)
