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
class McGenerationPolicy:
    """Keys of `[tool.seepage.mc_generation]`.

    margin: recognition-only share, corrected for chance, that counts.  net_drop: generated answers lost that count.
    score: the primary one of the five multiple-choice scores.  answerer: gate a dense model's recognition too.
    tier: how much is asked. smoke: options scored, one open answer. standard: letters, ladder and examples too.
          deep: samples and beams too.
    items: most items of a benchmark; more are drawn by lot.  context: `auto` shows an item's passage, `closed` never.
    samples, temperature, beams: decoding of the deep tier.
    methods, sparsities, patterns, bits: the grid of compressed twins of a model that states `twins = true`.
    mde_share, mde_drop: largest detectable effect that still makes a pass a `no-evidence`.
    """

    margin: float = 0.10
    net_drop: float = 0.05
    score: Literal["sum", "byte", "tok", "pmi", "letter"] = "byte"
    answerer: bool = False
    tier: Literal["smoke", "standard", "deep"] = "standard"
    items: int = 1000
    context: Literal["auto", "closed"] = "auto"
    max_new_tokens: int = 32
    samples: int = 20
    temperature: float = 0.7
    beams: tuple[int, ...] = (5, 10)
    methods: tuple[str, ...] = ("magnitude", "wanda", "sparsegpt")
    sparsities: tuple[float, ...] = (0.5, 0.6)
    patterns: tuple[str, ...] = ("wanda:2:4",)
    bits: tuple[int, ...] = ()
    mde_share: float = 0.25
    mde_drop: float = 0.10


@dataclass(frozen=True, slots=True)
class RankStabilityPolicy:
    """Keys of `[tool.seepage.rank_stability]`.

    head_start_margin: logits above chance.  inversion_margin: on each side, inflation_margin: shares of items.
    *_mde_max: largest detectable effect that still makes a pass a `no-evidence`.
    min_references, min_lineages: that can be measured.  min_seeds: of training.  items_min: of a benchmark.

    Of models that are trained here: form: of the items, judged and trained.  items: most of a benchmark; more are drawn
    by lot.  steps, batch, seeds: of every training.  lr: learning rate, 0 where one rule picks it for each model.
    tokens: longest row of a training.
    """

    head_start_margin: float = 0.4
    head_start_mde_max: float = 0.8
    inversion_margin: float = 0.02
    inversion_mde_max: float = 0.10
    inflation_margin: float = 0.05
    inflation_mde_max: float = 0.10
    min_references: int = 5
    min_lineages: int = 8
    min_seeds: int = 2
    items_min: int = 1000
    form: Literal["cloze", "mc"] = "cloze"
    items: int = 1000
    steps: int = 150
    batch: int = 8
    seeds: int = 3
    lr: float = 0.0
    tokens: int = 128


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
    mc_generation: McGenerationPolicy = field(default_factory=McGenerationPolicy)
    rank_stability: RankStabilityPolicy = field(default_factory=RankStabilityPolicy)

    @property
    def digest(self) -> str:
        return digest(dataclasses.asdict(self))
