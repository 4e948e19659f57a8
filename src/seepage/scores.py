"""Published scores, judged without a model: `scores:results.csv` (csv, tsv, jsonl or parquet).

    model,benchmark,stage,seed,item,correct            one row an answer
    pythia-70m,sciq,before,0,q-17,1
    pythia-70m,sciq,after,0,q-17,1

    model,benchmark,stage,seed,accuracy,n              one row a score, where items are not known
    pythia-70m,sciq,after,0,0.718,1000

Both the models and the benchmarks of a run may be entered as `scores:FILE`, which stands for all that the table names;
`?name=sciq` picks one. Options of a benchmark: chance=.25 (accuracy of a guess; or a column of that name),
rephrased=NAME, synthetic=NAME, same_task=NAME: the benchmark of the table that a score is predicted from, and
ability=NAME: another benchmark whose scores after training say how able a model is.

Further columns: form (mc or cloze), cluster, recipe (of the training: it must be one for all), and what is known of a
model: role, released, params, train_tokens, lineage. `stage` is `before` where there is no such column.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import config, tables
from .errors import BadSpec
from .finetune import Training
from .models.silent import Silent
from .records import KINDS, ROLES, Entry, ModelInfo, digest
from .specs import known_only, meant, one_of, slug, split, with_options
from .tables import Column, Columns, recoded

STAGES = ("before", "after")
CLOZE = "cloze"
FORMS = ("", "mc", CLOZE)
FACTS = ("released", "params", "train_tokens", "lineage")
KEYS = ("benchmark", "model", "stage", "form", "seed")
READ = (*KEYS, "item", "correct", "cluster", "accuracy", "n", "chance", "recipe", "role", *FACTS)
COLUMNS = (*READ, "margin")  # no claim here needs how sure an answer was
ENTRY_OPTIONS = ("chance", "ability", *KINDS)  # keys of a benchmark's entry
BENCH_OPTIONS = ("name", *ENTRY_OPTIONS)
_RIGHT = {"1": True, "true": True, "1.0": True, "0": False, "false": False, "0.0": False}


class Key(NamedTuple):
    """Whose score, on what, when. seed: 0 before training."""

    benchmark: str
    model: str
    stage: str
    form: str
    seed: int


@dataclass(frozen=True, slots=True)
class Scores:
    """One model on one benchmark. items, clusters: [n] numbers that mean the same all over the table, correct: [n]; all
    three None where only the accuracy is known."""

    accuracy: float
    n: int
    items: NDArray[np.int64] | None = None
    clusters: NDArray[np.int64] | None = None
    correct: NDArray[np.bool_] | None = None
    recipe: str = ""


def same_items(one: Scores, other: Scores) -> bool:
    """Whether two sets of scores are of the same items, as far as the table tells."""
    if one.items is None or other.items is None:
        return one.items is other.items and one.n == other.n
    return np.array_equal(one.items, other.items)


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """A table of scores. by_stage: the same by benchmark, model, stage and form.  facts: model -> what it states of
    it.  chance: benchmark -> accuracy of a guess, where stated.

    Of living models also, by (benchmark, model): what its trainings gave, and why it was not trained."""

    path: str
    digest: str
    scores: Mapping[Key, Scores] = field(repr=False)  # a failed test shows its table: a million numbers take seconds
    by_stage: Mapping[tuple[str, str, str, str], dict[int, Scores]] = field(repr=False)
    models: tuple[str, ...]
    benchmarks: tuple[str, ...]
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    chance: Mapping[str, float] = field(default_factory=dict)
    trainings: Mapping[tuple[str, str], tuple[Training, ...]] = field(default_factory=dict, repr=False)
    lacks: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def scored(self, benchmark: str, model: str, stage: str, form: str = "") -> dict[int, Scores]:
        """Seed -> scores of a model on a benchmark."""
        return self.by_stage.get((benchmark, model, stage, form), {})


@dataclass(frozen=True, slots=True)
class ScoreBenchmark:
    """One benchmark of a table. kinds: kind of reference benchmark -> its name in the table.  ability: name of a
    benchmark whose scores after training say how able a model is, or `cloze`: this one's score in the other form."""

    id: str
    table: ScoreTable
    name: str
    chance: float
    kinds: Mapping[str, str]
    ability: str = ""

    @property
    def digest(self) -> str:
        named = [self.table.digest, self.name, self.chance, dict(self.kinds)]
        return digest([*named, self.ability] if self.ability else named)


