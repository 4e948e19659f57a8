"""From an outcome to a verdict, and from a run's verdicts to one family-wise decision.

A cell is judged alone at alpha * share * weight / sum of weights (Bonferroni). When all cells are in, `finalize` adds
what weighted Holm finds beyond that; it can only add leaks, never excuse one. Controls decide whether any of it counts.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from .errors import BadSpec
from .policy import Policy
from .records import Cell, Detectable, Effect, Family, Outcome, Placebo, Run, Status, Verdict, Word
from .stats.multiple import holm
from .wording import figure as figure

Record = TypeVar("Record", Verdict, Run, Cell)
CONTROLS = ("positive-control", "negative-control")


class Decision(NamedTuple):
    word: Word
    reason: str
    sentence: str


# --- levels: known once the cells are ------------------------------------------------------------------------------


def plan(cells: Sequence[Cell], policy: Policy) -> tuple[Cell, ...]:
    """The cells with the level each is judged at: alpha * share * weight / sum of the candidates' weights.

    m counts the gated candidates of a family; controls, references and report-only cells add nothing to it. Controls
    and references are judged at the level of a candidate of weight 1, so that they say something about the candidates.
    A cell outside the families (`gated=False`) is judged at alpha itself. Raises BadSpec where two cells share a key.
    """
    keys = [cell.key for cell in cells]
    if len(set(keys)) < len(keys):
        twice = sorted({key for key in keys if keys.count(key) > 1})
        raise BadSpec(
            f"two cells are both called {', '.join(twice)}; give models, series and benchmarks distinct ids, and every "
            "test a hypothesis of its own"
        )
    shares = alpha_shares({cell.family for cell in cells if cell.gated}, policy)
    ready = []
    for cell in cells:
        if not cell.gated:
            ready.append(dataclasses.replace(cell, alpha=policy.alpha, m=1, share=1.0, seed=policy.seed))
            continue
        weights = [other.weight for other in cells if counts(other) and other.family == cell.family]
        share, weight = shares[cell.family], cell.weight if counts(cell) else 1.0
        total = max(math.fsum(weights), weight)
        level = policy.alpha * share * (weight / total)
        m = max(1, len(weights))
        ready.append(dataclasses.replace(cell, alpha=level, m=m, share=share, seed=policy.seed))
    return tuple(ready)


def counts(cell: Cell) -> bool:
    """Whether a cell is one of its family's m: a gated candidate."""
    return cell.gated and cell.role == "candidate"


def alpha_shares(families: Iterable[str], policy: Policy) -> dict[str, float]:
    """Each family's share of alpha: as the policy states, the rest in equal parts. BadSpec where nothing is left."""
    names = sorted(set(families))
    stated = {name: float(policy.alpha_share[name]) for name in names if name in policy.alpha_share}
    open_names = [name for name in names if name not in stated]
    left = 1.0 - math.fsum(stated.values())
    if left < -1e-9 or (open_names and left <= 1e-9):
        raise BadSpec(
            f"alpha_share gives {', '.join(f'{k} {v:g}' for k, v in stated.items())}, which leaves {left:g}"
            f" for {', '.join(open_names) or 'nothing'}; shares of the families of a run must sum to at most 1"
        )
    return {name: stated.get(name, left / max(1, len(open_names))) for name in names}


# --- one cell ------------------------------------------------------------------------------------------------------


