"""Rows of a local table, as written: csv, tsv, jsonl (each also .gz) and parquet.

Numbers keep the digits they were written with (`"3.10"` in csv, `Decimal("3.10")` in jsonl): how many decimals were
published is itself a fact, and a float has lost it.
"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import BadSpec
from .specs import meant

FORMATS = ("csv", "tsv", "jsonl", "parquet")
DELIMITERS = {"csv": ",", "tsv": "\t"}
CHUNK = 100_000  # rows of csv that are held as text at once


@dataclass(frozen=True, slots=True)
class Rows:
    """A table as it lies on disk. where[i] names row i as an editor does: "row 2" is the first below a csv header."""

    path: str
    columns: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    where: tuple[str, ...]


def read(path: str, *, form: str = "") -> Rows:
    """Every row of a table. form: one of FORMATS, or "" to go by the file's name. Raises BadSpec, naming the row."""
    file, form = _file(path, form)
    if form == "parquet":
        return _parquet(path)
    return _jsonl(path, _text(file)) if form == "jsonl" else _csv(path, _text(file), DELIMITERS[form])


def _file(path: str, form: str = "") -> tuple[Path, str]:
    file = Path(path)
    if not file.is_file():
        what = "is a directory" if file.is_dir() else "does not exist"
        raise BadSpec(f"{path!r} {what} (looked for {file.absolute()}); give a {', '.join(FORMATS)} file")
    form = form or file.name.removesuffix(".gz").rpartition(".")[2].lower()
    form = "jsonl" if form == "ndjson" else form
    if form not in FORMATS:
        raise BadSpec(f"{path!r} is no table by its name; accepted: .{', .'.join(FORMATS)}")
    return file, form


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
    lines = _csv_lines(path, text, delimiter)
    columns = tuple(next(lines)[1])
    rows, where = [], []
    for number, fields in lines:
        rows.append(dict(zip(columns, fields, strict=True)))
        where.append(f"row {number}")
    return Rows(path, columns, tuple(rows), tuple(where))


