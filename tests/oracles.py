"""Nine models whose knowledge we know, and three series to ask them about: a third-party backend in one file.

    oracle = Oracle("carry-forward", [white()])      # closes over the series; finds name and date in the prompt
    stub:carry-forward                               # the same through `pytest_seepage_open_model`  (-p oracles)
    stub:slow                                        # its series through `pytest_seepage_open_series`

generate answers x̂_t as printed; score answers L[t, v] = -(v - x̂_t)^2 / (2 MAE(b*)^2) + .5 N(0, 1), nats. The noise of a
cell follows from its prompt and value, so an oracle answers the same in any order and in any batch.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from seepage.errors import BackendError
from seepage.records import Answer, Generate, Generated, ModelInfo, Request, Score, Scored
from seepage.series import Series, periods
from seepage.stats import dates

NAMES = (
    "perfect",
    "refuser",
    "fabricator",
    "climatology",
    "carry-forward",
    "off-by-one",
    "noisy-quarter-tick",
    "noisy-one-sd",
    "pre-cutoff-only",
    "unit-swapper",
    "unit-swapper-anomaly",
)
REFUSAL = "I cannot give published figures."
SIZE = 480
CUTOFF = "1934-12"  # of pre-cutoff-only; the synthetic series run from 1900-01 to 1939-12


class Oracle:
    """A model that knows exactly what its name says about each of its series."""

    def __init__(
        self, name: str, series: Sequence[Series], *, chat: bool = True, seed: int = 0, cutoff: str = CUTOFF
    ) -> None:
        if name not in NAMES:
            raise ValueError(f"no oracle {name!r}; known: {', '.join(NAMES)}")
        self.name, self.seed, self.cutoff = name, seed, cutoff
        self.series = tuple(series)
        self.info = ModelInfo(
            spec=f"stub:{name}",
            digest=hashlib.sha256(f"{name} {seed} {cutoff} {[s.digest for s in series]}".encode()).hexdigest(),
            chat=chat,
            end_of_turn="<end>",
            access=("generate", "score"),
        )
        self._knowledge = {s.name: _Knowledge(name, s, seed=seed, cutoff=cutoff) for s in self.series}

    def answers(self, requests: Sequence[Request]) -> Iterator[tuple[int, Answer]]:
        for index, request in enumerate(requests):
            if isinstance(request, Generate):
                yield index, Generated(self._text(request.prompt), "end", 5)
            elif isinstance(request, Score):
                yield index, Scored(self._sums(request))
            else:
                raise BackendError("an oracle has no layers")

    def close(self) -> None:
        pass

    def _about(self, prompt: str) -> tuple[_Knowledge, int | None]:
        """Whose series is asked about, and which date; another name gets what the first series knows."""
        named = [n for n in self._knowledge if re.search(rf"(?<!\w){re.escape(n)}(?!\w)", prompt)]
        known = self._knowledge[max(named, key=len) if named else self.series[0].name]
        return known, known.date(prompt)

    def _text(self, prompt: str) -> str:
        known, index = self._about(prompt)
        return known.text(index) if index is not None else REFUSAL

    def _sums(self, request: Score) -> tuple[float, ...]:
        known, index = self._about(request.prompt)
        values = np.array([float(re.sub(r"[^-+.\d]", "", c)) for c in request.continuations])
        if index is None or np.isnan(known.estimate[index]):
            return tuple(0.0 for _ in values)
        noise = _noise(f"{self.seed} {request.prompt}", len(values))
        return tuple(float(v) for v in -((values - known.estimate[index]) ** 2) / (2 * known.mae**2) + 0.5 * noise)


class _Knowledge:
    """What one oracle believes of one series: estimate [N] (NaN: refuses), and how it says it."""

    def __init__(self, name: str, series: Series, *, seed: int, cutoff: str) -> None:
        calendar = dates.window(series)
        known = dates.forecasters(calendar, hit_cap=0.1, acf=0.2)
        rng = np.random.default_rng([seed, NAMES.index(name), len(series)])
        self.series, self.mae = series, known.mae[known.best]
        self.swap: Callable[[float, int], str] | None = None
        x, start = calendar.x, dates.window_start(series)
        here = beliefs(name, known, rng)
        if name == "pre-cutoff-only":
            last = periods.ordinal(cutoff, series.period) - periods.ordinal(series.first, series.period) - start
            here = np.where(np.arange(len(x)) <= last, here, np.nan)
        self.estimate = np.concatenate([np.full(start, np.nan), dates.publish(here, series.decimals)])
        if name == "unit-swapper":
            self.swap = lambda value, _: f"{value / 100:+.{series.decimals + 2}f}"
        if name == "unit-swapper-anomaly":
            usual = dates.climatology(calendar)
            self.swap = lambda value, index: f"{value - usual[index - start]:+.{series.decimals + 2}f}"
        self._places = places(series)

    def date(self, prompt: str) -> int | None:
        """The date that the prompt names; the last one, where it names several."""
        found = [self._places[m.group()] for m in _LABEL.finditer(prompt) if m.group() in self._places]
        return found[-1] if found else None

    def text(self, index: int) -> str:
        value = float(self.estimate[index])
        if np.isnan(value):
            return REFUSAL
        return self.swap(value, index) if self.swap else self.series.format(value)


_LABEL = re.compile(
    r"\d{4}-\d\d-\d\d|\d{4}-\d\d|\d{4}Q\d|the (?:first|second|third|fourth) quarter of \d{4}"
    r"|(?:\d{1,2} )?[A-Z][a-z]+ \d{4}"
)


def places(series: Series) -> dict[str, int]:
    labels = series.labels
    return {form: i for i, text in enumerate(labels) for form in (text, periods.spoken(text, series.period))}


def beliefs(name: str, known: dates.Forecasters, rng: np.random.Generator) -> np.ndarray:
    """[N] what the oracle of this name takes the values to be, in the series' unit; NaN where it refuses."""
    x, best = known.window.x, known.exact[known.best]
    surprise = float(np.nanstd(x - best))
    if name in ("perfect", "pre-cutoff-only", "unit-swapper", "unit-swapper-anomaly"):
        return x
    return {
        "refuser": np.full(len(x), np.nan),
        "fabricator": rng.normal(np.nanmean(x), np.nanstd(x), len(x)),
        "climatology": known.exact.get("month mean", known.exact["mean"]),
        "carry-forward": known.exact["carry-forward"],
        "off-by-one": np.append(x[1:], x[-1]),
        "noisy-quarter-tick": x + rng.normal(0, known.window.tick / 4, len(x)),
        "noisy-one-sd": x + rng.normal(0, surprise, len(x)),
    }[name]


