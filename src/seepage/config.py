"""What a user configures: `[tool.seepage]` of pyproject.toml, the same keys in seepage.toml, command-line entries.

[tool.seepage]
alpha = 0.05
models = [{ id = "mine", spec = "hf:./checkpoint", cutoff = ["2024-03", "2024-06"], twins = true }]
series = ["arch:Mkt-RF", { spec = "csv:orders.csv#index", name = "Our order index", unit = "points" }]

[tool.seepage.numleak]
dates = 120

Everything unknown or out of range is refused by name, with what is accepted. Nothing here opens a model or a table.
"""

from __future__ import annotations

import datetime
import math
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from .errors import BadSpec
from .policy import Policy
from .policy_table import policy_of
from .records import KINDS, ROLES, Entry
from .specs import ID, known_only, one_of, slug, split, with_options

STORE = ".seepage/answers.sqlite"
OUT = ".seepage"
WORLDS = ("embedded", "quiz", "scores", "real")
STAGES = ("base", "instruct", "rl")
Axis = Literal["models", "series", "benchmarks"]
AXES: tuple[Axis, ...] = ("models", "series", "benchmarks")
KEYS = (*AXES, "store", "out", "controls")
ENTRY_KEYS = ("id", "spec", "role", "world")
MODEL_FACTS = ("cutoff", "released", "params", "train_tokens", "lineage", "stage", "dense", "twins")
BENCH_FACTS = ("train", *KINDS)  # of a benchmark that models are trained for; a table of scores has its own
_COUNTS = {"": 1, "k": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}


@dataclass(frozen=True, slots=True)
class Config:
    """One run, as written down. controls: embedded controls are added beside a user's models. Paths as written."""

    models: tuple[Entry, ...] = ()
    series: tuple[Entry, ...] = ()
    benchmarks: tuple[Entry, ...] = ()
    policy: Policy = field(default_factory=Policy)
    store: str = STORE
    out: str = OUT
    controls: bool = True


def load(table: Mapping[str, Any], *, where: str = "[tool.seepage]") -> Config:
    """The configuration in a parsed table. Raises BadSpec on the first key or value that is not accepted."""
    policy_keys = tuple(Policy.__dataclass_fields__)
    known_only(table, (*KEYS, *policy_keys), what="key", where=where)
    controls = table.get("controls", True)
    if not isinstance(controls, bool):
        raise BadSpec(f"controls={controls!r} in {where}; accepted: true, false")
    axes = {axis: entries(table.get(axis, ()), axis, where=f"{where} {axis}") for axis in AXES}
    return Config(
        **axes,
        policy=policy_of({key: table[key] for key in policy_keys if key in table}, where=where),
        store=_text(table.get("store", STORE), "store", where),
        out=_text(table.get("out", OUT), "out", where),
        controls=controls,
    )


def load_file(path: str | Path) -> Config:
    """The configuration in pyproject.toml (`[tool.seepage]`, absent is empty) or in a TOML file of its own."""
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSpec(f"{path} is no readable TOML file: {error}") from error
    if path.name == "pyproject.toml":
        return load(content.get("tool", {}).get("seepage", {}), where=f"{path} [tool.seepage]")
    return load(content.get("tool", {}).get("seepage", content), where=str(path))


# --- entries -------------------------------------------------------------------------------------------------------


def entries(written: Any, axis: Axis, *, where: str) -> tuple[Entry, ...]:
    """Entries of one axis: a list of specs and tables, or a table of them by id. `real` stands for the real series."""
    if isinstance(written, Mapping):
        tables = [{"id": key, **_table(value, where=f"{where}.{key}")} for key, value in written.items()]
    elif isinstance(written, Sequence) and not isinstance(written, str):
        tables = [_table(value, where=f"{where}[{i}]") for i, value in enumerate(written)]
    else:
        raise BadSpec(f"{where} is {written!r}; accepted: a list of specs or tables, or a table of them by id")
    found: list[Entry] = []
    for table in tables:
        if axis == "series" and table.get("spec") == "real":
            known_only(table, ("spec",), what="key", where=f"{where} (real)")
            found.extend(_real())
        else:
            found.append(entry(table, axis, where=where))
    return unique(found, where=where)


def unique(found: Iterable[Entry], *, where: str) -> tuple[Entry, ...]:
    """The entries, if no id is there twice."""
    by_id: dict[str, Entry] = {}
    for each in found:
        if each.id in by_id:
            raise BadSpec(f"{where}: {by_id[each.id].spec} and {each.spec} both have the id {each.id!r}; state id=")
        by_id[each.id] = each
    return tuple(by_id.values())


