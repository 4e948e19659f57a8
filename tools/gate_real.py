"""Judge a real model on real series, then write down what the run said, whatever it said.

    python tools/gate_real.py [--config gates/real.toml] [--document docs/results/numleak-smollm2.md] [--write-only]

The document is made from evidence.jsonl and the pictures of the run alone: no figure in it is typed by hand.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from seepage import config
from seepage.records import Run, Verdict
from seepage.reports import jsonl, words
from seepage.store import Store

ROOT = Path(__file__).parents[1]
RESULTS = "allure-results"
PICTURES = 2


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="gates/real.toml")
    parser.add_argument("--document", default="docs/results/numleak-smollm2.md")
    parser.add_argument("--write-only", action="store_true", help="write the document of the last run again")
    given = parser.parse_args()
    command = f"pytest suites -k numleak --seepage-config {given.config} --alluredir {RESULTS} --clean-alluredir"
    settings = config.load_file(ROOT / given.config)
    status, held = 0, stored(ROOT / settings.store)
    if not given.write_only:
        started = time.monotonic()
        status = subprocess.run([sys.executable, "-m", *command.split()], cwd=ROOT, check=False).returncode
        print(f"{command}: exit code {status} after {(time.monotonic() - started) / 60:.1f} minutes")
        if status not in (0, 1):
            return status  # interrupted or refused: there is nothing to write down
    run = jsonl.read(ROOT / settings.out / "evidence.jsonl")
    document = ROOT / given.document
    document.parent.mkdir(parents=True, exist_ok=True)
    document.write_text(page(run, command=command, document=document, held=held), encoding="utf-8")
    print(f"wrote {given.document}")
    return status


def stored(path: Path) -> int:
    """Answers that an earlier run left: what is stored is not asked again, and the minutes say less."""
    if not path.exists():
        return 0
    store = Store(path, readonly=True)
    try:
        return store.count()
    finally:
        store.close()


def page(run: Run, *, command: str, document: Path, held: int) -> str:
    real = [v for v in run.verdicts if not v.model_spec.startswith("embedded:")]
    controls = [v for v in run.verdicts if v.model_spec.startswith("embedded:")]
    models = sorted({f"`{v.model_spec}` (digest `{v.model_digest[:12]}`)" for v in real if v.model_spec})
    parts = [
        f"# numleak on {', '.join(sorted({v.cell.model for v in real}))}",
        f"Written by `make gate-real`, which runs\n\n    {command}\n\n"
        f"on {run.started[:10]} in {run.seconds / 60:.0f} minutes on {os.cpu_count()} cores ({platform.machine()}); "
        f"{held} answers were stored before; exit code {run.exit_status}. Model: {', '.join(models)}. "
        "Controls: the embedded organisms.",
        f"**{words.summary(run)}.**",
        "## Verdicts, series × hypotheses",
        grid(real),
        "## Every verdict's sentence",
        *(sentences(real, hypothesis) for hypothesis in dict.fromkeys(v.cell.hypothesis for v in real)),
        "## Effects, intervals, detectable effects",
        effects(real),
        "## Placebos",
        placebos(real),
        "## Pictures",
        *pictures(real, document),
        "## The controls of this run",
        grid(controls),
        "## Families",
        "\n".join(
            f"- `{f.name}`: alpha {f.alpha:g} (share {f.share:g}), m = {f.m}, leaks: {len(f.leaks)}"
            for f in run.families
        ),
        "## Series and versions",
        "\n".join(
            f"- `{target}`: {spec}" for target, spec in dict.fromkeys((v.cell.target, v.target_spec) for v in real)
        ),
        ", ".join(f"{name} {version}" for name, version in sorted(run.versions.items())),
    ]
    return "\n\n".join(parts) + "\n"


def table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(columns), *([str(cell).replace("|", "\\|") for cell in row] for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def grid(given: list[Verdict]) -> str:
    made = words.grid(given)
    rows = ([row.model, row.target, *(words.shown(v) if v else "" for v in row.verdicts)] for row in made.rows)
    return table(["model", "series", *made.hypotheses], rows)


def sentences(given: list[Verdict], hypothesis: str) -> str:
    said = [f"- **{words.shown(v)}** — {words.plain(v.sentence)}" for v in given if v.cell.hypothesis == hypothesis]
    return f"### {hypothesis}\n\n" + "\n".join(said)


def effects(given: list[Verdict]) -> str:
    rows = (
        [
            v.cell.key,
            words.decision(v),
            "; ".join(map(words.effect_words, v.effects)),
            "; ".join(map(words.detectable_words, v.detectable)),
        ]
        for v in given
        if v.pvalue is not None
    )
    return table(["cell", "p", "effects", "detectable"], rows)


def placebos(given: list[Verdict]) -> str:
    rows = (
        [
            v.cell.key,
            p.name,
            "fired" if p.fired else "quiet",
            words.figure(p.pvalue),
            words.figure(p.effect),
            words.plain(p.note),
        ]
        for v in given
        for p in v.placebos
    )
    return table(["cell", "placebo", "", "p", "effect", "note"], rows)


def pictures(given: list[Verdict], document: Path) -> list[str]:
    """The first picture of the first gated cells that have one, copied beside the document."""
    folder = document.parent / "images"
    folder.mkdir(exist_ok=True)
    drawn = []
    for key in (v.cell.key for v in given if v.pvalue is not None):
        for name, source in attached(key):
            target = folder / f"{document.stem}-{len(drawn) + 1}{source.suffix}"
            shutil.copyfile(source, target)
            drawn.append(f"![{key}: {name}](images/{target.name})\n\n`{key}`: {name}")
            break
        if len(drawn) == PICTURES:
            break
    return drawn


def attached(key: str) -> list[tuple[str, Path]]:
    """(name, file) of the pictures that Allure holds for a cell."""
    for path in (ROOT / RESULTS).glob("*-result.json"):
        result = json.loads(path.read_text(encoding="utf-8"))
        if result.get("fullName", "").endswith(key) or result.get("testCaseId") == key:
            found = list(attachments(result))
            return [(a["name"], path.parent / a["source"]) for a in found if a["type"].startswith("image/")]
    return []


def attachments(result: dict) -> Iterable[dict]:
    yield from result.get("attachments", ())
    for step in result.get("steps", ()):
        yield from attachments(step)


if __name__ == "__main__":
    sys.exit(main())
