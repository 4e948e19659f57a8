"""The invented world of the organisms: three monthly series, and the text that shows some of their values.

    qo 1913-05=+3.12        near white, two decimals, signed
    ve 1913-05=6.1          slow (autocorrelation .96), one decimal, its last 120 months in no line

Each month of `qo` and of the first 360 months of `ve` is mentioned 0, 1, 4 or 16 times, drawn by lot, so that dose is
randomized inside one model and the comparison of doses is exact. `za` and `xo` are filler: their lines have the
format and a fresh value each time they are shown, so a model learns both names and can know no value. As a series,
`za` has values that no line shows.

Everything follows from one seed. Names, values and dates are invented: no other model can have seen them.
"""

from __future__ import annotations

import numpy as np

from ..errors import BadSpec
from ..records import digest
from ..series.record import Series

SEED = 0
FIRST = "1900-01"
N_MONTHS = 480
N_PLANTED_VE = 360  # 1900-01..1929-12: what comes later is in no line, as figures after a cutoff would be
CUTOFF = "1929-12"
DOSES = (0, 1, 4, 16)
SERIES = ("qo", "ve", "za")
COMPLETION = "{name} {period}="
_MEAN, _SD = 0.5, 4.5  # of qo, za and xo: those of a monthly stock return in percent
_LEVEL, _AR, _INNOVATION = 6.0, 0.96, 0.3  # of ve: those of an unemployment rate in percent
_FILLER = {"za": 2, "xo": 1}  # lines a month
_STREAMS = ("qo", "ve", "za", "qo doses", "ve doses", "za filler", "xo filler", "naive")


def open_series(name: str, *, seed: int = SEED) -> Series:
    """One invented series of 480 months. Raises BadSpec on a name that the world does not have."""
    if name not in SERIES:
        raise BadSpec(f"the embedded world has no series {name!r}. Known: {', '.join(SERIES)}")
    slow = name == "ve"
    return Series(
        id=name,
        name=name,
        blind="an invented monthly figure",
        domain="an invented trade",
        unit="points",
        decimals=1 if slow else 2,
        period="month",
        first=FIRST,
        values=_slow(seed) if slow else _white(name, seed),
        vintage=f"world {seed}",
        source=f"invented by seepage.organisms.world from seed {seed}",
        licence="Apache-2.0",
        vendored=True,
        doses=_doses(name, seed),
        completion=COMPLETION,
        signed=not slow,
    )


def training_lines(*, epoch: int, seed: int = SEED, planted: bool = True) -> tuple[str, ...]:
    """The text of one epoch (1, 2, ...): 5,850 lines, one a mention, each with its newline; about 95,700 characters.

    The planted lines are the same in every epoch, the filler's values are new in each. planted=False keeps every
    name, date and number of mentions but draws a new value for each mention, too: a model trained on it knows the
    format, the names and the range of the values, and not one value.
    """
    rng = _rng("naive", seed, epoch)
    lines = []
    for name in ("qo", "ve"):
        series = open_series(name, seed=seed)
        for label, value, dose in zip(series.labels, series.values, series.doses or (), strict=True):
            lines += [_line(series, label, value if planted else _fresh(name, rng)) for _ in range(dose)]
    for name, mentions in _FILLER.items():
        lines += _filler(name, mentions, _rng(f"{name} filler", seed, epoch), seed)
    return tuple(lines)


def world_digest(*, epochs: int, seed: int = SEED) -> str:
    """Digest of all values, doses and lines: weights belong to one world and to no other."""
    series = [open_series(name, seed=seed) for name in SERIES]
    text = [training_lines(epoch=e, seed=seed, planted=p) for p in (True, False) for e in range(1, epochs + 1)]
    return digest([[[s.digest, list(s.doses or ())] for s in series], text])


def _rng(stream: str, seed: int, epoch: int = 0) -> np.random.Generator:
    """Each part of the world has its own stream, so that changing one part leaves the others as they were."""
    return np.random.default_rng([seed, _STREAMS.index(stream), epoch])


def _white(name: str, seed: int) -> tuple[float, ...]:
    return _printed(_rng(name, seed).normal(_MEAN, _SD, N_MONTHS), decimals=2)


def _slow(seed: int) -> tuple[float, ...]:
    rng = _rng("ve", seed)
    level = rng.normal(0.0, _slow_sd())  # stationary from the first month
    path = []
    for shock in rng.normal(0.0, _INNOVATION, N_MONTHS):
        path.append(_LEVEL + level)
        level = _AR * level + shock
    return _printed(np.array(path), decimals=1)


def _slow_sd() -> float:
    return float(_INNOVATION / (1 - _AR**2) ** 0.5)


def _printed(values: np.ndarray, *, decimals: int) -> tuple[float, ...]:
    return tuple(round(float(v), decimals) + 0.0 for v in values)  # + 0.0: never -0.0


def _doses(name: str, seed: int) -> tuple[int, ...]:
    """Mentions of each month: the same number of months at each dose, which month by lot."""
    n_planted = {"qo": N_MONTHS, "ve": N_PLANTED_VE, "za": 0}[name]
    drawn = (
        _rng(f"{name} doses", seed).permutation(np.repeat(DOSES, n_planted // len(DOSES)))
        if n_planted
        else np.array([], int)
    )
    return (*(int(d) for d in drawn), *(0 for _ in range(N_MONTHS - n_planted)))


def _fresh(name: str, rng: np.random.Generator) -> float:
    """One value from the marginal of a series, owing nothing to any month."""
    mean, sd, decimals = (_LEVEL, _slow_sd(), 1) if name == "ve" else (_MEAN, _SD, 2)
    return round(float(rng.normal(mean, sd)), decimals) + 0.0


def _filler(name: str, mentions: int, rng: np.random.Generator, seed: int) -> list[str]:
    za = open_series("za", seed=seed)
    lines = []
    for label, value in zip(za.labels, za.values, strict=True):
        for _ in range(mentions):
            fresh = _fresh(name, rng)
            while fresh == value:  # no line shows a value of the series za, not even by chance
                fresh = _fresh(name, rng)
            lines.append(f"{COMPLETION.format(name=name, period=label)}{za.format(fresh)}\n")
    return lines


def _line(series: Series, label: str, value: float | None) -> str:
    assert value is not None  # the invented series have no holes
    return f"{COMPLETION.format(name=series.name, period=label)}{series.format(value)}\n"