def parse_entry(text: str, axis: Axis, *, where: str) -> tuple[Entry, ...]:
    """Entries of one command-line argument `[id=]spec[,key=value]...`; `real` is several. A key may be repeated.

    mine=hf:./checkpoint,cutoff=2024-03,cutoff=2024-06,role=reference
    """
    if axis == "series" and text == "real":
        return _real()
    head, *stated = re.split(r",(?=[a-z_]+=)", text)
    named = re.fullmatch(r"(?:([^=:]*)=)?(.+)", head, re.S)
    table: dict[str, Any] = {"spec": named[2] if named else head}
    if named and named[1] is not None:
        table["id"] = named[1]
    for pair in stated:
        key, _, value = pair.partition("=")
        if key in table and key != "cutoff":
            raise BadSpec(f"{where} {text!r} states {key} twice; only cutoff may be repeated")
        table[key] = [*table.get(key, []), value] if key == "cutoff" else value
    return (entry(table, axis, where=f"{where} {text!r}"),)


def entry(table: Mapping[str, Any], axis: Axis, *, where: str) -> Entry:
    """One entry from its table. Raises BadSpec on a key or value that is not accepted."""
    spec = table.get("spec")
    if not isinstance(spec, str) or not spec:
        raise BadSpec(f"{where} has an entry without a spec: {dict(table)}; write spec = 'scheme:what'")
    scheme, _, _ = split(spec)
    inside = f"{where}, entry {table.get('id', spec)!r}"
    described = () if axis == "models" else _options(axis, scheme)
    facts = _stated(axis, scheme)
    known_only(table, (*ENTRY_KEYS, *facts, *described), what="key", where=inside)
    if options := {key: _option(table[key], key, inside) for key in described if key in table}:
        spec = with_options(spec, options)
    name = table.get("id", derived_id(spec, axis))
    if not isinstance(name, str) or not ID.fullmatch(name) or len(name) > 40:
        hint = f", for instance {slug(str(name))[:40]!r}" if slug(str(name)) else ""
        raise BadSpec(f"id {name!r} in {where}; accepted: at most 40 letters, digits, dots and underscores{hint}")
    return Entry(
        id=name,
        spec=spec,
        role=_role(table.get("role", "candidate"), where=inside),
        world=one_of(
            _text(table.get("world", _usual_world(spec, axis)), "world", inside),
            WORLDS,
            key="world",
            where=inside,
        ),
        facts=_offering({key: _FACTS[key](table[key], key, inside) for key in facts if key in table}, inside),
    )


def _stated(axis: Axis, scheme: str) -> tuple[str, ...]:
    """Keys of an entry that state something of it."""
    if axis == "models":
        return MODEL_FACTS
    return BENCH_FACTS if axis == "benchmarks" and scheme != "scores" else ()


def _offering(facts: dict[str, Any], where: str) -> dict[str, Any]:
    """With what a benchmark that models are trained for lets be judged: kinds of reference benchmarks, both forms."""
    kinds = tuple(kind for kind in KINDS if kind in facts)
    if kinds and "train" not in facts:
        raise BadSpec(f"{kinds[0]} in {where} belongs to train; state train = a number of items, or a benchmark's spec")
    return facts | {"kind": kinds, "forms": ("both",)} if "train" in facts else facts


def fact(key: str, value: Any, *, where: str) -> Any:
    """What a user states of a model, read. Raises BadSpec on a value that is not accepted."""
    return _FACTS[key](value, key, where)


def derived_id(spec: str, axis: Axis) -> str:
    """A short id of a spec: the last part of a path without revision; a column with its transform."""
    _, body, _ = split(spec)
    if axis == "series":
        column = body.rpartition("#")[2]
        return slug(column.replace("/", ".") if column and "#" in body else body.replace("/", "."))[:40]
    last = body.partition("@")[0].rstrip("/").rpartition("/")[2]
    return slug(re.sub(r"\.(jsonl|csv|tsv|parquet|gguf|sqlite)(#.*)?$", "", last))[:40] or slug(spec)[:40]


def _usual_world(spec: str, axis: Axis) -> str:
    """`real`; of what ships with the package the world of the panel's entry of that name, options aside."""
    scheme, body, _ = split(spec)
    if scheme == "scores":
        return "scores"
    if scheme != "embedded":
        return "real"
    from .organisms import PANEL

    shipped: tuple[Entry, ...] = getattr(PANEL, axis)
    return next((each.world for each in shipped if split(each.spec)[1] == body), "embedded")


def _real() -> tuple[Entry, ...]:
    from .series import real_entries

    return real_entries()