def _csv_lines(path: str, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(number of the line, its fields), first of the header. Raises BadSpec where a row has another number of
    fields."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns: list[str] = []
    try:
        for fields in reader:
            if not fields:
                continue
            if not columns:
                columns = [name.strip() for name in fields]
                _columns_differ(path, columns)
                fields = columns
            elif len(fields) != len(columns):
                raise BadSpec(
                    f"{path}, row {reader.line_num} has {len(fields)} fields, the header has {len(columns)} "
                    f"({', '.join(columns)})"
                )
            yield reader.line_num, fields
    except csv.Error as error:
        raise BadSpec(f"{path}, row {reader.line_num}: {error}") from error
    if not columns:
        raise BadSpec(f"{path} is empty; the first row names the columns")


def _columns_differ(path: str, columns: Collection[str]) -> None:
    columns = list(columns)
    for name in columns:
        if columns.count(name) > 1:
            raise BadSpec(f"{path} has two columns named {name!r}; column names differ")


def _jsonl(path: str, text: str) -> Rows:
    lines = list(_jsonl_lines(path, text))
    columns = dict.fromkeys(key for _, row in lines for key in row)
    return Rows(path, tuple(columns), tuple(row for _, row in lines), tuple(f"row {number}" for number, _ in lines))


def _jsonl_lines(path: str, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """(number of the line, its object)."""
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, parse_float=Decimal, parse_constant=str)
        except json.JSONDecodeError as error:
            raise BadSpec(f"{path}, row {number} is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise BadSpec(f"{path}, row {number} is not a JSON object; write one object a line")
        yield number, row


def _parquet(path: str) -> Rows:
    names, table = _parquet_table(path)
    rows = tuple(table.to_pylist())
    return Rows(path, tuple(names), rows, tuple(f"row {i + 1}" for i in range(len(rows))))


def _parquet_table(path: str, wanted: Collection[str] | None = None) -> tuple[list[str], Any]:
    """(names of all columns, a table of pyarrow of those that are wanted and there; None: of all)."""
    try:
        from pyarrow import ArrowInvalid, parquet  # heavy, and not everybody has it
    except ImportError as error:
        raise BadSpec(f"{path!r} is a parquet file, which needs pyarrow: pip install 'seepage[datasets]'") from error
    try:
        names = parquet.read_schema(path).names
        _columns_differ(path, names)
        return names, parquet.read_table(path, columns=[n for n in names if wanted is None or n in wanted])
    except (ArrowInvalid, OSError) as error:
        raise BadSpec(f"{path!r} is not a readable parquet file: {error}") from error


def cells(table: Rows, name: str) -> Iterator[tuple[str, Any]]:
    """(where, cell) down one column; a key that a jsonl row lacks is None."""
    return ((where, row.get(name)) for where, row in zip(table.where, table.rows, strict=True))


# --- columns of few words and many rows -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Column:
    """Cells as text without spaces around, "" where there is none. words: in order of appearance.  codes: [n] places in
    words."""

    words: tuple[str, ...]
    codes: NDArray[np.int64]

    def __getitem__(self, row: int) -> str:
        return self.words[int(self.codes[row])]


@dataclass(frozen=True, slots=True)
class Columns:
    """A table by columns: millions of rows are read in seconds. names: all that it has.  lines: [n] numbers of the
    rows."""

    path: str
    names: tuple[str, ...]
    columns: Mapping[str, Column] = field(repr=False)
    lines: NDArray[np.int64] = field(repr=False)

    def where(self, row: int) -> str:
        return f"{self.path}, row {self.lines[row]}"


def read_columns(path: str, wanted: Collection[str]) -> Columns:
    """The columns of a table that are wanted and there. Raises BadSpec, naming the row."""
    file, form = _file(path)
    if form == "parquet":
        return _parquet_columns(path, wanted)
    if form == "jsonl":
        rows = list(_jsonl_lines(path, _text(file)))
        names = tuple(dict.fromkeys(key for _, row in rows for key in row))
        columns = {name: coded(row.get(name) for _, row in rows) for name in names if name in wanted}
        return Columns(path, names, columns, np.array([number for number, _ in rows], dtype=np.int64))
    return _csv_columns(path, _text(file), DELIMITERS[form], wanted)


def coded(cells: Iterable[Any]) -> Column:
    """A column of cells in hand."""
    made = _Coding()
    made.add(["" if cell is None else str(cell) for cell in cells])
    return made.column


def recoded(words: Iterable[Any], codes: NDArray[np.int64]) -> Column:
    """A column of words that may be the same as text: they become one."""
    found = coded(words)
    return Column(found.words, found.codes[codes])


class _Coding:
    """A column while it is read."""

    def __init__(self) -> None:
        self.raw: dict[str, int] = {}  # a cell as it was written -> its word
        self.words: dict[str, int] = {}
        self.codes: list[NDArray[np.int64]] = []

    def add(self, cells: Sequence[str]) -> None:
        for cell in dict.fromkeys(cells):
            if cell not in self.raw:
                self.raw[cell] = self.words.setdefault(cell.strip(), len(self.words))
        self.codes.append(np.fromiter(map(self.raw.__getitem__, cells), dtype=np.int64, count=len(cells)))

    @property
    def column(self) -> Column:
        return Column(tuple(self.words), np.concatenate([np.zeros(0, dtype=np.int64), *self.codes]))


def _csv_columns(path: str, text: str, delimiter: str, wanted: Collection[str]) -> Columns:
    rows = _csv_lines(path, text, delimiter)
    names = tuple(next(rows)[1])
    made = {at: _Coding() for at, name in enumerate(names) if name in wanted}
    lines: list[int] = []
    while chunk := list(itertools.islice(rows, CHUNK)):
        lines += [number for number, _ in chunk]
        for at, cells in enumerate(zip(*(fields for _, fields in chunk), strict=True)):
            if at in made:
                made[at].add(cells)
    columns = {names[at]: coding.column for at, coding in made.items()}
    return Columns(path, names, columns, np.array(lines, dtype=np.int64))


def _parquet_columns(path: str, wanted: Collection[str]) -> Columns:
    names, table = _parquet_table(path, wanted)
    columns = {name: _of_arrow(table.column(name)) for name in table.column_names}
    return Columns(path, tuple(names), columns, np.arange(1, table.num_rows + 1))


def _of_arrow(cells: Any) -> Column:
    """Of a ChunkedArray. Its few different cells become text, not its rows."""
    from pyarrow import types

    if types.is_nested(cells.type):
        return coded(cells.to_pylist())
    plain = cells.cast(cells.type.value_type) if types.is_dictionary(cells.type) else cells
    encoded = plain.dictionary_encode(null_encoding="encode").combine_chunks()
    return recoded(encoded.dictionary.to_pylist(), encoded.indices.to_numpy(zero_copy_only=False))