def open_model(spec: str) -> Silent:
    """A model of which scores are all that is known."""
    _, body, options = split(spec)
    known_only(options, ("name",), what="option", where=repr(spec))
    table, name = _named(spec, "model") if options else (read(body), "")  # without a name: the whole panel
    info = ModelInfo(spec=spec, digest=digest([table.digest, name]), access=())
    return Silent(info, "scores and no model")


def open_benchmark(spec: str) -> ScoreBenchmark:
    """The benchmark of a table that a spec names. Raises BadSpec where it has none of that name, or no chance is
    stated."""
    _, _, options = split(spec)
    known_only(options, BENCH_OPTIONS, what="option", where=repr(spec))
    table, name = _named(spec, "benchmark")
    kinds = {kind: options[kind] for kind in KINDS if options.get(kind, name) != name}  # nothing predicts itself
    known_only(kinds.values(), table.benchmarks, what="benchmark", where=table.path)
    ability = options.get("ability", "")
    if ability:
        known_only([ability], (*table.benchmarks, CLOZE), what="benchmark", where=table.path)
    return ScoreBenchmark(slug(name), table, name, chance_of(table, name, options.get("chance", "")), kinds, ability)


def chance_of(table: ScoreTable, name: str, stated: str = "") -> float:
    """Accuracy of a guess on a benchmark. Raises BadSpec where nobody states it."""
    if not stated:
        if name not in table.chance:
            raise BadSpec(
                f"{table.path} does not state what a guess scores on {name}; add chance=0.25 to its spec, or a column "
                "`chance` to the table"
            )
        return table.chance[name]
    return _number(stated, 0.0, 1.0, key="chance", where=f"the spec of {name}", open_high=True)


def chance_beside(bench: ScoreBenchmark, name: str) -> float:
    """Accuracy of a guess on another benchmark of the table: its own where stated, else the judged one's."""
    return bench.table.chance.get(name, bench.chance)


def expand(entries: Iterable[Entry], axis: str) -> tuple[Entry, ...]:
    """The entries, each `scores:FILE` without a name replaced by one for every model or benchmark of its table.

    axis: "model" or "benchmark". A model states what the table's columns say of it, where its entry says nothing.
    """
    found: list[Entry] = []
    for entry in entries:
        scheme, body, options = split(entry.spec)
        if scheme != "scores":
            found.append(entry)
            continue
        table = read(body)
        named = table.models if axis == "model" else _judged(table, options)
        names = (options["name"],) if "name" in options else named
        for name in names:
            one = replace(entry, id=entry.id if "name" in options else slug(name)[:40])
            one = replace(one, spec=with_options(entry.spec, {"name": name}))
            found.append(_stated(one, table, name) if axis == "model" else _offered(one, table, name))
    return config.unique(found, where=f"the {axis}s of the tables of scores")


def _judged(table: ScoreTable, options: Mapping[str, str]) -> tuple[str, ...]:
    """The benchmarks of a table but those that the others are predicted from."""
    predictors = {options[kind] for kind in KINDS if kind in options}
    return tuple(name for name in table.benchmarks if name not in predictors)


def _stated(entry: Entry, table: ScoreTable, name: str) -> Entry:
    known = table.facts.get(name, {})
    role: str | Mapping[str, str] = entry.role if entry.role != "candidate" else known.get("role", "candidate")
    return replace(entry, role=role, facts={k: v for k, v in known.items() if k != "role"} | dict(entry.facts))


def _offered(entry: Entry, table: ScoreTable, name: str) -> Entry:
    """A benchmark with what can be judged on it: kinds of reference benchmarks, forms."""
    _, _, options = split(entry.spec)
    forms = {key.form for key in table.scores if key.benchmark == name}
    offered = {
        "kind": tuple(k for k in KINDS if options.get(k, name) != name),
        "forms": ("both",) if {"mc", "cloze"} <= forms else (),
    }
    return replace(entry, facts={**entry.facts, **offered})


def _named(spec: str, what: str) -> tuple[ScoreTable, str]:
    _, body, options = split(spec)
    table = read(body)
    known = table.models if what == "model" else table.benchmarks
    name = options.get("name", known[0] if len(known) == 1 else "")
    if name not in known:
        raise BadSpec(
            f"{spec!r} names no {what} of {table.path}; add ?name=... Known: {', '.join(known)}.{meant(name, known)}"
        )
    return table, name


