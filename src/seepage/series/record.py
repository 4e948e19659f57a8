"""A published series: one value a period, exactly as printed."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import numpy as np

from ..records import digest
from . import periods


@dataclass(frozen=True, slots=True)
class Series:
    """One published series.

    id: short and stable.  name: as written in prompts.  blind: describes it without the name.  domain: for the mood
    prompt.  unit: in words.  decimals: as published; the tick is 10**-decimals.
    first: label of the first period.  values: one a period, None for a hole (never asked, never interpolated).
    season: periods a season (0, 4, 12), 0 for none.  lag_days: period end to first publication.
    vintages: other prints that also count as right, each as long as `values`.
    transforms: accepted forms, declared in advance.  siblings: ids of the same library.
    doses: mentions of each date in an organism's training text (organisms only).
    completion: line form with {name} and {period} in which an organism was trained; None for real series.
    signed: positive values are written with "+".
    """

    id: str
    name: str
    blind: str
    domain: str
    unit: str
    decimals: int
    period: periods.Kind
    first: str
    values: tuple[float | None, ...]
    season: int = 0
    lag_days: int = 30
    vintage: str = ""
    vintages: tuple[tuple[float | None, ...], ...] = ()
    transforms: tuple[str, ...] = ("level",)
    source: str = ""
    licence: str = ""
    vendored: bool = False
    siblings: tuple[str, ...] = ()
    doses: tuple[int, ...] | None = None
    completion: str | None = None
    signed: bool = False

    def __len__(self) -> int:
        return len(self.values)

    @property
    def tick(self) -> float:
        return float(10.0**-self.decimals)

    @property
    def x(self) -> np.ndarray:
        """[N] float64; NaN marks a hole."""
        return np.array([np.nan if v is None else v for v in self.values], dtype=np.float64)

    @property
    def labels(self) -> tuple[str, ...]:
        start = periods.ordinal(self.first, self.period)
        return tuple(periods.label(start + i, self.period) for i in range(len(self.values)))

    def spoken(self, index: int) -> str:
        return periods.spoken(self.labels[index], self.period)

    def published(self, index: int) -> datetime.date:
        """First day on which the value of this period was public."""
        return periods.last_day(self.labels[index], self.period) + datetime.timedelta(days=self.lag_days)

    def format(self, value: float) -> str:
        """The value as printed: sign and decimals, no padding. Never "-0.00"."""
        text = f"{value:{'+' if self.signed else ''}.{self.decimals}f}"
        return text.replace("-", "+" if self.signed else "", 1) if float(text) == 0 and text.startswith("-") else text

    @property
    def digest(self) -> str:
        """Of everything that decides what is asked and what counts as right; not of where it was read."""
        told = [self.name, self.blind, self.domain, self.unit, self.decimals, self.signed, self.completion]
        prints = [list(self.values), *map(list, self.vintages)]
        return digest([told, self.period, self.first, prints, self.season, self.lag_days, list(self.transforms)])
