"""Measure how often the organisms of the invented facts are judged wrongly: each seed is a world of its own.

    python tools/calibrate_organisms.py [--seeds 10] [--workers 2] [--document docs/calibration-organisms.md]

For every seed the answerer, the picker and the letterpicker are trained anew on new facts, and the claims of
mc_generation are judged on them. Exit code 1 where a picker does not leak or another does. About nine minutes a seed
on one core.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one process a core; before numpy is imported

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))

from pages import Part, write  # noqa: E402

from seepage.benchmarks.record import Benchmark  # noqa: E402
from seepage.errors import NotTestable  # noqa: E402
from seepage.hypotheses import mc_generation_compression as compression  # noqa: E402
from seepage.hypotheses import mc_generation_recognition as recognition  # noqa: E402
from seepage.models import Model, open_model  # noqa: E402
from seepage.organisms import facts, quiz_recipe  # noqa: E402
from seepage.policy import McGenerationPolicy  # noqa: E402
from seepage.records import Answer, Cell, Effect, Request  # noqa: E402
from seepage.scorer import ask  # noqa: E402
from seepage.stats.proportions import wilson  # noqa: E402
from seepage.store import Store  # noqa: E402
from seepage.verdicts import decide  # noqa: E402

POLICY = McGenerationPolicy()
ALPHA = 0.01
FIRST = 1  # seed 0 is the one that ships, and the one at which the recipe was made to work
PRUNED = "?prune=wanda&sparsity=0.9"  # nothing is left: no share of what it picks may look like recognition
PACKAGES = ("seepage", "torch", "transformers", "numpy")


@dataclass(frozen=True, slots=True)
class Design:
    """One model that is judged. leaks: whether it must, it must not. dense: beside whom it is judged."""

    name: str
    claim: str
    model: str
    leaks: bool
    dense: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What was decided. effect: the first one, None where nothing was computed, for the reason."""

    word: str
    reason: str
    effect: Effect | None = None


DESIGNS = (
    Design("answerer", "recognition", "answerer", leaks=False),
    Design("answerer, 90 % pruned by Wanda", "recognition", f"answerer{PRUNED}", leaks=False),
    Design("picker", "recognition", "picker", leaks=True),
    Design("letterpicker", "recognition", "letterpicker", leaks=False),
    Design("picker beside the answerer", "compression", "picker", leaks=True, dense="answerer"),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--document", default="docs/calibration-organisms.md")
    given = parser.parse_args()
    if given.seeds < 1:
        parser.error(f"--seeds {given.seeds}: at least one is needed")
    started = time.monotonic()
    found: dict[int, list[Found]] = {}
    with ProcessPoolExecutor(given.workers) as pool:
        running = {pool.submit(judged, seed): seed for seed in range(FIRST, FIRST + given.seeds)}
        for future in as_completed(running):
            found[running[future]] = future.result()
            said = "; ".join(map(shown, found[running[future]]))
            print(f"{len(found)}/{given.seeds} seeds, {time.monotonic() - started:.0f} s: {said}", flush=True)
    parts = parts_of(dict(sorted(found.items())))
    written = (
        f"Written by `python tools/calibrate_organisms.py --seeds {given.seeds}`, a part of `make calibrate`, in "
        f"{(time.monotonic() - started) / 60:.0f} minutes on {given.workers} processes"
    )
    return write(
        ROOT / given.document,
        "Error rates of the organisms of mc_generation",
        parts,
        written=written,
        packages=PACKAGES,
    )


# --- what one process measures --------------------------------------------------------------------------------------


def judged(seed: int) -> list[Found]:
    """The verdict on every design, or why there is none."""
    import torch

    torch.set_num_threads(1)
    bench = facts.open_benchmark("quiz", seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        quiz_recipe.train_all(Path(folder), seed=seed)
        store = Store(Path(folder) / "answers.sqlite")
        try:
            return [verdict(design, Path(folder), bench, seed, store) for design in DESIGNS]
        finally:
            store.close()


def verdict(design: Design, folder: Path, bench: Benchmark, seed: int, store: Store) -> Found:
    model = open_model(f"hf:{folder / design.model}")
    given = {"policy": POLICY, "seed": seed}

    def answers(of: Model, requests: Callable[..., dict[str, Request]]) -> dict[str, Answer]:
        return ask(of, requests(bench, info=of.info, **given), store=store)

    judging = {**given, "alpha": ALPHA, "rng": np.random.default_rng([40, seed]), "info": model.info}
    try:
        if design.claim == "recognition":
            outcome = recognition.judge(bench, answers(model, recognition.requests), **judging)
        else:
            dense = open_model(f"hf:{folder / design.dense}")
            before, after = (answers(each, compression.requests) for each in (dense, model))
            outcome = compression.judge(bench, after, dense=before, dense_info=dense.info, **judging)
    except NotTestable as reason:
        return Found("inconclusive", str(reason))
    made = decide(outcome, Cell(f"mc_generation.{design.claim}", design.name, bench.id, alpha=ALPHA))
    return Found(made.word, made.reason, outcome.effects[0])


# --- the page -------------------------------------------------------------------------------------------------------


def parts_of(found: Mapping[int, list[Found]]) -> list[Part]:
    rates, faults = [], []
    for place, design in enumerate(DESIGNS):
        made = {seed: verdicts[place] for seed, verdicts in found.items()}
        leaks = sum(v.word == "leak" for v in made.values())
        wrong = {seed: v.word for seed, v in made.items() if (v.word == "leak") != design.leaks}
        low, high = wilson(len(wrong), len(made))
        words = ", ".join(f"{seed}: {name}" for seed, name in wrong.items())
        rates.append((design.name, design.claim, leaks, len(made), len(wrong), f"{low:.2f} to {high:.2f}"))
        faults += [f"{design.name}, {design.claim}: {words}"] if wrong else []
    rows = [(seed, *(shown(v) for v in verdicts)) for seed, verdicts in found.items()]
    return [
        Part(
            "How often each is judged wrongly",
            f"Judged alone at the level {ALPHA}. An answerer must not leak, pruned or not, nor a letterpicker; a "
            "picker must. The share judged wrongly with its Wilson interval at .95: so few trainings bound it only "
            "roughly.",
            ("organism", "claim", "leaks", "seeds", "wrong", "share judged wrongly"),
            tuple(rates),
            tuple(faults),
        ),
        Part(
            "Every seed",
            "Each seed is a new world of facts, a new initialisation and new lessons. Verdict, and the first effect "
            "with its interval.",
            ("seed", *(f"{design.name}: {design.claim}" for design in DESIGNS)),
            tuple(rows),
        ),
    ]


def shown(found: Found) -> str:
    effect = found.effect
    if effect is None:
        return f"{found.word}: {found.reason}"
    return f"{found.word}, {effect.name} {effect.value:.2f} [{effect.low:.2f}, {effect.high:.2f}]"


if __name__ == "__main__":
    sys.exit(main())
