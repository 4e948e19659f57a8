"""Rows of a table become items: a field map says which column is what.

?id=qid&question=stem&options=A,B,C,D&gold=answer&cluster=passage&lang==en&keep=year,subject

A value names a column, `a.b` a field within one, several joined by commas as many columns (options, keep); `=text` is
text for every item. A field that is not mapped is read from the column of its own name, where there is one.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, cast

from .. import tables
from ..errors import BadSpec
from ..specs import known_only, meant, one_of
from .record import ANSWER_TYPES, AnswerType, Item

OPTIONS = {
    "id": "unique name of an item; the row's name if there is no such column",
    "question": "the question (required)",
    "options": "answers to choose from: one column with a list, or several columns",
    "gold": "the right option",
    "gold_is": "how gold is written: index (from 0), index1 (from 1), letter, label or text; found out if not stated",
    "labels": "names of the options, where gold is one of them",
    "aliases": "further accepted answers, one text or a list",
    "cluster": "what makes items dependent",
    "lang": "BCP 47 tag",
    "context": "passage the question is about",
    "answer_type": f"{', '.join(ANSWER_TYPES)}",
    "heldout": "a distractor that is not among the options",
    "keep": "further columns to keep as facts",
}
GOLD_WAYS = ("index", "index1", "letter", "label", "text")
_MISSING = object()


def items(table: tables.Rows, options: Mapping[str, str], *, spec: str) -> tuple[Item, ...]:
    """Every row as an item, in order.

    Raises BadSpec, naming the row, on a missing field, no items, a repeated id, or a repeated question with the same
    options and context.
    """
    known_only(options, OPTIONS, what="field", where=repr(spec))
    if not table.rows:
        raise BadSpec(f"{table.path} has no items; a benchmark needs at least one row below the column names")
    fields = {key: value for key, value in options.items() if key not in ("gold_is", "keep")}
    for key in ("question", *fields):
        for name in fields.get(key, key).split(",") if key == "options" else [fields.get(key, key)]:
            if not name.startswith("="):
                tables.column(table, name.split(".")[0], role=key if key in fields else f"{key}; map it: {key}=column")
    rows = [_Row(row, f"{table.path}, {where}", fields) for row, where in zip(table.rows, table.where, strict=True)]
    choices = [row.options() for row in rows]
    golds = _golds(rows, choices, one_of(options.get("gold_is", ""), ("", *GOLD_WAYS), key="gold_is", where=repr(spec)))
    keep = tuple(tables.column(table, name, role="keep") for name in options.get("keep", "").split(",") if name)
    built = [
        Item(
            id=row.text("id") or where.replace(" ", "-"),
            question=row.text("question", required=True),
            options=choice,
            gold=gold,
            aliases=row.texts("aliases"),
            cluster=row.text("cluster"),
            lang=row.text("lang"),
            context=row.text("context") or None,
            answer_type=row.answer_type(),
            heldout=row.text("heldout") or None,
            facts={name: _plain(row.row.get(name)) for name in keep},
        )
        for row, where, choice, gold in zip(rows, table.where, choices, golds, strict=True)
    ]
    _no_twins(built, table)
    return tuple(built)


class _Row:
    """One row seen through the field map."""

    def __init__(self, row: Mapping[str, Any], where: str, fields: Mapping[str, str]) -> None:
        self.row, self.where, self.fields = row, where, fields

    def cell(self, key: str) -> Any:
        """The mapped cell; None where the field is neither mapped nor a column."""
        name = self.fields.get(key, key)
        if name.startswith("="):
            return name[1:]
        value: Any = self.row
        for part in (name,) if name in self.row else name.split("."):
            value = value.get(part, _MISSING) if isinstance(value, Mapping) else _MISSING
            if value is _MISSING:
                if key in self.fields:
                    raise BadSpec(f"{self.where} has no field {name!r} ({key})")
                return None
        return value

    def text(self, key: str, *, required: bool = False) -> str:
        value = self.cell(key)
        text = "" if value is None else str(value)
        if required and not text.strip():
            raise BadSpec(f"{self.where} has no {key}; every item needs one")
        return text

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.cell(key)
        if value is None or value == "":
            return ()
        if isinstance(value, str) or not isinstance(value, Sequence):
            return (str(value),)
        return tuple(str(v) for v in value)

    def options(self) -> tuple[str, ...]:
        names = self.fields.get("options", "options")
        if "," in names:
            found = tuple("" if self.row.get(name) is None else str(self.row[name]) for name in names.split(","))
        else:
            found = self.texts("options")
        if not found and "options" not in self.fields:
            return ()
        if len(found) < 2 or not all(option.strip() for option in found):
            raise BadSpec(f"{self.where}: options are {list(found)}; at least two, none of them empty, are accepted")
        if len(set(found)) < len(found):
            raise BadSpec(f"{self.where}: options are {list(found)}; two are the same, so gold is not one of them")
        return found

    def answer_type(self) -> AnswerType:
        stated = self.text("answer_type") or "other"
        return cast(AnswerType, one_of(stated, ANSWER_TYPES, key="answer_type", where=self.where))


def _golds(rows: list[_Row], choices: list[tuple[str, ...]], stated: str) -> list[int | None]:
    """Index of each item's right option. The way it is written must be one for all items, and leave no doubt."""
    written = [row.cell("gold") for row in rows]
    asked = [i for i, choice in enumerate(choices) if choice]
    for i in asked:
        if written[i] is None or str(written[i]).strip() == "":
            raise BadSpec(f"{rows[i].where} has no gold; an item with options needs the right one: map it, gold=column")
    guess = ("label",) if "labels" in rows[0].fields else ("index", "letter", "text")
    ways = (stated,) if stated else guess
    read = {way: [_gold(way, str(written[i]).strip(), choices[i], rows[i]) for i in asked] for way in ways}
    fit = [way for way in ways if None not in read[way]]
    if not fit:
        best = max(ways, key=lambda way: sum(g is not None for g in read[way]))
        i = asked[read[best].index(None)]
        raise BadSpec(
            f"{rows[i].where}: gold {written[i]!r} is no {' or '.join(ways)} of {list(choices[i])}; "
            f"state gold_is={'|'.join(GOLD_WAYS)}"
        )
    for way in fit[1:]:
        for i, a, b in zip(asked, read[fit[0]], read[way], strict=True):
            if a != b:
                raise BadSpec(
                    f"{rows[i].where}: gold {written[i]!r} may be an {fit[0]} or a {way} of {list(choices[i])}; "
                    f"state gold_is={fit[0]} or gold_is={way}"
                )
    golds: list[int | None] = [None] * len(rows)
    for i, gold in zip(asked, read[fit[0]], strict=True):
        golds[i] = gold
    return golds


