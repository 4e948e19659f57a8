"""The trained organisms of rank_stability, judged from the answers that ship."""

from __future__ import annotations

from typing import Any

import numpy as np

from seepage.errors import NotTestable
from seepage.hypotheses import rank_stability_head_start as head_start
from seepage.hypotheses import rank_stability_inflated_performance as inflated_performance
from seepage.hypotheses import rank_stability_rank_inversion as rank_inversion
from seepage.organisms import TRAINED_ROLES, kinds_panel, kinds_recipe
from seepage.records import Cell, Member, ModelInfo
from seepage.scores import ScoreBenchmark
from seepage.verdicts import Decision, decide

GATES: dict[str, tuple[Any, dict[str, str]]] = {
    "head_start": (head_start, {}),
    "rank_inversion": (rank_inversion, {}),
    "inflated_performance": (inflated_performance, {"kind": "synthetic"}),
}
MUST = {("format", "head_start"): "leak", ("items", "inflated_performance"): "leak"}
UNPREPARED = [organism.name for organism in kinds_recipe.UNPREPARED]
NAMED_AT_MOST = 3  # of the twenty, at the level .05: four or more have a probability of .016


def shipped() -> ScoreBenchmark:
    return kinds_panel.bench(kinds_panel.PANEL, kinds_panel.UNPREPARED)


def judged(bench: ScoreBenchmark, gate: str, model: str) -> Decision:
    """What a gate says of one organism, beside the eight references."""
    module, more = GATES[gate]
    references = [organism.name for organism in kinds_recipe.PANEL if organism.name not in TRAINED_ROLES]
    panel = (Member(model, model), *(Member(name, name, "reference") for name in references))
    rng, info = np.random.default_rng(0), ModelInfo("scores:organisms", "0")
    given: dict[str, Any] = {"panel": panel, "model": model, "info": info, "policy": kinds_panel.POLICY, "rng": rng}
    try:
        outcome = module.judge(bench, alpha=0.05, **given, **more)
    except NotTestable as reason:
        return Decision("inconclusive", str(reason), str(reason))
    return decide(outcome, Cell(f"rank_stability.{gate}", model, "kinds", alpha=0.05))
