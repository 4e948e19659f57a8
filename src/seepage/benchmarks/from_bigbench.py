"""A JSON task of BIG-bench becomes a benchmark: bigbench:date_understanding, bigbench:logical_deduction/three_objects.

{"name": ..., "keywords": [...], "task_prefix": "Choose the right date.\\n",
 "examples": [{"input": "Q: Tomorrow is 1 May. What is today?", "target_scores": {"30 April": 1, "29 April": 0}},
              {"input": "The capital of Chad is", "target": ["N'Djamena", "Ndjamena"]}]}

From the source distribution of package bigbench 1.0.0 (Srivastava et al. 2022, arxiv.org/abs/2206.04615), which is
fetched into the user's cache by one command and never otherwise (`bigbench_archive`):

    python -m seepage.benchmarks.from_bigbench [TASK ...]

What an item is
- question: `input` without surrounding blanks and without the task's own input and output marks ("Q: ", "A: "). The
  task's `task_prefix`, an instruction, is left away: the hypotheses bring their own prompts.
- options: the keys of `target_scores` in published order. gold: the one with the highest score.
- aliases: `target`. Where there are options only, the gold's text is the open answer.
- id: TASK-0, TASK-1, ... by the place in `examples` (0 first), whatever else is left out.
- answer_type: "number" where every accepted answer is one, else "other". lang: "en", but "" where the keywords name
  other languages or most letters are not Latin; `lang=de` states it.

What is left out is counted in the benchmark's `source`: items without exactly one best option, whose options repeat or
are empty, whose target is a wrong option, without a question or an answer; an item that repeats an earlier one, and
items that ask the same with the same options and disagree. Open questions asked twice are one item with the answers of
both. `items=200` keeps that many of the rest, evenly spaced in published order.

Items stand alone unless `cluster=passage` says that those which share all but the last sentence of the question belong
together (date_understanding asks nine questions about each of 41 days). It is not the default, because in other tasks
the shared sentence is an instruction.

Licence: every source file of the package names Apache-2.0 (its metadata says UNKNOWN); a task's README may add terms of
the data it was made from. The tasks ask to be kept out of training corpora, so none is quoted or shipped here.
"""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import json
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import BadSpec, SeepageError
from ..specs import known_only, one_of, slug, whole
from . import bigbench_archive as archive
from .record import Benchmark, Item

OPTIONS = {
    "items": "how many, evenly spaced in published order",
    "lang": "BCP 47 tag of every item",
    "cluster": "passage: items that share all but the last sentence belong together",
}
OTHER_LANGUAGES = {"non-English", "multilingual", "low-resource language", "translation"}
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[^.!?]*[.!?:]?$)")  # before the last one
NUMBER = re.compile(r"[-+−]?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?([eE][-+]?\d+)?")


