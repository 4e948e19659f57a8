"""What recall, binding and dose share: the calendar of a series, the dates asked, and what is drawn of a null."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import BackendError, NotTestable
from ..policy import NumleakPolicy
from ..records import Answer, Figure, ModelInfo, Scored, Table
from ..series import periods
from ..series.record import Series
from ..stats import dates
from ..stats.binding import value_columns
from . import numleak_prompts as prompts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DRAWN = 4_000  # null draws that a histogram is made of
REACH = 24  # periods on either side in a shift profile


@dataclass(frozen=True, slots=True)
class Frame:
    """A series with what its forecasters know. start: index in the series of the window's first period."""

    series: Series
    known: dates.Forecasters
    start: int

    def label(self, t: int) -> str:
        """Label of period t of the window."""
        return prompts.label(self.series, self.start + t)

    def latest(self, n: int) -> Frame:
        """The last n periods, with forecasters fitted to them."""
        cut = max(0, len(self.known.window) - n)
        return Frame(self.series, self.known.latest(n), self.start + cut)


def frame(series: Series, policy: NumleakPolicy) -> Frame:
    """Raises NotTestable where no test on dates of this series can be read."""
    known = dates.forecasters(dates.window(series), hit_cap=policy.hit_cap, acf=policy.acf)
    return Frame(series, known, dates.window_start(series))


def draw_dates(window: dates.Window, n: int, *, rng: np.random.Generator) -> Ints:
    """[<= n] published periods of the window in time order, drawn without replacement."""
    there = np.flatnonzero(window.published)
    return np.sort(rng.choice(there, size=min(n, len(there)), replace=False))


def asked(frame: Frame, answers: Iterable[str], prefix: str) -> Ints:
    """Periods of the window that the tags "{prefix}/{label}" name, in time order, whatever the order of the tags."""
    labels = [tag.removeprefix(f"{prefix}/") for tag in answers if tag.startswith(f"{prefix}/")]
    first = periods.ordinal(frame.series.first, frame.series.period) + frame.start
    return np.array(sorted(periods.ordinal(text, frame.series.period) - first for text in labels), dtype=np.int64)


def needs(info: ModelInfo, kind: str, what: str) -> None:
    """Raises NotTestable where the model cannot answer this kind of request."""
    if kind not in info.access:
        words = {"generate": "text", "score": "log-probabilities"}[kind]
        raise NotTestable(f"{info.spec} gives no {words}, which {what} needs; it answers {', '.join(info.access)}.")


def matrix(frame: Frame, answers: Mapping[str, Answer], *, prefix: str = "M") -> tuple[Floats, Floats]:
    """(L [N, V] nats with NaN rows where a date was not asked, columns [V]) from answers tagged "{prefix}/{label}".

    Rows go by the date in the tag and columns by value, so neither depends on the order of the answers.
    Raises BackendError where an answer does not hold one finite sum a column.
    """
    columns = value_columns(frame.known.window)
    logprob = np.full((len(frame.known.window), len(columns)), np.nan)
    for t in asked(frame, answers, prefix):
        answer = answers[f"{prefix}/{frame.label(int(t))}"]
        if not isinstance(answer, Scored) or len(answer.sums) != len(columns):
            raise BackendError(f"{frame.label(int(t))}: {len(columns)} log-prob sums were asked for, one a value.")
        logprob[t] = answer.sums
        if not np.isfinite(logprob[t]).all():
            raise BackendError(f"{frame.label(int(t))}: a log-prob sum is not finite.")
    return logprob, columns


def null_figure(title: str, null: Floats, observed: float, *, x: str) -> Figure:
    values = [float(v) for v in null[:DRAWN]]
    return Figure("histogram", title, x, "draws", {"values": values, "observed": float(observed)})


def profile_figure(
    title: str, shifts: Ints, curves: Mapping[str, Sequence[float | None]], null: Floats, *, y: str
) -> Figure:
    """A curve over shifts beside the 99 % band of the null at shift 0."""
    low, high = (float(v) for v in np.quantile(null, [0.005, 0.995]))
    content = {
        "x": [int(k) for k in shifts],
        "curves": {name: [plain(v) for v in values] for name, values in curves.items()},
        "bands": {"null, 99 %": [[low] * len(shifts), [high] * len(shifts)]},
        "marks": {"own date": 0},
    }
    return Figure("lines", title, "shift, periods", y, content)


def baseline_table(known: dates.Forecasters) -> Table:
    rows = tuple(
        (name, known.mae[name], known.hits[name], "b*" * (name == known.best) + " b^h" * (name == known.hitter))
        for name in sorted(known.mae, key=lambda name: known.mae[name])
    )
    return Table("baselines", ("forecaster", "MAE", "hits", "chosen as"), rows)


def plain(value: float | None) -> float | None:
    """A float, or None where there is no number."""
    return None if value is None or not np.isfinite(value) else float(value)
