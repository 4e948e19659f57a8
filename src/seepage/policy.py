"""What a run asks for before it believes anything: levels, margins, sample sizes; every key of `[tool.seepage]`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .records import digest


@dataclass(frozen=True, slots=True)
class NumleakPolicy:
    """Keys of `[tool.seepage.numleak]`.

    dates: dates asked in text.  min_parsed: fewest parsed answers.
    rows: dates of the value matrix, the latest ones; 240 is enough for a large model on a CPU.
    excess, skill, win, delta: margins of the four effects.  hit_cap: hits a baseline may have at the resolution.
    acf: autocorrelation that counts as none.  matched: neighbours by forecast in the mirror test.
    margin_months, near_months: distance after the latest and before the earliest stated cutoff.
    phrasings: re-phrasings beside the direct question.
    mde_share, mde_win, mde_delta: largest detectable effect that still makes a pass a `no-evidence`.
    """

    dates: int = 120
    rows: int = 480
    min_parsed: int = 30
    min_post: int = 12
    excess: float = 0.10
    skill: float = 0.25
    win: float = 0.60
    delta: float = 0.25
    hit_cap: float = 0.10
    acf: float = 0.2
    matched: int = 40
    margin_months: int = 3
    near_months: int = 6
    phrasings: int = 3
    mde_share: float = 0.25
    mde_win: float = 0.70
    mde_delta: float = 0.60


@dataclass(frozen=True, slots=True)
class Policy:
    """Keys of `[tool.seepage]` that decide.

    alpha: family-wise level of the whole run.  alpha_share: family -> share of alpha, equal where unstated.
    on_inconclusive: `skip`, or `fail` to let no untested claim through.  severity: hypothesis -> Allure severity.
    """

    alpha: float = 0.05
    alpha_share: Mapping[str, float] = field(default_factory=dict)
    on_inconclusive: Literal["skip", "fail"] = "skip"
    seed: int = 0
    severity: Mapping[str, str] = field(default_factory=dict)
    numleak: NumleakPolicy = field(default_factory=NumleakPolicy)

    @property
    def digest(self) -> str:
        return digest(dataclasses.asdict(self))
