"""Rows of a local table, as written: csv, tsv, jsonl (each also .gz) and parquet.

Numbers keep the digits they were written with (`"3.10"` in csv, `Decimal("3.10")` in jsonl): how many decimals were
published is itself a fact, and a float has lost it.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from .errors import BadSpec
from .specs import meant

FORMATS = ("csv", "tsv", "jsonl", "parquet")


@dataclass(frozen=True, slots=True)
class Rows:
    """A table as it lies on disk. where[i] names row i as an editor does: "row 2" is the first below a csv header."""

    path: str
    columns: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    where: tuple[str, ...]


def read(path: str, *, form: str = "") -> Rows:
    """Every row of a table. form: one of FORMATS, or "" to go by the file's name. Raises BadSpec, naming the row."""
    file = Path(path)
    if not file.is_file():
        what = "is a directory" if file.is_dir() else "does not exist"
        raise BadSpec(f"{path!r} {what} (looked for {file.absolute()}); give a {', '.join(FORMATS)} file")
    form = form or file.name.removesuffix(".gz").rpartition(".")[2].lower()
    if form in ("csv", "tsv"):
        return _csv(path, _text(file), "," if form == "csv" else "\t")
    if form in ("jsonl", "ndjson"):
        return _jsonl(path, _text(file))
    if form == "parquet":
        return _parquet(path)
    raise BadSpec(f"{path!r} is no table by its name; accepted: .{', .'.join(FORMATS)}")


def column(table: Rows, name: str, *, role: str) -> str:
    """`name` if the table has it. Raises BadSpec with the columns there are; role says what it was wanted for."""
    if name not in table.columns:
        raise BadSpec(
            f"{table.path} has no column {name!r} ({role}). Columns: {', '.join(table.columns)}."
            f"{meant(name, table.columns)}"
        )
    return name


def _text(file: Path) -> str:
    try:
        content = file.read_bytes()
        return (gzip.decompress(content) if file.suffix == ".gz" else content).decode("utf-8-sig")
    except (UnicodeDecodeError, gzip.BadGzipFile, EOFError) as error:
        raise BadSpec(f"{file}: {error}; accepted: UTF-8 text, plain or gzipped") from error


def _csv(path: str, text: str, delimiter: str) -> Rows:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        lines = [(reader.line_num, fields) for fields in reader if fields]
    except csv.Error as error:
        raise BadSpec(f"{path}, row {reader.line_num}: {error}") from error
    if not lines:
        raise BadSpec(f"{path} is empty; the first row names the columns")
    columns = tuple(name.strip() for name in lines[0][1])
    _columns_differ(path, columns)
    for number, fields in lines[1:]:
        if len(fields) != len(columns):
            raise BadSpec(
                f"{path}, row {number} has {len(fields)} fields, the header has {len(columns)} ({', '.join(columns)})"
            )
    rows = tuple(dict(zip(columns, fields, strict=True)) for _, fields in lines[1:])
    return Rows(path, columns, rows, tuple(f"row {number}" for number, _ in lines[1:]))


def _columns_differ(path: str, columns: tuple[str, ...]) -> None:
    for name in columns:
        if columns.count(name) > 1:
            raise BadSpec(f"{path} has two columns named {name!r}; column names differ")


def _jsonl(path: str, text: str) -> Rows:
    rows, where = [], []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, parse_float=Decimal, parse_constant=str)
        except json.JSONDecodeError as error:
            raise BadSpec(f"{path}, row {number} is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise BadSpec(f"{path}, row {number} is not a JSON object; write one object a line")
        rows.append(row)
        where.append(f"row {number}")
    return Rows(path, tuple(dict.fromkeys(key for row in rows for key in row)), tuple(rows), tuple(where))


def _parquet(path: str) -> Rows:
    try:
        from pyarrow import ArrowInvalid, parquet  # heavy, and not everybody has it
    except ImportError as error:
        raise BadSpec(f"{path!r} is a parquet file, which needs pyarrow: pip install 'seepage[datasets]'") from error
    try:
        table = parquet.read_table(path)
    except (ArrowInvalid, OSError) as error:
        raise BadSpec(f"{path!r} is not a readable parquet file: {error}") from error
    _columns_differ(path, tuple(table.column_names))
    rows = tuple(table.to_pylist())
    return Rows(path, tuple(table.column_names), rows, tuple(f"row {i + 1}" for i in range(len(rows))))


def cells(table: Rows, name: str) -> Iterator[tuple[str, Any]]:
    """(where, cell) down one column; a key that a jsonl row lacks is None."""
    return ((where, row.get(name)) for where, row in zip(table.where, table.rows, strict=True))
