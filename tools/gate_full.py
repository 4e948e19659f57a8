"""Train and ask the panel of organisms anew, judge it through the suites, and compare with the verdicts that ship.

    python tools/gate_full.py                    exit code 1 where a verdict differs
    python tools/gate_full.py --write            replaces the shipped answers, those of twenty unprepared organisms too
    python tools/gate_full.py --folder DIR       keeps organisms and answers there, and goes on where it was killed

Needs the extra `train`. About ten minutes on two idle cores; --write takes three times as long.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one process a core; before numpy is imported

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]

from seepage import organisms  # noqa: E402
from seepage.benchmarks.record import Item  # noqa: E402
from seepage.organisms import kinds, kinds_panel, kinds_recipe  # noqa: E402
from seepage.panels import Part, Room, part_of  # noqa: E402
from seepage.store import Store  # noqa: E402

VERSIONS = ("numpy", "tokenizers", "torch", "transformers")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="replace the shipped answers")
    parser.add_argument("--folder", type=Path, help="where organisms and answers are kept")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as new:
        folder = (given.folder or Path(new)).resolve()
        made = [*kinds_recipe.PANEL, *(kinds_recipe.UNPREPARED if given.write else ())]
        train(made, folder, given.workers)
        parts = collect(made, folder, given.workers)
        if given.write:
            write(kinds_panel.PANEL, kinds_recipe.PANEL, parts)
            write(kinds_panel.UNPREPARED, kinds_recipe.UNPREPARED, parts)
        return compare(folder)


def train(made: Sequence[kinds_recipe.Organism], folder: Path, workers: int) -> None:
    todo = [o for o in made if not (folder / o.name / "tokenizer_config.json").is_file()]
    begun = time.monotonic()
    with ProcessPoolExecutor(workers) as pool:
        running = {pool.submit(kinds_recipe.train, organism, folder): organism for organism in todo}
        for n, future in enumerate(as_completed(running), start=1):
            future.result()
            print(f"trained {n}/{len(todo)}, {time.monotonic() - begun:.0f} s: {running[future].name}", flush=True)


def collect(made: Sequence[kinds_recipe.Organism], folder: Path, workers: int) -> dict[str, Part]:
    begun = time.monotonic()
    found: dict[str, Part] = {}
    with ProcessPoolExecutor(workers) as pool:
        running = {pool.submit(asked, organism.name, folder): organism.name for organism in made}
        for future in as_completed(running):
            name = running[future]
            found[name] = future.result()
            accuracy = {
                f"{k.benchmark} {k.stage} {k.seed}": round(s.accuracy, 3)
                for k, s in found[name].scores.items()
                if not k.form
            }
            print(f"asked {len(found)}/{len(made)}, {time.monotonic() - begun:.0f} s: {name} {accuracy}", flush=True)
    return found


def asked(name: str, folder: Path) -> Part:
    """One organism, before and after equal training, through a store of its own."""
    from seepage.models import open_model, set_threads

    set_threads(1)
    with Store(folder / "stores" / f"{name}.sqlite") as store:
        return part_of(kinds_panel.plan(), name, open_model(f"hf:{folder / name}"), Room(store, folder / "trained"))


def write(file: str, made: Sequence[kinds_recipe.Organism], parts: dict[str, Part]) -> None:
    about = {
        "organisms": kinds_recipe.Recipe().digest,
        "world": kinds.new_world().digest,
        "versions": {name: version(name) for name in VERSIONS},
        "python": platform.python_version(),
    }
    content = kinds_panel.packed({o.name: parts[o.name] for o in made}, about)
    kinds_panel.ANSWERS.mkdir(exist_ok=True)
    path = kinds_panel.ANSWERS / f"{file}.json"
    path.write_text(json.dumps(content, indent=0, sort_keys=True) + "\n", "utf-8")
    print(f"wrote {path.relative_to(ROOT)}, {path.stat().st_size // 1000} kB")


# --- judged through the suites ----------------------------------------------------------------------------------------


def compare(folder: Path) -> int:
    """Whether the living organisms and the shipped answers get the same verdicts; both are printed."""
    found = judged(folder / "judged", configured(folder))
    names = sorted({key for key, _ in found})
    differ = [name for name in names if found.get((name, "living")) != found.get((name, "shipped"))]
    for name in names:
        mark = "DIFFERS" if name in differ else "same   "
        print(f"{mark} {name}: {found.get((name, 'living'), 'none')}, shipped {found.get((name, 'shipped'), 'none')}")
    return 1 if differ or not names else 0


def judged(out: Path, config: str) -> dict[tuple[str, str], str]:
    """(hypothesis and organism, living or shipped) -> word. The repository's own conftest enters the shipped ones."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "seepage.toml").write_text(config, "utf-8")
    command = [sys.executable, "-m", "pytest", "suites", "-k", "rank_stability", "-n", "2", "-p", "no:cacheprovider"]
    command += ["--seepage-config", str(out / "seepage.toml"), "--seepage-no-controls"]
    command += ["--seepage-out", str(out), "--seepage-store", str(out / "answers.sqlite")]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    (out / "log.txt").write_text(ran.stdout + ran.stderr, "utf-8")
    if not (out / "evidence.jsonl").is_file():
        raise SystemExit(f"the suites wrote no evidence; they said:\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}")
    found = {}
    for line in (out / "evidence.jsonl").read_text("utf-8").splitlines():
        verdict = json.loads(line)
        cell = verdict.get("cell", {})
        name = cell.get("model", "").removeprefix("organisms.")
        if name in organisms.TRAINED_ROLES and cell["hypothesis"].rpartition(".")[2] != "prepare":
            key = f"{cell['hypothesis']}[{'-'.join(filter(None, (name, cell['variant'])))}]"
            found[key, "shipped" if cell["model"].startswith("organisms.") else "living"] = verdict["word"]
    return found


def configured(folder: Path) -> str:
    """A run's configuration: the organisms in their folders, the task in files."""
    plan = kinds_panel.plan()
    world = kinds.new_world()
    for part in ("test", "synthetic", "train"):
        lines = [json.dumps(plain(item)) for item in kinds.benchmark(world, part).items]
        (folder / f"{part}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    roles = organisms.TRAINED_ROLES
    models = [
        f'{{ id = "{o.name}", spec = "hf:{folder / o.name}{untrained(o.name)}", lineage = "{o.name}", '
        f"role = {json.dumps(roles.get(o.name, 'reference')).replace(': ', ' = ')} }}"
        for o in kinds_recipe.PANEL
    ]
    recipe = plan.recipe
    return "\n".join(
        [
            "controls = false",
            f"models = [{', '.join(models)}]",
            f'benchmarks = [{{ id = "kinds", spec = "file:{folder / "test.jsonl"}", '
            f'train = "file:{folder / "train.jsonl"}", synthetic = "file:{folder / "synthetic.jsonl"}" }}]',
            "[rank_stability]",
            f"steps = {recipe.steps}\nbatch = {recipe.batch}\nseeds = {recipe.seeds}\nlr = {recipe.lr}",
        ]
    )


def untrained(name: str) -> str:
    """A model in another precision than float32 is asked and not trained."""
    return "?dtype=float64" if name in kinds_panel.ASKED_ONLY else ""


def plain(item: Item) -> dict[str, object]:
    return {
        "id": item.id,
        "question": item.question,
        "options": list(item.options),
        "gold": item.gold,
        "lang": item.lang,
    }


if __name__ == "__main__":
    sys.exit(main())
