"""How long a published table of sixty models on twenty-four benchmarks takes to judge, all claims of rank_stability.

    python bench/judge_many.py [--models 60] [--benchmarks 24] [--items 0] [--workers 2]

Scores are simulated: abilities, gains and three seeds of training. --items N gives every model N answers on every
benchmark, as parquet, where pairs of models are compared item by item; without it accuracies alone, as csv. Prints
cells, seconds and processor seconds of one `pytest`.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SEEDS = 3
LINEAGE = 4  # models of one


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=60)
    parser.add_argument("--benchmarks", type=int, default=24)
    parser.add_argument("--items", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = written(folder, given.models, given.benchmarks, given.items)
        (folder / "gate.toml").write_text(
            f'models = ["scores:{table}"]\nbenchmarks = ["scores:{table}?chance=.25&synthetic=b0"]\n'
            f"[rank_stability]\nitems_min = {min(given.items or 1000, 1000)}\n"
        )
        (folder / "test_rank.py").write_text("from seepage.suites.test_rank_stability import *\n")
        command = [sys.executable, "-m", "pytest", "-q", "-n", str(given.workers), "--seepage-config", "gate.toml"]
        started = time.monotonic()
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        wall = time.monotonic() - started
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        last = [line for line in ran.stdout.splitlines() if " in " in line][-1:]
        print(f"{given.models} models, {given.benchmarks} benchmarks, {given.items or 'no'} items: {' '.join(last)}")
        print(f"{wall:.0f} s, {used.ru_utime + used.ru_stime:.0f} processor seconds, {given.workers} workers")
        return 0 if ran.returncode in (0, 1) else ran.returncode


def written(folder: Path, models: int, benchmarks: int, items: int) -> str:
    """The table's name: half of the models are references, four are one lineage."""
    rng = np.random.default_rng(0)
    ability = rng.normal(0, 0.5, models)
    columns: dict[str, list[object]] = {name: [] for name in ("model", "benchmark", "stage", "seed", "role", "lineage")}
    right: list[np.ndarray] = []
    for b in range(benchmarks):
        own = ability + rng.normal(0, 0.25, models)
        hard = rng.normal(0, 1, items or 1000)
        for m in range(models):
            for stage, seed in (("before", 0), *(("after", s) for s in range(SEEDS))):
                reached = own[m] + (1.0 if stage == "after" else 0.0) + rng.normal(0, 0.05) - hard
                answers = rng.random(len(hard)) < 0.25 + 0.75 / (1 + np.exp(-1.2 * reached))
                right.append(answers if items else answers.mean(keepdims=True))
                role = "reference" if m % 2 else "candidate"
                for name, value in zip(columns, (f"m{m}", f"b{b}", stage, seed, role, f"l{m // LINEAGE}"), strict=True):
                    columns[name].append(value)
    return by_item(folder, columns, right) if items else by_score(folder, columns, right)


def by_score(folder: Path, columns: dict[str, list[object]], right: list[np.ndarray]) -> str:
    lines = [",".join((*columns, "accuracy", "n"))]
    for *row, (accuracy,) in zip(*columns.values(), right, strict=True):
        lines.append(",".join(map(str, (*row, accuracy, 1000))))
    (folder / "table.csv").write_text("\n".join(lines) + "\n")
    return "table.csv"


def by_item(folder: Path, columns: dict[str, list[object]], right: list[np.ndarray]) -> str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    n = len(right[0])
    every = {name: np.repeat(np.array(values), n) for name, values in columns.items()}
    every |= {"item": np.tile(np.arange(n), len(right)), "correct": np.concatenate(right).astype(int)}
    pq.write_table(pa.table(every), folder / "table.parquet")
    return "table.parquet"


if __name__ == "__main__":
    sys.exit(main())
