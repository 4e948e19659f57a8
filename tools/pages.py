"""The pages that `make calibrate` writes: sections of one table each, faults first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One section of the page. faults: what a reader must not be spared."""

    title: str
    text: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    faults: tuple[str, ...] = ()


def over(rows: Iterable[Row], places: Iterable[int], high: int, name: str) -> tuple[str, ...]:
    """Faults of the rows that reject oftener than `high` in one of the columns `places`."""
    places = tuple(places)
    return tuple(
        f"{name}, {row[0]}: {row[place]} rejections, the bound is {high}"
        for row in rows
        for place in places
        if place < len(row) and isinstance(row[place], int) and row[place] > high
    )


def page(title: str, parts: Sequence[Part], *, written: str, packages: Sequence[str]) -> str:
    """Markdown. written: what ran and for how long, without a full stop; the versions of `packages` follow it."""
    versions = ", ".join(f"{name} {version}" for name in packages if (version := version_of(name)))
    lines = [f"# {title}", "", f"{written} with {versions}. No figure here is typed by hand.", ""]
    faults = [fault for part in parts for fault in part.faults]
    lines += ["**What is wrong:**", "", *(f"- {fault}" for fault in faults), ""] if faults else []
    for part in parts:
        lines += [f"## {part.title}", "", part.text, ""]
        lines += ["| " + " | ".join(part.columns) + " |", "|" + " --- |" * len(part.columns)]
        lines += ["| " + " | ".join(cell(value) for value in row) + " |" for row in part.rows]
        lines.append("")
    return "\n".join(lines)


def cell(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def write(document: Path, title: str, parts: Sequence[Part], *, written: str, packages: Sequence[str]) -> int:
    """Write the page and say what is wrong; the exit code."""
    document.parent.mkdir(parents=True, exist_ok=True)
    document.write_text(page(title, parts, written=written, packages=packages), encoding="utf-8")
    faults = [fault for part in parts for fault in part.faults]
    print("\n".join([f"wrote {document}", *faults]))
    return 1 if faults else 0


def version_of(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
