"""One picture a benchmark and method: how far each rung of the ladder falls as a model is compressed.

Read from the Allure results of a run: the table "ladder" of every recognition cell.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path

from seepage.records import Figure, Verdict
from seepage.reports import plots

RUNGS = ("open", "format", "options shown", "sum", "byte", "tok", "pmi", "letter")
TWIN = re.compile(r"(?P<dense>.+)\.(?P<method>magnitude|wanda|sparsegpt)(?P<percent>[\d.]+)")


def pictures(verdicts: list[Verdict], results: Path, document: Path) -> list[str]:
    """Draws them beside the document; returns the markdown that shows them."""
    steps = {(v.cell.target, v.cell.model): rungs(results, v.cell.key) for v in verdicts if recognition(v)}
    shown = []
    for bench, method in sorted({(target, m["method"]) for (target, model) in steps if (m := TWIN.fullmatch(model))}):
        levels = dict(sorted(levels_of(steps, bench, method)))
        if len(levels) < 2:
            continue
        title = f"{bench}: the ladder as {method} prunes"
        target = document.parent / "images" / f"{document.stem}-ladder-{bench}-{method}.svg"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(plots.render(figure(title, levels)))
        shown.append(f"![{title}](images/{target.name})")
    return shown


def recognition(verdict: Verdict) -> bool:
    return verdict.cell.hypothesis == "mc_generation.recognition"


def levels_of(
    steps: dict[tuple[str, str], dict[str, float]], bench: str, method: str
) -> Iterator[tuple[float, dict[str, float]]]:
    """(percent of weights pruned, rung -> share right); the dense model is 0."""
    for (target, model), shares in steps.items():
        twin = TWIN.fullmatch(model)
        if target == bench and shares and (twin is None or twin["method"] == method):
            yield (0.0 if twin is None else float(twin["percent"])), shares


def figure(title: str, levels: dict[float, dict[str, float]]) -> Figure:
    names = [name for name in RUNGS if all(name in shares for shares in levels.values())]
    content = {
        "x": list(levels),
        "curves": {name: [shares[name] for shares in levels.values()] for name in names},
        "caption": "What is said (open) and what is picked, on the same items; 0 is the dense model.",
    }
    return Figure("lines", title, "% of weights pruned", "share right", content)


def rungs(results: Path, key: str) -> dict[str, float]:
    """Rung -> share right, from the newest result of a cell; empty where it was not judged."""
    for path in sorted(results.glob("*-result.json"), key=lambda p: p.stat().st_mtime, reverse=True):
        result = json.loads(path.read_text(encoding="utf-8"))
        if any(label["name"] == "cell" and label["value"] == key for label in result.get("labels", ())):
            for step in result.get("steps", ()):
                for attached in step.get("attachments", ()):
                    if attached["name"] == "ladder.csv":
                        return read(path.parent / attached["source"])
    return {}


def read(path: Path) -> dict[str, float]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["rung"]: float(row["share right"]) for row in csv.DictReader(file)}