def decide(outcome: Outcome, cell: Cell) -> Decision:
    """The word an outcome earns at `cell.alpha`, before the role of the cell is looked at.

    Raises ValueError where a gated outcome has no p-value, or one outside 0..1.
    """
    said = f"{cell.model} {outcome.finding} ({_counted(outcome)})."
    fired = [placebo for placebo in outcome.placebos if placebo.fired]
    if fired:
        reason = "; ".join(f"placebo {p.name} fired{_placebo_figures(p)}" for p in fired)
        return Decision("broken", reason, f"{said} But nothing may be found there: {reason}.")
    if not outcome.gated:
        return Decision("inconclusive", "report only", f"{said} Report only.")
    if outcome.inconclusive:
        return Decision("inconclusive", outcome.inconclusive, f"{said} Inconclusive, {outcome.inconclusive}.")
    if outcome.pvalue is None:
        raise ValueError(f"{cell.key}: a gated outcome without a p-value; raise NotTestable, or set gated=False")
    if not 0.0 <= outcome.pvalue <= 1.0:
        raise ValueError(f"{cell.key}: p = {outcome.pvalue} is no probability")
    margins = [effect for effect in outcome.effects if effect.margin is not None]
    if outcome.pvalue <= cell.alpha:
        if _margins_met(margins, outcome.require):
            return Decision("leak", "", said)
        missed = ", ".join(_beside_margin(effect) for effect in margins if not effect.met)
        reason = f"significant, but under the margin: {missed}"
        return Decision("no-evidence", reason, f"{said} No evidence of {outcome.claim}: {reason}.")
    weak = [d for d in outcome.detectable if not d.enough]
    if weak:
        reason = f"power too low: {'; '.join(map(_too_weak, weak))}"
        return Decision("inconclusive", reason, f"{said} Inconclusive, {reason}.")
    found = "; ".join(f"{d.name} {figure(d.value)}{_unit(d.unit)}" for d in outcome.detectable)
    reason = f"p = {figure(outcome.pvalue)} at the level {figure(cell.alpha)}" + (
        f"; detectable: {found}" if found else ""
    )
    return Decision("no-evidence", reason, f"{said} No evidence of {outcome.claim}: {reason}.")


def _margins_met(margins: Sequence[Effect], require: str) -> bool:
    """No margin asks for nothing; else `any` of them, or `all` of them, must be met."""
    return not margins or (all if require == "all" else any)(effect.met for effect in margins)


def in_role(decision: Decision, cell: Cell, *, report_only: bool = False) -> Decision:
    """What the word means for a control: a positive control must leak, a negative control must not; else `broken`."""
    if cell.role == "negative-control" and decision.word == "leak":
        return _failed_control(decision, "the negative control leaks")
    if cell.role != "positive-control" or decision.word in ("leak", "broken") or report_only:
        return decision
    if decision.word == "inconclusive" and not cell.gated:
        return decision
    return _failed_control(decision, f"the positive control does not leak ({decision.word}: {decision.reason})")


def _failed_control(decision: Decision, reason: str) -> Decision:
    return Decision("broken", reason, f"{decision.sentence} But {reason}.")


def status_of(word: Word, cell: Cell, *, report_only: bool, on_inconclusive: str = "skip") -> Status:
    """How pytest counts a verdict."""
    if word == "broken":
        return "error"
    if word == "leak":
        return "failed" if counts(cell) else "xfailed"
    if word == "no-evidence":
        return "passed"
    return "failed" if on_inconclusive == "fail" and counts(cell) and not report_only else "skipped"


def headline(verdict: Verdict) -> str:
    """The one line that pytest, JUnit and Allure show for it."""
    if verdict.status == "xfailed":
        why = "expected leak" if verdict.cell.role == "positive-control" else "reference: not gated"
        return f"{why if verdict.cell.gated or why == 'expected leak' else 'instrument: not gated'}: {verdict.sentence}"
    return verdict.sentence


def verdict_from(outcome: Outcome, cell: Cell, *, on_inconclusive: str = "skip", **facts: Any) -> Verdict:
    """Judge an outcome. facts: further fields of `Verdict` (model_spec, versions, command, ...)."""
    outcome = plain(outcome)
    report_only = not outcome.gated
    decision = in_role(decide(outcome, cell), cell, report_only=report_only)
    return Verdict(
        cell=cell,
        word=decision.word,
        sentence=decision.sentence,
        reason=decision.reason,
        status=status_of(decision.word, cell, report_only=report_only, on_inconclusive=on_inconclusive),
        pvalue=None if outcome.inconclusive else outcome.pvalue,  # it decides nothing: it carries no p into its family
        statistic_name=outcome.statistic_name,
        statistic=outcome.statistic,
        n=outcome.n,
        effects=outcome.effects,
        detectable=outcome.detectable,
        placebos=outcome.placebos,
        report_only=report_only,
        claim=outcome.claim,
        require=outcome.require,
        notes=outcome.notes,
        **facts,
    )


