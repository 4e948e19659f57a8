"""What both claims of mc_generation need before they decide: fit calibration, readable answers, scores that agree."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .. import calibration
from ..benchmarks.record import Benchmark
from ..errors import Broken
from ..records import ModelInfo
from ..stats.recognition import Recognition
from ..wording import percent
from .mc_generation_reading import JUDGES, SCORES, Seen

MOST_DISPUTED = 0.05  # of items on which the strict and the lenient judge differ
MOST_FAILED = 0.20  # of open answers that are no answers
FEW_APART = 1  # scores that may stand on the other side: 4 of 5, 3 of 4


def unfit(bench: Benchmark, info: ModelInfo) -> None:
    """Raises Broken where a compressed model was calibrated on text that shares 8 words with an item."""
    if "calibrated" not in info.derived:
        return
    texts = [" ".join(filter(None, [item.context, item.question])) for item in bench.items]
    hits = calibration.overlap(texts, calibration.text())
    if hits:
        raise Broken(
            f"{info.spec} was calibrated on text that shares 8 words in a row with {len(hits)} items of {bench.id}, "
            f"{bench.items[hits[0]].id} among them; calibrate on another text."
        )


def precondition(seen: Seen) -> str:
    """Why the open answers cannot be judged, "" where they can."""
    disputed = float(np.mean(seen.generated("strict") != seen.generated("lenient")))
    if disputed > MOST_DISPUTED:
        return (
            f"the strict and the lenient judge differ on {percent(disputed)} of the items, at most "
            f"{percent(MOST_DISPUTED)} are allowed: the model wraps its answers in sentences, or the benchmark lacks "
            "aliases"
        )
    kinds = [read.failure for read in seen.opened]
    failed = float(np.mean([bool(kind) for kind in kinds]))
    if failed > MOST_FAILED:
        counted = ", ".join(f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds) - {""}))
        return f"{percent(failed)} of the open answers are no answers ({counted}): the set-up, not the model"
    return ""


def agreement(found: Mapping[tuple[str, str], Recognition], *, primary: str, margin: float, leak: bool) -> str:
    """Why the scores do not agree, "" where they do.

    For a leak all scores but one must lie above the margin under both judges. Without one, no score may lie above it
    with its lower bound: a model that recognises by one score alone is neither here nor there.
    """
    names = [score for score in SCORES if (score, JUDGES[0]) in found]
    if leak:
        under = [s for s in names if min(found[s, judge].ro for judge in JUDGES) <= margin]
        return f"scores disagree: {', '.join(under)} under the margin" if len(under) > FEW_APART else ""
    above = [s for s in names if s != primary and min(found[s, judge].low for judge in JUDGES) > margin]
    return f"scores disagree: {', '.join(above)} above the margin, {primary} not" if above else ""
