"""Train the organisms again and say whether the weights are the ones that ship.

    python tools/train_organisms.py            trains into a temporary folder, compares SHA-256, exits 1 if they differ
    python tools/train_organisms.py --write    replaces the shipped weights and their manifest
    python tools/train_organisms.py --only letterpicker [--write]    the same of one organism of the invented facts

One organism is written beside the others only where the manifest's versions and processor of the quiz are those at
hand, so that one line of the manifest stays true of all.

The digests agree on the machine and the versions that the manifest names; another processor may round differently,
and then the values differ in their last digits while the organisms know the same. About eight minutes on one idle core.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import shutil
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from seepage.organisms import MODELS, WEIGHTS, facts, quiz_recipe, recipe, world

MANIFEST = "manifest.json"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def processor() -> str:
    """Model name of the processor: float sums depend on its vector width."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def manifest(
    directory: Path, trained: recipe.Recipe, quizzed: quiz_recipe.Recipe, names: Sequence[str] = MODELS
) -> dict[str, object]:
    """What made the weights, and the digest of every file. quiz: of the organisms of the invented facts."""
    files = sorted(path for name in names for path in (directory / name).iterdir())
    return {
        "recipe": trained.digest,
        "seed": trained.seed,
        "world": world.world_digest(epochs=trained.epochs, seed=trained.seed),
        "quiz": {
            "recipe": quizzed.digest,
            "seed": quizzed.seed,
            "world": facts.new_world(seed=quizzed.seed).digest,
            "processor": processor(),
        },
        "versions": {name: version(name) for name in ("numpy", "safetensors", "tokenizers", "torch", "transformers")},
        "python": platform.python_version(),
        "processor": processor(),
        "sha256": {path.relative_to(directory).as_posix(): sha256(path) for path in files},
    }


def beside(made: dict[str, object], shipped: dict[str, object], name: str) -> dict[str, object]:
    """The shipped manifest with one organism of the quiz made anew. Exits where the others were made otherwise."""
    kept, quiz = shipped["sha256"], shipped["quiz"]
    assert isinstance(kept, dict)
    assert isinstance(quiz, dict)
    if quiz["processor"] != processor() or any(made[key] != shipped[key] for key in ("versions", "python")):
        sys.exit(f"{name} would be the only one made here: train and write all of them")
    files = {path: sha for path, sha in kept.items() if not path.startswith(f"{name}/")}
    new = made["sha256"]
    assert isinstance(new, dict)
    return {**shipped, "quiz": made["quiz"], "sha256": dict(sorted({**files, **new}.items()))}


def compare(ours: dict[str, object], shipped: dict[str, object], names: Sequence[str] = MODELS) -> bool:
    """Print each difference; True where the weights are the same to the last bit."""
    for key in ("recipe", "seed", "world", "quiz", "versions", "python", "processor"):
        if ours[key] != shipped[key]:
            print(f"{key}: {shipped[key]} made the shipped weights, here it is {ours[key]}")
    new, old = ours["sha256"], shipped["sha256"]
    assert isinstance(new, dict)
    assert isinstance(old, dict)
    for path in sorted(path for path in new.keys() | old.keys() if path.partition("/")[0] in names):
        print(f"{'same   ' if new.get(path) == old.get(path) else 'DIFFERS'} {path}")
    return all(new.get(f"{name}/model.safetensors") == old.get(f"{name}/model.safetensors") for name in names)


def write(directory: Path, made: dict[str, object], names: Sequence[str] = MODELS) -> None:
    """Replace the shipped weights; the manifest last, so that its digests never describe half a copy."""
    (WEIGHTS / MANIFEST).unlink(missing_ok=True)
    for name in names:
        shutil.rmtree(WEIGHTS / name, ignore_errors=True)
        shutil.copytree(directory / name, WEIGHTS / name)
    (WEIGHTS / MANIFEST).write_text(json.dumps(made, indent=2) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description="Train the organisms again and compare them with the shipped ones.")
    parser.add_argument("--write", action="store_true", help="replace the shipped weights and their manifest")
    parser.add_argument("--only", choices=quiz_recipe.MODELS, help="train one organism of the invented facts")
    arguments = parser.parse_args()
    names = (arguments.only,) if arguments.only else MODELS
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        shipped = json.loads((WEIGHTS / MANIFEST).read_text()) if arguments.only or not arguments.write else {}
        trained = recipe.Recipe() if arguments.only else recipe.train_all(directory)
        quizzed = quiz_recipe.train_all(directory, names=[name for name in names if name in quiz_recipe.MODELS])
        made = manifest(directory, trained, quizzed, names)
        if arguments.write:
            write(directory, beside(made, shipped, arguments.only) if arguments.only else made, names)
            print(f"wrote {', '.join(names)} and {MANIFEST}")
            return 0
        same = compare(made, shipped, names)
    print("The weights are the shipped ones, bit for bit." if same else "The weights differ from the shipped ones.")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