def unjudged(word: Word, reason: str, cell: Cell, *, on_inconclusive: str = "skip", **facts: Any) -> Verdict:
    """A verdict where no outcome was reached: `inconclusive` (not testable) or `broken` (the instrument raised)."""
    reason = " ".join(reason.split())
    first = Decision(word, reason, f"{cell.model} on {cell.target}: {reason}")
    decision = in_role(first, cell)
    status = status_of(decision.word, cell, report_only=False, on_inconclusive=on_inconclusive)
    return Verdict(
        cell=cell, word=decision.word, sentence=decision.sentence, reason=decision.reason, status=status, **facts
    )


# --- a run ---------------------------------------------------------------------------------------------------------


def finalize(
    verdicts: Sequence[Verdict], policy: Policy, cells: Sequence[Cell] = ()
) -> tuple[tuple[Verdict, ...], tuple[Family, ...]]:
    """The verdicts with their Holm-adjusted p, and the families.

    cells: all planned cells, so that those that were never judged still count in m (as p = 1).
    First the controls: where one is broken, no candidate's leak or no-evidence on the same hypothesis counts. Then Holm
    a family; a candidate it rejects beyond Bonferroni, with its margin met, becomes a leak.
    """
    judged = _checked_by_controls(verdicts)
    families = []
    for name in sorted({v.cell.family for v in judged if v.cell.gated} | {c.family for c in cells if c.gated}):
        judged, family = _one_family(name, judged, policy, cells)
        families.append(family)
    return tuple(judged), tuple(families)


def _checked_by_controls(verdicts: Sequence[Verdict]) -> list[Verdict]:
    broken: dict[str, list[str]] = {}
    for verdict in verdicts:
        if verdict.cell.role in CONTROLS and verdict.word == "broken":
            broken.setdefault(verdict.cell.hypothesis, []).append(verdict.cell.key)
    checked = []
    for verdict in verdicts:
        controls = broken.get(verdict.cell.hypothesis)
        if controls and counts(verdict.cell) and verdict.word in ("leak", "no-evidence"):
            reason = f"its control is broken: {', '.join(controls)}"
            verdict = broken_by(verdict, reason)
        checked.append(verdict)
    return checked


def broken_by(verdict: Verdict, reason: str) -> Verdict:
    """The verdict, broken for a reason found after it was reached."""
    sentence = f"{verdict.sentence} But {reason}."
    return dataclasses.replace(verdict, word="broken", status="error", reason=reason, sentence=sentence)


def _one_family(
    name: str, judged: list[Verdict], policy: Policy, cells: Sequence[Cell]
) -> tuple[list[Verdict], Family]:
    members = [i for i, v in enumerate(judged) if counts(v.cell) and v.cell.family == name]
    done = {judged[i].cell.key for i in members}
    never = [c.weight for c in cells if counts(c) and c.family == name and c.key not in done]
    known = [v.cell for v in judged if v.cell.gated and v.cell.family == name]
    share = (known or [c for c in cells if c.gated and c.family == name])[0].share
    level = policy.alpha * share
    pvalues = [_family_p(judged[i]) for i in members]
    adjusted = holm(
        [1.0 if p is None else p for p in pvalues] + [1.0] * len(never),
        weights=[judged[i].cell.weight for i in members] + never,
    )
    m = len(members) + len(never)
    for i, p, p_holm in zip(members, pvalues, adjusted, strict=False):
        if p is not None:
            judged[i] = _after_holm(judged[i], p_holm, level=level, m=m)
    leaks = tuple(judged[i].cell.key for i in members if judged[i].word == "leak")
    return judged, Family(name=name, alpha=level, share=share, m=m, leaks=leaks)