def _noise(seed: str, n: int) -> np.ndarray:
    return np.random.default_rng(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8])).normal(size=n)


# --- series ---------------------------------------------------------------------------------------------------------


def synthetic(kind: str, *, seed: int = 0, n: int = SIZE) -> Series:
    """`white`: like a monthly stock return.  `slow`: AR(.96), like an unemployment rate.  `seasonal`: a temperature."""
    rng = np.random.default_rng([seed, ("white", "slow", "seasonal").index(kind)])
    if kind == "white":
        return series_of(kind, rng.normal(0.5, 4.5, n), decimals=2, unit="percent")
    if kind == "slow":
        path = [rng.normal(0, 0.3 / np.sqrt(1 - 0.96**2))]
        for shock in rng.normal(0, 0.3, n - 1):
            path.append(0.96 * path[-1] + shock)
        return series_of(kind, 6 + np.array(path), decimals=1, unit="percent")
    wave = 55 + 20 * np.cos(2 * np.pi * np.arange(n) / 12)
    return series_of(kind, wave + rng.normal(0, 2.5, n), decimals=1, unit="degrees", season=12)


def series_of(
    name: str, values: np.ndarray, *, decimals: int, unit: str = "percent", season: int = 0, first: str = "1900-01"
) -> Series:
    """A monthly series of these values as published; NaN becomes a hole."""
    return Series(
        id=name,
        name=f"the {name} index of Aldermoor",
        blind="a monthly economic figure",
        domain="an invented trade",
        unit=unit,
        decimals=decimals,
        period="month",
        first=first,
        values=tuple(None if np.isnan(v) else round(float(v), decimals) + 0.0 for v in values),
        season=season,
    )


KINDS = ("white", "slow", "seasonal")


# --- the same as a third party's plugin: pytest -p oracles -----------------------------------------------------------


def pytest_seepage_open_model(spec: str) -> Oracle | None:
    """`stub:NAME`, or `stub:NAME/completion` for one without a chat template; knows the three synthetic series."""
    scheme, _, rest = spec.partition(":")
    if scheme != "stub":
        return None
    name, _, form = rest.partition("/")
    return Oracle(name, [synthetic(kind) for kind in KINDS], chat=form != "completion")


def pytest_seepage_open_series(spec: str) -> Series | None:
    """`stub:white`, `stub:slow`, `stub:seasonal`."""
    scheme, _, kind = spec.partition(":")
    return synthetic(kind) if scheme == "stub" and kind in KINDS else None
