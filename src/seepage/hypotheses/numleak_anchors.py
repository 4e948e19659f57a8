"""Figures of the paper, printed beside ours as "paper, other models": never an expectation.

Kotawala, NumLeak, arXiv 2605.30393 (ICML 2026 workshop MemFM). Its models, its dates, its wordings.
"""

from __future__ import annotations

from typing import NamedTuple


class Anchor(NamedTuple):
    """One row of the paper. within: share within .25 of the unit. None: not printed there."""

    cell: str
    n: int | None
    parse: float | None
    r: float | None
    within: float | None
    sign: float | None
    mae: float | None


ANCHORS = (
    Anchor("Mkt-RF, Opus 4.7 (paper, other models)", 120, 1.00, 0.992, 0.600, 0.975, None),
    Anchor("Mkt-RF, Sonnet 4.6 (paper, other models)", 117, 0.975, 0.970, 0.350, 0.940, None),
    Anchor("Mkt-RF, Haiku 4.5 (paper, other models)", 120, 1.00, 0.572, 0.117, 0.733, None),
    Anchor("Mkt-RF, GPT-5.4 (paper, other models)", 120, 1.00, 0.944, 0.475, 0.892, None),
    Anchor("unemployment, Opus and Sonnet (paper, other models)", 30, 1.00, 1.000, 1.00, None, None),
    Anchor("CPI year on year, Sonnet (paper, other models)", 30, 0.97, 0.995, 0.93, None, None),
    Anchor("CPI year on year, Opus (paper, other models)", 30, 1.00, 1.000, 1.00, None, None),
)
FOOTNOTES = (
    "r proves nothing on a slow series: last month's value has r .96 on unemployment and .99 on CPI year on year.",
    "Parse rate is refusal policy; sign accuracy of an all-positive level is 1 for everyone.",
)