# --- reading --------------------------------------------------------------------------------------------------------


def read(path: str) -> ScoreTable:
    """The table at a path, read once a process while the file stays the same. `embedded` and `organisms` are the
    panels that ship.

    Raises BadSpec, naming the row, on an unknown column, a value that is none, an item twice, or a score of nothing.
    """
    if path == "organisms":
        from .organisms import kinds_panel

        return kinds_panel.table()
    if path == "embedded":
        from .organisms import score_panel

        return score_panel.table()
    file = Path(path)
    stamp = (file.stat().st_mtime_ns, file.stat().st_size) if file.is_file() else (0, 0)
    return _read(path, *stamp)


@functools.lru_cache(maxsize=8)
def _read(path: str, _changed: int, _size: int) -> ScoreTable:
    rows = tables.read_columns(path, READ)
    known_only(rows.names, COLUMNS, what="column", where=path)
    for name in ("model", *(("item", "correct") if "correct" in rows.names else ("accuracy", "n"))):
        if name not in rows.names:
            raise BadSpec(
                f"{path} has no column {name!r}; accepted: model, item, correct, or model, accuracy, n. "
                f"Columns: {', '.join(rows.names)}"
            )
    if not len(rows.lines):
        raise BadSpec(f"{path} has no scores; a table needs at least one row below the column names")
    return _table_of(rows, digest=hashlib.sha256(Path(path).read_bytes()).hexdigest())


def _table_of(rows: Columns, *, digest: str) -> ScoreTable:
    n = len(rows.lines)
    default = {"benchmark": slug(Path(rows.path).stem), "stage": "before", "form": "", "seed": "0"}
    keys = {name: rows.columns.get(name) or Column((default[name],), np.zeros(n, dtype=np.int64)) for name in KEYS}
    for name, accepted in (("stage", STAGES), ("form", FORMS)):
        for word in keys[name].words:
            known_only([word], accepted, what=name, where=rows.path)
    for name in ("model", "benchmark"):
        if "" in keys[name].words:
            raise BadSpec(f"{_first(rows, keys[name], '')} has no {name}")
    stated = keys["seed"]
    keys["seed"] = recoded([_whole(word, rows.path) for word in stated.words], stated.codes)  # "", 0 and 00 are one
    sizes = tuple(len(keys[name].words) for name in KEYS)
    number = np.ravel_multi_index(tuple(keys[name].codes for name in KEYS), sizes)
    by_item = "correct" in rows.columns
    order = np.lexsort((rows.columns["item"].codes, number)) if by_item else np.argsort(number, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(number[order]) != 0])
    groups: dict[Key, Scores] = {}
    fill = _by_item(rows) if by_item else _by_score(rows)
    for of_one in np.split(order, starts[1:]):
        codes = np.unravel_index(number[of_one[0]], sizes)
        words = [keys[name].words[code] for name, code in zip(KEYS, codes, strict=True)]
        groups[Key(words[0], words[1], words[2], words[3], int(words[4]))] = fill(of_one)
    return ScoreTable(
        path=rows.path,
        digest=digest,
        scores=groups,
        by_stage=indexed(groups),
        models=keys["model"].words,
        benchmarks=keys["benchmark"].words,
        facts=_facts(rows, keys["model"]),
        chance=_chances(rows, keys["benchmark"]),
    )


def indexed(scores: Mapping[Key, Scores]) -> dict[tuple[str, str, str, str], dict[int, Scores]]:
    """By benchmark, model, stage and form: seed -> scores."""
    found: dict[tuple[str, str, str, str], dict[int, Scores]] = {}
    for key, each in scores.items():
        found.setdefault((key.benchmark, key.model, key.stage, key.form), {})[key.seed] = each
    return found