def open_task(
    spec: str, task: str, options: Mapping[str, str], *, folder: Path | None = None, sha256: str = archive.SHA256
) -> Benchmark:
    """The benchmark of one task, from the cache.

    folder: of the archive, the user's cache if not stated. sha256: of the archive.
    Raises BadSpec where the archive was not fetched (with the command to type), the task is unknown, has subtasks
    instead of items, or no item is left.
    """
    known_only(options, OPTIONS, what="option", where=repr(spec))
    if "cluster" in options:
        one_of(options["cluster"], ("passage",), key="cluster", where=repr(spec))
    wanted = whole(options["items"], key="items", where=repr(spec), low=1) if "items" in options else None
    folder = folder or archive.cache()
    names = archive.contents(folder, sha256=sha256)
    if task not in names:
        raise _unknown(spec, task, names)
    written = json.loads(archive.task_file(task, folder, sha256=sha256).read_text("utf-8"))
    if "examples" not in written:
        parts = sorted(name for name in names if name.startswith(task + "/"))
        raise BadSpec(f"{spec!r} has subtasks, not items; name one: {', '.join('bigbench:' + name for name in parts)}")
    found, left_out = items_of(written, name=slug(task))
    if not found:
        raise BadSpec(f"{spec!r} has no item that can be used; left out: {_counted(left_out)}")
    if wanted is not None and wanted < len(found):
        left_out["not among the evenly spaced"] = len(found) - wanted
        found = [found[i * len(found) // wanted] for i in range(wanted)]
    if "lang" in options:
        found = [dataclasses.replace(item, lang=options["lang"]) for item in found]
    if "cluster" in options:
        found = [dataclasses.replace(item, cluster=SENTENCE.split(item.question)[0]) for item in found]
    return Benchmark(
        id=slug(task),
        items=tuple(found),
        source=f"bigbench {archive.VERSION} {task} sha256 {names[task][:12]}"
        + (f"; left out: {_counted(left_out)}" if left_out else ""),
        licence="Apache-2.0",
    )


def items_of(task: Mapping[str, Any], *, name: str) -> tuple[list[Item], Counter[str]]:
    """(items in published order, how many were left out by reason) of the JSON of one task."""
    left_out: Counter[str] = Counter()
    lang = _language(task)
    kept: dict[tuple[str, tuple[str, ...]], Item] = {}
    contradicted = set()
    for index, example in enumerate(task["examples"]):
        item = _item(example, f"{name}-{index}", lang=lang, task=task)
        if isinstance(item, str):
            left_out[item] += 1
            continue
        key = (item.question, item.options)
        first = kept.get(key)
        if first is None:
            kept[key] = item
            continue
        left_out["repeated"] += 1
        if first.gold != item.gold:
            contradicted.add(key)
        kept[key] = _typed(dataclasses.replace(first, aliases=tuple(dict.fromkeys((*first.aliases, *item.aliases)))))
    for key in contradicted:
        del kept[key]
        left_out["contradicted by a repetition"] += 1
    return list(kept.values()), left_out


def _item(example: Mapping[str, Any], name: str, *, lang: str, task: Mapping[str, Any]) -> Item | str:
    """The item, or why it is none."""
    question = _bare(str(example.get("input") or ""), task)
    if not question:
        return "without a question"
    target = example.get("target")
    targets = [str(t).strip() for t in (target if isinstance(target, list) else [target]) if t is not None]
    aliases = tuple(dict.fromkeys(t for t in targets if t))
    scores: Mapping[str, float] = example.get("target_scores") or {}
    if not scores:
        return _typed(Item(id=name, question=question, aliases=aliases, lang=lang)) if aliases else "without an answer"
    options = tuple(option.strip() for option in scores)
    if len(options) < 2 or not all(options) or len(set(options)) < len(options):
        return "with options that repeat, are empty or fewer than two"
    best = max(scores.values())
    if list(scores.values()).count(best) != 1:
        return "without exactly one best option"
    gold = list(scores.values()).index(best)
    if any(alias in options and alias != options[gold] for alias in aliases):
        return "with a target that is a wrong option"
    return _typed(Item(id=name, question=question, options=options, gold=gold, aliases=aliases, lang=lang))


def _typed(item: Item) -> Item:
    number = all(NUMBER.fullmatch(answer) for answer in item.accepted)
    return dataclasses.replace(item, answer_type="number" if number else "other")


def _bare(text: str, task: Mapping[str, Any]) -> str:
    """The question without the marks around it. A text with several questions (solved examples) is left as it is."""
    text = text.strip()
    for mark in (str(task.get("example_input_prefix") or "").strip(), "Q:", "Question:"):
        if mark and text.startswith(mark) and text.count(mark) == 1:
            text = text.removeprefix(mark).strip()
            break
    for mark in (str(task.get("example_output_prefix") or "").strip(), "A:", "Answer:"):
        bare = text.removesuffix(mark)
        if mark and bare != text and bare != bare.rstrip() and mark not in bare:
            return bare.strip()
    return text


def _language(task: Mapping[str, Any]) -> str:
    if OTHER_LANGUAGES & set(task.get("keywords") or ()):
        return ""
    letters = [c for example in task["examples"] for c in str(example.get("input") or "")[:200] if c.isalpha()]
    latin = sum(c < "\u0250" for c in letters)  # basic Latin to Latin Extended-B
    return "en" if 2 * latin >= len(letters) else ""


def _unknown(spec: str, task: str, names: Mapping[str, str]) -> BadSpec:
    parts = [name for name in names if name.partition("/")[0] == task.partition("/")[0]]
    close = parts or difflib.get_close_matches(task, names, n=5)
    return BadSpec(
        f"{spec!r}: BIG-bench {archive.VERSION} has no JSON task {task!r} (tasks that are programs have no items to "
        f"read). "
        + (
            f"Close: {', '.join('bigbench:' + name for name in close[:12])}."
            if close
            else f"It has {len(names)}; their names are in {archive.cache() / 'contents.json'}."
        )
    )


def _counted(left_out: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in left_out.items())


def main(arguments: Sequence[str] | None = None) -> None:
    """Fetch the archive into the cache and take the named tasks out of it."""
    parser = argparse.ArgumentParser(prog=archive.COMMAND, description="Fetch BIG-bench's tasks into the cache, once.")
    parser.add_argument(
        "task", nargs="*", help="a task to take out of the archive now, for instance date_understanding"
    )
    parser.add_argument("--file", type=Path, help=f"{archive.ARCHIVE}, already on this machine: nothing is downloaded")
    parser.add_argument("--index", default=archive.INDEX, help="package index that answers JSON (default: %(default)s)")
    parser.add_argument("--folder", type=Path, default=archive.cache(), help="default: %(default)s")
    given = parser.parse_args(arguments)
    try:
        archive.fetch(folder=given.folder, file=given.file, index=given.index)
        for task in given.task:
            found = open_task(f"bigbench:{task}", task, {}, folder=given.folder)
            sys.stdout.write(f"bigbench:{task}  {len(found)} items; {found.source}\n")
    except SeepageError as error:
        raise SystemExit(str(error)) from error
    sys.stdout.write(f"{len(archive.contents(given.folder))} tasks in {given.folder}\n")


if __name__ == "__main__":
    main()