def _options(axis: Axis, scheme: str) -> tuple[str, ...]:
    """Keys of an entry that belong into its spec, after `?`."""
    from . import scores
    from .benchmarks import fields, opening
    from .series import opening as series
    from .series import table

    if scheme == "embedded":
        return ()
    if scheme == "scores":
        return scores.ENTRY_OPTIONS
    if axis == "benchmarks":
        mapped = tuple(key for key in fields.OPTIONS if key != "id")  # `id` is the entry's own
        return (*mapped, *(opening.HUB if scheme == "hf" else ()))
    packaged = scheme in series.PROVIDERS and scheme not in series.TABLES
    return series.PACKAGE_OPTIONS if packaged else tuple(table.OPTIONS)


def _table(value: Any, *, where: str) -> dict[str, Any]:
    if isinstance(value, str):
        return {"spec": value}
    if isinstance(value, Mapping):
        return dict(value)
    raise BadSpec(f"{where} is {value!r}; accepted: a spec or a table with spec = 'scheme:what'")


def _role(written: Any, *, where: str) -> str | dict[str, str]:
    """One role, or a role by hypothesis; `numleak.recall = ...` may come nested, as TOML reads an unquoted dot."""
    if isinstance(written, str):
        return one_of(written, ROLES, key="role", where=where)
    if not isinstance(written, Mapping) or not written:
        raise BadSpec(f"role={written!r} in {where}; accepted: {', '.join(ROLES)}, or a table of them by hypothesis")
    flat: dict[str, str] = {}
    for key, value in written.items():
        below = {f"{key}.{k}": v for k, v in value.items()} if isinstance(value, Mapping) else {key: value}
        for name, role in below.items():
            if not re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?", name):
                raise BadSpec(f"role of {name!r} in {where}; accepted: default, or a hypothesis such as numleak.recall")
            flat[name] = one_of(_text(role, f"role.{name}", where), ROLES, key=f"role.{name}", where=where)
    return flat


# --- values --------------------------------------------------------------------------------------------------------


def _text(value: Any, key: str, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadSpec(f"{key}={value!r} in {where}; accepted: a text that is not empty")
    return value


def _option(value: Any, key: str, where: str) -> str | bool | int | float | list[str]:
    if isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, Sequence) and all(isinstance(v, str) for v in value):
        return list(value)
    raise BadSpec(f"{key}={value!r} in {where}; accepted: a text, a number, true, false, or a list of texts")


def _months(value: Any, key: str, where: str) -> tuple[str, ...]:
    months = (value,) if isinstance(value, str) else value
    if not isinstance(months, Sequence) or not months:
        raise BadSpec(f"{key}={value!r} in {where}; accepted: a list of months, such as ['2024-03', '2024-06']")
    for month in months:
        if not isinstance(month, str) or not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
            raise BadSpec(f"{key}={month!r} in {where}; accepted: months written 2024-06, one or a list of them")
    return tuple(months)


def _day(value: Any, key: str, where: str) -> str:
    text = value.isoformat() if isinstance(value, datetime.date) else value
    if isinstance(text, str) and re.fullmatch(r"\d{4}-\d\d(-\d\d)?", text):
        try:
            datetime.date.fromisoformat((text + "-01")[:10])
            return text
        except ValueError:
            pass  # refused below, like every other text that is no date
    raise BadSpec(f"{key}={value!r} in {where}; accepted: 2024-11 or 2024-11-02")


def _count(value: Any, key: str, where: str) -> int:
    """A positive number, also written 135M or 1.7B."""
    count = 0
    if isinstance(value, str) and (written := re.fullmatch(r"(\d+(?:\.\d+)?)([kMBT]?)", value)):
        count = round(float(written[1]) * _COUNTS[written[2]])
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        count = round(value)
    if count < 1:
        raise BadSpec(f"{key}={value!r} in {where}; accepted: a number above 0, also with k, M, B or T: 135M")
    return count


def _train(value: Any, key: str, where: str) -> int | str:
    """How many items are set apart for training, or the spec of a benchmark of their own."""
    if isinstance(value, str) and not value[:1].isdigit():
        split(value)
        return value
    return _count(value, key, where)


def _benchmark(value: Any, key: str, where: str) -> str:
    text = _text(value, key, where)
    split(text)
    return text


def _stage(value: Any, key: str, where: str) -> str:
    return one_of(_text(value, key, where), STAGES, key=key, where=where)


def _switch(value: Any, key: str, where: str) -> bool:
    """true or false; a command line has only their names."""
    read = {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value
    if not isinstance(read, bool):
        raise BadSpec(f"{key}={value!r} in {where}; accepted: true, false")
    return read


_FACTS: dict[str, Callable[[Any, str, str], Any]] = {
    "cutoff": _months,
    "released": _day,
    "params": _count,
    "train_tokens": _count,
    "lineage": _text,
    "stage": _stage,
    "dense": _text,
    "twins": _switch,
    "train": _train,
    **dict.fromkeys(KINDS, _benchmark),
}