def _gold(way: str, text: str, choice: tuple[str, ...], row: _Row) -> int | None:
    if way in ("index", "index1"):
        at = int(text) - (way == "index1") if text.isdecimal() else -1
    elif way == "letter":
        at = "ABCDEFGHIJKLMNOPQRSTUVWXYZ".find(text.upper()) if len(text) == 1 else -1
    else:
        names = list(row.texts("labels") if way == "label" else choice)
        at = names.index(text) if text in names else -1
    return at if 0 <= at < len(choice) else None


def _no_twins(built: list[Item], table: tables.Rows) -> None:
    ids: dict[str, str] = {}
    asked: dict[tuple[str, tuple[str, ...], str | None], str] = {}
    for item, where in zip(built, table.where, strict=True):
        if item.id in ids:
            raise BadSpec(f"{table.path}, {where}: id {item.id!r} is already in {ids[item.id]}; ids are unique")
        key = (item.question, item.options, item.context)
        if key in asked:
            raise BadSpec(
                f"{table.path}, {where}: the item repeats {asked[key]} ({item.question[:60]!r}); "
                "remove duplicated items first, they count twice in every test"
            )
        ids[item.id], asked[key] = where, where


def _plain(value: Any) -> Any:
    """A fact as plain JSON."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, (list, tuple)) else value


def no_such(name: str, known: Sequence[str], *, what: str, where: str) -> BadSpec:
    """A split or configuration that is not there."""
    return BadSpec(f"{where} has no {what} {name!r}. Known: {', '.join(known)}.{meant(name, known)}")
