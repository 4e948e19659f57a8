"""Compressed twins of a dense model: how they are named, and which ones a model that states `twins = true` gets.

mine = hf:./m with methods = ["wanda"], sparsities = [0.5], patterns = ["wanda:2:4"], bits = [4]

    mine.wanda50     hf:./m?prune=wanda&sparsity=0.5
    mine.wanda2of4   hf:./m?prune=wanda&pattern=2:4
    mine.rtn4        hf:./m?quant=4

A twin states the id of its dense model as the fact `dense`. Nothing here opens a model.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from .errors import BadSpec
from .policy import McGenerationPolicy
from .records import Entry
from .specs import split, with_options

METHODS = ("magnitude", "wanda", "sparsegpt")
BITS = (8, 4, 3)
GROUPS = (2, 4, 8, 16, 32, 64, 128)  # the M of N:M: they must fit the blocks of SparseGPT


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is done to the dense model: the end of the twin's id, and the options of its spec."""

    name: str
    options: Mapping[str, object]


def recipes(policy: McGenerationPolicy) -> tuple[Recipe, ...]:
    """The grid of a policy: every method at every sparsity, then the patterns, then round-to-nearest."""
    found = [
        Recipe(f"{method}{percent(sparsity)}", {"prune": method, "sparsity": sparsity})
        for method in policy.methods
        for sparsity in policy.sparsities
    ]
    for text in policy.patterns:
        method, zeros, group = parse_pattern(text)
        found.append(Recipe(f"{method}{zeros}of{group}", {"prune": method, "pattern": f"{zeros}:{group}"}))
    return (*found, *(Recipe(f"rtn{bits}", {"quant": bits}) for bits in policy.bits))


def percent(sparsity: float) -> str:
    """A share as it stands in an id: .5 -> 50, .625 -> 62.5."""
    return format((Decimal(str(sparsity)) * 100).normalize(), "f")


def parse_pattern(text: str) -> tuple[str, int, int]:
    """(method, N, M) of "wanda:2:4": the N lowest of every M consecutive inputs become zero. BadSpec on all else."""
    written = re.fullmatch(r"([a-z]+):(\d{1,3}):(\d{1,3})", text)
    method, zeros, group = (written[1], int(written[2]), int(written[3])) if written else ("", 0, 0)
    if method not in METHODS or group not in GROUPS or not 0 < zeros < group:
        raise BadSpec(
            f"{text!r} is no pattern; accepted: METHOD:N:M with a method among {', '.join(METHODS)}, M among "
            f"{', '.join(map(str, GROUPS))} and 0 < N < M, such as wanda:2:4"
        )
    return method, zeros, group


def dense_id(entry: Entry) -> str:
    """The id of the dense model that an entry names, "" where it is no twin."""
    return str(entry.facts.get("dense", ""))


def kin(entry: Entry) -> str:
    """The name that a dense model and its twins share."""
    return dense_id(entry) or entry.id


def twins_of(entry: Entry, policy: McGenerationPolicy) -> tuple[Entry, ...]:
    """The twins in the policy's grid, as candidates that state what their dense model states: it is the same training.

    Raises BadSpec where the entry is itself a twin, or holds answers only.
    """
    if dense_id(entry):
        raise BadSpec(
            f"the model {entry.id!r} states twins = true and is itself a twin of {dense_id(entry)!r}; state it there"
        )
    if split(entry.spec)[0] == "recorded":
        raise BadSpec(
            f"the model {entry.id!r} states twins = true, but {entry.spec} holds answers, and no weights to compress; "
            f"enter each recorded twin with dense = {entry.id!r}"
        )
    facts = {key: value for key, value in entry.facts.items() if key != "twins"} | {"dense": entry.id}
    return tuple(
        Entry(f"{entry.id}.{recipe.name}", with_options(entry.spec, recipe.options), world=entry.world, facts=facts)
        for recipe in recipes(policy)
    )


def with_twins(models: Iterable[Entry], policy: McGenerationPolicy) -> tuple[Entry, ...]:
    """The models, and behind each that states `twins = true` its twins. One entered by hand stays as it was entered.

    Raises BadSpec where the id of a twin is another model's.
    """
    given = {entry.id: entry for entry in models}
    found: dict[str, Entry] = {}
    for entry in given.values():
        found.setdefault(entry.id, entry)
        for twin in twins_of(entry, policy) if entry.facts.get("twins") else ():
            kept = given.get(twin.id, found.get(twin.id, twin))
            if kept.spec != twin.spec:
                raise BadSpec(f"{kept.spec} and the twin {twin.spec} both have the id {twin.id!r}; rename the first")
            found.setdefault(twin.id, kept)
    return tuple(found.values())


def check(models: Iterable[Entry]) -> None:
    """Raise BadSpec where a `dense` names no model of the run, one of another world, or one that is itself a twin."""
    by_id = {entry.id: entry for entry in models}
    for entry in by_id.values():
        name = dense_id(entry)
        if not name:
            continue
        where = f"dense = {name!r} of the model {entry.id!r}"
        originals = ", ".join(each.id for each in by_id.values() if not dense_id(each)) or "none"
        if name not in by_id:
            raise BadSpec(f"{where} names no model of this run. There are: {originals}. Enter the dense model too")
        if dense_id(by_id[name]):
            raise BadSpec(f"{where} names a twin of {dense_id(by_id[name])!r}; name a model as it came: {originals}")
        if by_id[name].world != entry.world:
            raise BadSpec(
                f"{where} is a model of the world {by_id[name].world!r}, the twin of {entry.world!r}: they would meet "
                "no common benchmark; state world = on one of them"
            )
