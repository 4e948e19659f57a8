"""One verdict as an Allure result: what is said, under which names, with which files beside it.

A result is a JSON object (`<uuid>-result.json`) that names its attachments (`<uuid>-attachment.svg`).
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seepage import verdicts

from . import pages, plots, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seepage.records import Outcome, Table, Verdict

SVG, CSV, JSON, TEXT, HTML = "image/svg+xml", "text/csv", "application/json", "text/plain", "text/html"
ENDINGS = {SVG: "svg", CSV: "csv", JSON: "json", TEXT: "txt", HTML: "html"}
OURS = (
    "epic",
    "feature",
    "story",
    "severity",
    "parentSuite",
    "suite",
    "subSuite",
    "package",
    "verdict",
    "role",
    "cell",
)
VERDICT_FILE = "verdict.json"


def status(verdict: Verdict) -> str:
    """Allure's word for how pytest counts it: xfailed is skipped in Allure, as it is in JUnit."""
    return {"error": "broken", "xfailed": "skipped"}.get(verdict.status, verdict.status)


def message(verdict: Verdict) -> str:
    """What Allure prints beside the status and groups by; inconclusive cells group by their reason."""
    word = words.shown(verdict)
    if word == "inconclusive":
        return words.plain(f"{word}: {verdict.reason or verdict.sentence}")
    return words.plain(f"{word}: {verdict.sentence}")


def dress(folder: str, result: dict[str, Any], verdict: Verdict) -> None:
    """Give a result (as read from JSON) its names, labels, parameters and description. Changes it in place."""
    cell, word = verdict.cell, words.shown(verdict)
    path = [cell.hypothesis, cell.model, words.target(verdict)]
    identity = hashlib.md5("/".join(path).encode(), usedforsecurity=False).hexdigest()
    result.update(name=f"{cell.hypothesis}: {cell.model} on {path[2]}", fullName=cell.key)
    result.update(testCaseId=identity, historyId=identity, titlePath=[cell.model, words.target(verdict)])
    labels = {
        "epic": cell.model,
        "feature": cell.target,
        "story": cell.hypothesis,
        "severity": cell.severity,
        "parentSuite": cell.model,
        "suite": cell.target,
        "subSuite": cell.hypothesis,
        "package": cell.hypothesis,
        "verdict": word,
        "role": cell.role,
        "cell": cell.key,
    }
    kept = [label for label in result.get("labels", []) if label["name"] not in OURS]
    result["labels"] = kept + [{"name": name, "value": words.plain(value)} for name, value in labels.items()]
    shown = {"model": verdict.model_spec or cell.model, "target": verdict.target_spec or cell.target}
    if cell.variant:
        shown["variant"] = cell.variant
    # excluded: they are shown, but a result keeps its history when the path of a checkpoint changes
    result["parameters"] = [
        {"name": name, "value": words.plain(value), "excluded": True} for name, value in shown.items()
    ]
    result["descriptionHtml"] = pages.verdict_page(verdict, pictures(folder, result))
    result.pop("description", None)
    if verdict.word != "no-evidence":
        details = result.get("statusDetails") or {}
        result["statusDetails"] = {**details, "message": message(verdict)}
        if details.get("trace"):
            result["statusDetails"]["trace"] = words.plain(details["trace"], keep_lines=True)


def dress_object(
    folder: str, result: Any, verdict: Verdict, outcome: Outcome | None, drawn: Sequence[tuple[str, bytes]]
) -> None:
    """The same for allure's own object, before it is written; its attachments are written now."""
    import attr
    from allure_commons.model2 import Attachment, Label, Parameter, StatusDetails, TestStepResult

    given: dict[str, Any] = attr.asdict(result, filter=lambda _, value: value or value is False)
    given["attachments"] = given.get("attachments", []) + attach_all(folder, verdict, drawn)
    dress(folder, given, verdict)
    for name in ("name", "fullName", "testCaseId", "historyId", "titlePath", "descriptionHtml"):
        setattr(result, name, given[name])
    result.description = None
    result.labels = [Label(**label) for label in given["labels"]]
    result.parameters = [Parameter(**parameter) for parameter in given["parameters"]]
    result.attachments = [Attachment(**attachment) for attachment in given["attachments"]]
    result.statusDetails = StatusDetails(**given["statusDetails"]) if given.get("statusDetails") else None
    for table in tables(verdict, outcome):
        step = TestStepResult(name=f"{table.name}: {len(table.rows)} rows", status="passed")
        step.start = step.stop = result.stop
        step.attachments = [Attachment(**attach(folder, f"{table.name}.csv", words.to_csv(table), CSV))]
        result.steps.append(step)


# --- attachments --------------------------------------------------------------------------------------------------


def draw(outcome: Outcome | None) -> tuple[tuple[str, bytes], ...]:
    """Title and SVG of every figure. Raises BadSpec where one cannot be drawn."""
    figures = outcome.figures if outcome else ()
    return tuple((words.plain(figure.title), plots.render(figure)) for figure in figures)


def attach_all(folder: str, verdict: Verdict, drawn: Sequence[tuple[str, bytes]]) -> list[dict[str, str]]:
    """Pictures, the command and the verdict itself; tables go into steps of their own."""
    made = [attach(folder, title, svg, SVG) for title, svg in drawn]
    if verdict.command:
        made.append(attach(folder, "the command that repeats it", words.plain(verdict.command) + "\n", TEXT))
    return [*made, attach(folder, VERDICT_FILE, as_json(verdict), JSON)]


def tables(verdict: Verdict, outcome: Outcome | None) -> list[Table]:
    placebos = [words.placebo_table(verdict.placebos)] if verdict.placebos else []
    return placebos + list(outcome.tables if outcome else ())


def attach(folder: str, name: str, body: str | bytes, kind: str) -> dict[str, str]:
    """Write one attachment file; returns the entry that names it in a result."""
    source = f"{uuid.uuid4()}-attachment.{ENDINGS[kind]}"
    write_file(Path(folder) / source, body)
    return {"name": name, "source": source, "type": kind}


def pictures(folder: str, result: dict[str, Any]) -> list[tuple[str, bytes]]:
    """Title and SVG of every picture of a result."""
    return [
        (entry["name"], (Path(folder) / entry["source"]).read_bytes())
        for entry in result.get("attachments", [])
        if entry.get("type") == SVG
    ]


def as_json(verdict: Verdict) -> str:
    """What `seepage.verdicts.from_json` reads, one field a line."""
    return json.dumps(json.loads(verdicts.to_json(verdict)), indent=1, ensure_ascii=False, allow_nan=False)


def write_file(path: Path, body: str | bytes) -> None:
    """Whole or not at all: a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    waiting = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    waiting.write_bytes(body.encode() if isinstance(body, str) else body)
    os.replace(waiting, path)
