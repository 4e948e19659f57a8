"""The measurements. Runs in .venv-bench; `bench/run.py` starts it.

Five questions, one process, one set of weights (SmolLM2-135M, float32), the same items and threads for all, three
rounds in alternating order, medians of the rounds. Loading is outside every time, tokenizing is inside.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import contenders
import efficiency
import table
import torch
import weights
from items import Item, items, open_questions, texts

ROOT = Path(__file__).resolve().parents[1]
T = TypeVar("T")
BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64)
AUTO_ITEMS = 40  # its search alone takes longer than that many items at the best size


@dataclass
class Measured:
    """Everything that the table says. Times in seconds, one a round."""

    n_items: int
    n_open: int
    n_texts: int
    threads: int
    load: float
    ours_mc: list[float] = field(default_factory=list)
    lm_eval_mc: list[float] = field(default_factory=list)
    batch_sizes: dict[str, float] = field(default_factory=dict)
    best: int = 0
    auto_mc: float | None = None
    n_auto: int = 0
    letters: tuple[float, float] = (0.0, 0.0)
    sums_apart: float = 0.0
    accuracy: tuple[float, float] = (0.0, 0.0)
    ours_open: list[float] = field(default_factory=list)
    lm_eval_open: list[float] = field(default_factory=list)
    open_sizes: dict[str, float] = field(default_factory=dict)
    open_best: int = 0
    open_words: float = 0.0
    texts_apart: int = 0
    long_open: tuple[float, float] = (0.0, 0.0)
    ours_membership: list[float] = field(default_factory=list)
    benchleak: list[float] = field(default_factory=list)
    min_k_apart: float = 0.0
    tokens: tuple[int, int] = (0, 0)
    gflops: tuple[float, float] = (0.0, 0.0)
    store: tuple[float, float, float] = (0.0, 0.0, 0.0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=200)
    parser.add_argument("--open", type=int, default=200, help="questions of the open generation")
    parser.add_argument("--texts", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", default="docs/benchmarks.md", help="- prints the table instead")
    given = parser.parse_args()
    started = time.monotonic()
    threads = len(os.sched_getaffinity(0))
    measured = Measured(given.items, given.open, given.texts, threads, os.getloadavg()[0])
    torch.set_num_threads(threads)
    directory = weights.prepared(ROOT / ".venv-bench" / "cache")
    tokens = contenders.counter(directory)
    questions = items(given.items, n_tokens=tokens)
    multiple_choice(measured, directory, questions, given.rounds)
    longer = [q.prompt for q in questions[: given.open]]
    open_answers(measured, directory, open_questions(given.open), longer, given.rounds)
    membership(measured, directory, texts(given.texts), given.rounds)
    measured.tokens, measured.gflops = efficiency.of(directory, questions)
    with tempfile.TemporaryDirectory() as folder:
        measured.store = contenders.store_times(directory, questions, Path(folder))
    if torch.get_num_threads() != threads:
        raise RuntimeError(f"a contender left torch with {torch.get_num_threads()} threads, not {threads}")
    page = table.page(measured, minutes=(time.monotonic() - started) / 60)
    print(page)
    if given.out != "-":
        (ROOT / given.out).write_text(page, encoding="utf-8")
        print(f"wrote {given.out}")
    return 0 if table.agree(measured) else 1


def multiple_choice(measured: Measured, directory: Path, questions: list[Item], rounds: int) -> None:
    """Ours and lm-eval at its best batch size, alternating."""
    harness = contenders.Harness(directory)
    some = questions[: max(len(questions) // 16, 1)]
    harness.sums(some[:2], batch_size=1)  # the first forward pass of a process is slower than the others
    for size in BATCH_SIZES:
        measured.batch_sizes[str(size)] = timed(partial(harness.sums, some, batch_size=size))[0]
        say(f"lm-eval, batch size {size}, {len(some)} items: {measured.batch_sizes[str(size)]:.2f} s")
    measured.best = int(min(measured.batch_sizes, key=lambda size: measured.batch_sizes[size]))
    theirs: list[list[float]] = []
    for turn in range(rounds):
        ours = contenders.Ours(directory)
        runs: dict[str, Callable[[], list[list[float]]]] = {
            "ours": partial(ours.sums, questions),
            "lm-eval": partial(harness.sums, questions, batch_size=measured.best),
        }
        answers = {}
        for name in alternating(runs, turn):
            seconds, answers[name] = timed(runs[name])
            (measured.ours_mc if name == "ours" else measured.lm_eval_mc).append(seconds)
            say(f"multiple choice, round {turn + 1}, {name}: {seconds:.2f} s")
        theirs = answers["lm-eval"]
        apart = max(abs(a - b) for x, y in zip(answers["ours"], theirs, strict=True) for a, b in zip(x, y, strict=True))
        measured.sums_apart = max(measured.sums_apart, apart)
        measured.accuracy = (accuracy(answers["ours"], questions), accuracy(theirs, questions))
    if rounds > 1:  # its search costs more than a trial's items
        few = questions[:AUTO_ITEMS]
        measured.n_auto, measured.auto_mc = len(few), timed(partial(harness.sums, few, batch_size="auto"))[0]
        say(f"multiple choice, lm-eval with batch size auto, {len(few)} items, once: {measured.auto_mc:.2f} s")
    letters = [Item(q.prompt, (" A", " B", " C", " D"), q.right) for q in questions]
    ours = contenders.Ours(directory)
    measured.letters = (
        timed(lambda: ours.sums(letters))[0],
        timed(lambda: harness.sums(letters, batch_size=measured.best))[0],
    )
    say("one-token options, once: ours {:.2f} s, lm-eval {:.2f} s".format(*measured.letters))


def open_answers(measured: Measured, directory: Path, short: list[str], long: list[str], rounds: int) -> None:
    """Greedy answers, ours and lm-eval's at its best batch size, alternating; then once after longer prompts."""
    harness, prompts = contenders.Harness(directory), contenders.rendered(directory, short)
    some = prompts[: max(len(prompts) // 8, 1)]
    harness.texts(some[:2], batch_size=1)
    for size in BATCH_SIZES:
        measured.open_sizes[str(size)] = timed(partial(harness.texts, some, batch_size=size))[0]
        say(f"open answers, lm-eval, batch size {size}, {len(some)} prompts: {measured.open_sizes[str(size)]:.2f} s")
    measured.open_best = int(min(measured.open_sizes, key=lambda size: measured.open_sizes[size]))
    for turn in range(rounds):
        ours = contenders.Ours(directory)
        runs: dict[str, Callable[[], list[str]]] = {
            "ours": partial(ours.texts, short),
            "lm-eval": partial(harness.texts, prompts, batch_size=measured.open_best),
        }
        answers = {}
        for name in alternating(runs, turn):
            seconds, answers[name] = timed(runs[name])
            (measured.ours_open if name == "ours" else measured.lm_eval_open).append(seconds)
            say(f"open answers, round {turn + 1}, {name}: {seconds:.2f} s")
        apart = sum(a != b for a, b in zip(answers["ours"], answers["lm-eval"], strict=True))
        measured.texts_apart = max(measured.texts_apart, apart)
        measured.open_words = statistics.mean(len(text.split()) for text in answers["ours"])
    ours, prompts = contenders.Ours(directory), contenders.rendered(directory, long)
    measured.long_open = (
        timed(lambda: ours.texts(long))[0],
        timed(lambda: harness.texts(prompts, batch_size=measured.open_best))[0],
    )
    say("open answers after longer prompts, once: ours {:.2f} s, lm-eval {:.2f} s".format(*measured.long_open))


def membership(measured: Measured, directory: Path, samples: list[str], rounds: int) -> None:
    """Our five scores and benchleak's one, alternating."""
    detector = contenders.Detector(directory)
    detector.scores(samples[:2])
    for turn in range(rounds):
        ours = contenders.Ours(directory)
        runs: dict[str, Callable[[], list[float]]] = {
            "ours": partial(ours.memberships, samples),
            "benchleak": partial(detector.scores, samples),
        }
        answers = {}
        for name in alternating(runs, turn):
            seconds, answers[name] = timed(runs[name])
            (measured.ours_membership if name == "ours" else measured.benchleak).append(seconds)
            say(f"membership, round {turn + 1}, {name}: {seconds:.2f} s")
        apart = max(abs(a - b) for a, b in zip(answers["ours"], answers["benchleak"], strict=True))
        measured.min_k_apart = max(measured.min_k_apart, apart)


def alternating(runs: dict[str, Any], turn: int) -> list[str]:
    return list(runs) if turn % 2 == 0 else list(reversed(runs))


def accuracy(sums: list[list[float]], questions: list[Item]) -> float:
    return statistics.mean(
        max(range(4), key=row.__getitem__) == q.right for row, q in zip(sums, questions, strict=True)
    )


def timed(run: Callable[[], T]) -> tuple[float, T]:
    started = time.perf_counter()
    result = run()
    return time.perf_counter() - started, result


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