def _family_p(verdict: Verdict) -> float | None:
    """The p a verdict carries into its family: none where nothing was computed, or where it does not count."""
    return None if verdict.report_only or verdict.word == "broken" else verdict.pvalue


def _after_holm(verdict: Verdict, adjusted: float, *, level: float, m: int) -> Verdict:
    verdict = dataclasses.replace(verdict, adjusted=adjusted)
    margins = [effect for effect in verdict.effects if effect.margin is not None]
    if verdict.word == "leak" or adjusted > level or not _margins_met(margins, verdict.require):
        return verdict
    reason = f"{verdict.claim} by Holm over the {m} cells of the family, adjusted p = {figure(adjusted)}"
    begin = verdict.sentence.split(f" No evidence of {verdict.claim}:")[0].split(" Inconclusive, ")[0]
    return dataclasses.replace(
        verdict, word="leak", status="failed", reason=reason, sentence=f"{begin} This is {reason}."
    )


# --- words and figures ---------------------------------------------------------------------------------------------


def _counted(outcome: Outcome) -> str:
    return f"n = {outcome.n}" + ("" if outcome.pvalue is None else f", p = {figure(outcome.pvalue)}")


def _unit(unit: str) -> str:
    return f" {unit}" if unit else ""


def _placebo_figures(placebo: Placebo) -> str:
    parts = [f"p = {figure(placebo.pvalue)}"] if placebo.pvalue is not None else []
    parts += [f"effect {figure(placebo.effect)}"] if placebo.effect is not None else []
    parts += [placebo.note] if placebo.note else []
    return f" ({', '.join(parts)})" if parts else ""


def _beside_margin(effect: Effect) -> str:
    margin = math.nan if effect.margin is None else effect.margin
    end = f", lower end {figure(effect.low)}" if effect.decides == "low" and effect.low is not None else ""
    return f"{effect.name} {figure(effect.value)}{_unit(effect.unit)}{end} (margin {figure(margin)})"


def _too_weak(detectable: Detectable) -> str:
    limit = math.nan if detectable.limit is None else detectable.limit
    found = f"{detectable.name} of {figure(detectable.value)}{_unit(detectable.unit)} or more would have been found"
    return f"only a {found}, the policy asks for {figure(limit)}"


# --- the trip between processes ------------------------------------------------------------------------------------


def to_json(record: Verdict | Run | Cell) -> str:
    """One line of JSON. Raises ValueError on a number that is not finite."""
    return json.dumps(dataclasses.asdict(record), allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def from_json(text: str, kind: type[Record] = Verdict) -> Record:  # type: ignore[assignment]
    """Exactly the record that `to_json` wrote. Raises BadSpec where the text is not one."""
    try:
        record: Record = _built(kind, json.loads(text))
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise BadSpec(f"this is no {kind.__name__} of seepage: {text[:80]!r} ({error})") from error
    return record


def plain(outcome: Outcome) -> Outcome:
    """The outcome with numpy's numbers and booleans turned into Python's, exactly."""
    taken: Outcome = _plain(outcome)
    return taken


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.replace(value, **{f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)})
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        items = [_plain(item) for item in value]
        return tuple(items) if isinstance(value, tuple) else items
    if type(value).__module__ == "numpy":
        return _plain(value.tolist())
    return value


_hints = functools.cache(typing.get_type_hints)  # it compiles every annotation anew


def _built(kind: Any, content: Any) -> Any:
    """Plain JSON to the record its annotations describe."""
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = _hints(kind)
        return kind(**{key: _built(hints[key], value) for key, value in content.items()})
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return None if content is None else _built(next(a for a in inner if a is not type(None)), content)
    if origin is tuple:
        return tuple(_built(inner[0], item) for item in content)
    return content
