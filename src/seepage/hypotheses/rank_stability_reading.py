"""What the claims about one model say together: items, format, task. A reading, never a verdict.

    items    it scores higher than its score on new items predicts (inflated_performance, synthetic)
    format   its multiple-choice score exceeds its cloze score by more than the references' (format_contrast)
    task     equal training moves it less than the references (head_start)

A cell that could not be judged reads "?", not "-", and then nothing is read from the three.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ..errors import NotTestable
from ..records import Detectable, Outcome, Table
from ..scores import ScoreBenchmark
from ..wording import figure
from . import rank_stability_format_contrast as format_contrast
from . import rank_stability_head_start as head_start
from . import rank_stability_inflated_performance as inflated_performance

# items, format, task -> what practice would explain them
READINGS: Mapping[str, str] = MappingProxyType(
    {
        "---": "no evidence of practice of the three kinds, within what could have been seen",
        "+--": "test items suspected: the surplus stays after equal training and does not carry to new items",
        "-++": "practised this answer format; no sign of test items",
        "--+": "practised the task, not the letters",
        "-+-": "format only, or training had not flattened: look at saturation",
        "+-+": "items and task",
        "++-": "items and format; equal training did not close it",
        "+++": "trained on test items in their own form, or on both: the tests cannot tell",
    }
)
UNREAD = "nothing is read from the three: at least one could not be judged"
WORDING: Mapping[tuple[str, str], str] = MappingProxyType(  # rephrased, synthetic
    {
        ("-", "+"): "rephrased copies were probably trained on",
        ("+", "-"): "verbatim items, or a poor rephrasing: read twenty by hand",
    }
)


@dataclass(frozen=True, slots=True)
class Sign:
    """One claim, judged for the reading. mark: "+", "-" or "?"."""

    claim: str
    mark: str
    said: str
    effect: float | None = None
    pvalue: float | None = None


def judge(bench: ScoreBenchmark, *, alpha: float, **given: Any) -> Outcome:
    """The signs of a model's claims and what they read as, each at the level of one gated claim. given: what their own
    judges are given."""
    given["alpha"] = alpha
    signs = [
        sign("items", lambda: inflated_performance.judge(bench, kind="synthetic", **given), alpha=alpha),
        sign("format", lambda: format_contrast.judge(bench, **given), alpha=alpha),
        sign("task", lambda: head_start.judge(bench, **given), alpha=alpha),
    ]
    read = READINGS.get("".join(each.mark for each in signs), UNREAD)
    notes: list[str] = []
    if "rephrased" in bench.kinds:
        reworded = sign("wording", lambda: inflated_performance.judge(bench, kind="rephrased", **given), alpha=alpha)
        signs.append(reworded)
        notes = [said for said in (WORDING.get((signs[3].mark, signs[0].mark)),) if said]
    marks = ", ".join(f"{each.claim} {each.mark}" for each in signs)
    return Outcome(
        finding=f"reads on {bench.id} as: {read} ({marks})",
        n=len(signs),
        statistic_name="claims with evidence",
        statistic=float(sum(each.mark == "+" for each in signs)),
        pvalue=None,
        gated=False,
        claim="practice, as the claims read together",
        notes=tuple(notes),
        tables=(
            Table(
                "signs",
                ("claim", "sign", "effect", "p", "said"),
                tuple((s.claim, s.mark, s.effect, s.pvalue, s.said) for s in signs),
            ),
        ),
    )


def sign(claim: str, judged: Callable[[], Outcome], *, alpha: float) -> Sign:
    """How a claim came out: found at the level and above its margin, not found with the power to, or neither."""
    try:
        made = judged()
    except NotTestable as reason:
        return Sign(claim, "?", str(reason))
    effect = made.effects[0]
    found = made.pvalue is not None and made.pvalue <= alpha
    met = effect.met if effect.margin is not None else effect.value > 0
    if found and met:
        mark, said = "+", made.finding
    elif made.inconclusive or not all(each.enough for each in made.detectable):
        mark, said = "?", made.inconclusive or "; ".join(map(_too_little, made.detectable))
    else:
        mark, said = "-", made.finding
    return Sign(claim, mark, said, effect.value, made.pvalue)


def _too_little(each: Detectable) -> str:
    return f"a {each.name} of {figure(each.value)} can be seen, {figure(each.limit or 0.0)} is asked for"