def _by_item(rows: Columns) -> Callable[[NDArray[np.int64]], Scores]:
    answers, item = rows.columns["correct"], rows.columns["item"].codes
    for word in answers.words:
        if word.lower() not in _RIGHT:
            raise BadSpec(f"{_first(rows, answers, word)} has correct={word!r}; accepted: 0, 1, true, false")
    right = np.array([_RIGHT[word.lower()] for word in answers.words])[answers.codes]
    clusters = _clusters(rows, item)

    def fill(of_one: NDArray[np.int64]) -> Scores:
        twice = np.flatnonzero(np.diff(item[of_one]) == 0)
        if len(twice):
            first, second = (of_one[twice[0] + k] for k in (0, 1))
            raise BadSpec(
                f"{rows.where(first)} and row {rows.lines[second]} score one item of one model, stage and seed twice"
            )
        return Scores(
            accuracy=float(right[of_one].mean()),
            n=len(of_one),
            items=item[of_one],
            clusters=None if clusters is None else clusters[of_one],
            correct=right[of_one],
            recipe=_recipe(rows, of_one),
        )

    return fill


def _clusters(rows: Columns, item: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """[n] number of each row's cluster; an item of none stands alone."""
    named = rows.columns.get("cluster")
    if named is None:
        return None
    alone = np.array([not word for word in named.words])[named.codes]
    return np.where(alone, len(named.words) + item, named.codes)


def _by_score(rows: Columns) -> Callable[[NDArray[np.int64]], Scores]:
    def fill(of_one: NDArray[np.int64]) -> Scores:
        at = int(of_one[0])
        if len(of_one) > 1:
            raise BadSpec(
                f"{rows.where(at)} and row {rows.lines[of_one[1]]} are two scores of one model, stage and seed"
            )
        accuracy = _number(rows.columns["accuracy"][at], 0.0, 1.0, key="accuracy", where=rows.where(at))
        n = _number(rows.columns["n"][at], 1.0, 1e9, key="n", where=rows.where(at))
        return Scores(accuracy, int(n), recipe=_recipe(rows, of_one))

    return fill


def _recipe(rows: Columns, of_one: NDArray[np.int64]) -> str:
    """Of one set of scores. Raises BadSpec where its rows state two."""
    stated = rows.columns.get("recipe")
    if stated is None:
        return ""
    other = np.flatnonzero(stated.codes[of_one] != stated.codes[of_one[0]])
    if len(other):
        first, second = of_one[0], of_one[other[0]]
        raise BadSpec(
            f"{rows.where(first)} has recipe={stated[first]!r}, row {rows.lines[second]} of the same model, stage and "
            f"seed {stated[second]!r}; one training has one recipe"
        )
    return stated[int(of_one[0])]


def _facts(rows: Columns, models: Column) -> dict[str, dict[str, str]]:
    """What the columns say of each model: one thing in all of its rows."""
    found: dict[str, dict[str, str]] = {name: {} for name in models.words}
    for fact in ("role", *FACTS):
        for name, said in _one_each(rows, models, fact).items():
            inside = f"{rows.path}, model {name}"
            read_fact = one_of(said, ROLES, key="role", where=inside) if fact == "role" else None
            found[name][fact] = read_fact or config.fact(fact, said, where=inside)
    return found


def _chances(rows: Columns, benchmarks: Column) -> dict[str, float]:
    said = _one_each(rows, benchmarks, "chance")
    return {name: _number(text, 0.0, 1.0, key="chance", where=rows.path, open_high=True) for name, text in said.items()}


def _one_each(rows: Columns, of: Column, fact: str) -> dict[str, str]:
    """Name -> the one thing that its rows say, where they say anything."""
    stated = rows.columns.get(fact)
    if stated is None:
        return {}
    _, at = np.unique(of.codes * len(stated.words) + stated.codes, return_index=True)
    said: dict[str, int] = {}
    for row in map(int, np.sort(at)):
        if not stated[row]:
            continue
        first = said.setdefault(of[row], row)
        if first != row:
            raise BadSpec(
                f"{rows.path}: {fact} of {of[row]} is {stated[first]!r} in row {rows.lines[first]} and {stated[row]!r} "
                f"in row {rows.lines[row]}; state one"
            )
    return {name: stated[row] for name, row in said.items()}


def _first(rows: Columns, column: Column, word: str) -> str:
    """Where a word stands first."""
    return rows.where(int(np.flatnonzero(column.codes == column.words.index(word))[0]))


def _whole(text: str, path: str) -> int:
    try:
        return int(text or 0)
    except ValueError:
        raise BadSpec(f"{path} has seed={text!r}; accepted: whole numbers") from None


def _number(text: str, low: float, high: float, *, key: str, where: str, open_high: bool = False) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high or (open_high and value == high):
        raise BadSpec(f"{key}={text!r} in {where}; accepted: a number from {low:g} to {high:g}")
    return value
