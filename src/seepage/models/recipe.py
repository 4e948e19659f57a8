"""How a model is made from another: pruned, or rounded to few bits.

    ?prune=wanda&sparsity=0.5            ?prune=sparsegpt&pattern=2:4           ?prune=magnitude&sparsity=0.3
    ?prune=wanda&sparsity=0.5&sequences=32&length=128                           ?quant=4

prune: magnitude, wanda or sparsegpt, with one of sparsity (0 up to, not including, 1) and pattern (N:M, N zeros in
every M consecutive inputs).  quant: bits, round-to-nearest.  sequences, length: text that wanda and sparsegpt look at.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import calibration
from ..errors import BadSpec
from ..prune import Share
from ..specs import one_of, whole
from ..twins import BITS, GROUPS, METHODS

CALIBRATED = ("wanda", "sparsegpt")
OPTIONS = ("prune", "sparsity", "pattern", "quant", "sequences", "length")
VERSION = 1  # raise it when the same recipe comes to give other weights


@dataclass(frozen=True, slots=True)
class Recipe:
    """method: one of METHODS, or "rtn".  share: what pruning sets to zero.  bits: of rtn.

    sequences, length: calibration asked for; length None is the model's context, LENGTH at most.
    """

    method: str
    share: Share | None = None
    bits: int | None = None
    sequences: int = calibration.SEQUENCES
    length: int | None = None

    @property
    def calibrated(self) -> bool:
        """Whether it looks at text: at sparsity 0 there is nothing to choose."""
        return self.method in CALIBRATED and self.share != 0

    def words(self) -> str:
        """`wanda .5`, `sparsegpt 2:4`, `round-to-nearest 4 bits`."""
        if self.bits is not None:
            return f"round-to-nearest {self.bits} bits"
        if isinstance(self.share, tuple):
            return f"{self.method} {self.share[0]}:{self.share[1]}"
        return f"{self.method} {repr(self.share).removeprefix('0') if self.share else '0'}"

    def length_for(self, context: int | None) -> int:
        """Tokens of one calibration sequence of a model that reads `context` tokens."""
        return self.length or min(context or calibration.LENGTH, calibration.LENGTH)

    def content(self, context: int | None) -> dict[str, Any]:
        """All that decides the weights beside the model they are made from: equal recipes have equal content."""
        looked = {
            "text": calibration.text_digest(),
            "sequences": self.sequences,
            "length": self.length_for(context),
            "seed": calibration.SEED,
        }
        return {
            "method": self.method,
            "share": list(self.share) if isinstance(self.share, tuple) else self.share,
            "bits": self.bits,
            "calibration": looked if self.calibrated else None,
            "version": VERSION,
        }


def read_recipe(options: Mapping[str, str], *, where: str) -> Recipe | None:
    """The recipe that a spec's options state, None where they state none. Raises BadSpec by name."""
    stated = [name for name in OPTIONS if name in options]
    if not stated:
        return None
    if "quant" in options:
        return _quantized(options, stated, where)
    if "prune" not in options:
        raise BadSpec(f"{stated[0]} in {where} belongs to prune; add prune=METHOD, one of {', '.join(METHODS)}.")
    method = one_of(options["prune"], METHODS, key="prune", where=where)
    if ("sparsity" in options) == ("pattern" in options):
        given = "both sparsity and pattern" if "sparsity" in options else "neither sparsity nor pattern"
        raise BadSpec(f"{where} states {given}; prune needs one: sparsity=0.5, or pattern=2:4.")
    share = _sparsity(options, where) if "sparsity" in options else _pattern(options, where)
    for name in ("sequences", "length"):
        if name in options and method not in CALIBRATED:
            raise BadSpec(f"{name} in {where}: {method} looks at no text; drop it, or prune={' or '.join(CALIBRATED)}.")
    return Recipe(
        method=method,
        share=share,
        sequences=whole(options.get("sequences", str(calibration.SEQUENCES)), key="sequences", where=where, low=1),
        length=whole(options["length"], key="length", where=where, low=2) if "length" in options else None,
    )


def _quantized(options: Mapping[str, str], stated: list[str], where: str) -> Recipe:
    if len(stated) > 1:
        others = ", ".join(name for name in stated if name != "quant")
        raise BadSpec(f"{where} states quant beside {others}; a model is pruned or rounded: name two models.")
    return Recipe("rtn", bits=int(one_of(options["quant"], map(str, BITS), key="quant", where=where)))


def _sparsity(options: Mapping[str, str], where: str) -> float:
    text = options["sparsity"]
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < 1:
        raise BadSpec(f"sparsity={text!r} in {where}; accepted: a share from 0 up to, not including, 1, such as 0.5.")
    return value + 0.0  # -0 is 0


def _pattern(options: Mapping[str, str], where: str) -> tuple[int, int]:
    text = options["pattern"]
    found = re.fullmatch(r"(\d{1,3}):(\d{1,3})", text)
    n, m = (int(found[1]), int(found[2])) if found else (0, 0)
    if m not in GROUPS or not 0 < n < m:
        raise BadSpec(
            f"pattern={text!r} in {where}; accepted: N:M, N zeros in every M inputs, such as 2:4; "
            f"M is {', '.join(map(str, GROUPS))} and N is below M."
        )
    return n, m
