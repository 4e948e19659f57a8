"""The header of a GGUF file, read in milliseconds: metadata and tensor shapes, no weights and no long word lists.

After the GGUF specification, version 2 and 3: magic, counts, key-value pairs, tensor descriptions, then the data. The
`gguf` package parses the same in seconds, since it makes an object of every word of the vocabulary.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

_FORMATS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_LONG = 64  # arrays longer than this are skipped


@dataclass(frozen=True, slots=True)
class GGUFHeader:
    """metadata: name -> value, without long arrays.  n_parameters: elements of all tensors.

    data_end: the least size in bytes that the file must have: where its last tensor begins.
    shapes: of each tensor, by name, as the file writes them: a matrix is (n_in, n_out).
    """

    metadata: dict[str, Any]
    n_parameters: int
    data_end: int
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def context(self) -> int | None:
        """Tokens the model reads."""
        return self._number("context_length")

    @property
    def depth(self) -> int | None:
        """Decoder blocks."""
        return self._number("block_count")

    def _number(self, key: str) -> int | None:
        value = self.metadata.get(f"{self.metadata.get('general.architecture')}.{key}")
        return int(value) if value else None


def read_header(path: Path) -> GGUFHeader:
    """Raises ValueError where the file is not a complete GGUF header of version 2 or 3."""
    with path.open("rb") as file:
        try:
            return _read(file)
        except (struct.error, UnicodeDecodeError, KeyError, MemoryError, OverflowError) as error:
            raise ValueError(f"its header cannot be read ({type(error).__name__})") from error


def _read(file: BinaryIO) -> GGUFHeader:
    if file.read(4) != b"GGUF":
        raise ValueError("it does not begin like a GGUF file")
    version, n_tensors, n_pairs = _unpack(file, "IQQ")
    if version not in (2, 3):
        raise ValueError(f"it is of GGUF version {version}; 2 and 3 can be read")
    metadata: dict[str, Any] = {}
    for _ in range(n_pairs):
        key = _string(file)
        (kind,) = _unpack(file, "I")
        value = _value(file, kind)
        if value is not None:
            metadata[key] = value
    last = 0
    shapes: dict[str, tuple[int, ...]] = {}
    for _ in range(n_tensors):
        name = _string(file)
        (n_dimensions,) = _unpack(file, "I")
        shapes[name] = _unpack(file, f"{n_dimensions}Q")
        _, offset = _unpack(file, "IQ")
        last = max(last, offset)
    alignment = int(metadata.get("general.alignment", 32))
    data_end = -(-file.tell() // alignment) * alignment + last
    return GGUFHeader(metadata, sum(map(math.prod, shapes.values())), data_end, shapes)


def _value(file: BinaryIO, kind: int) -> Any:
    if kind == _STRING:
        return _string(file)
    if kind != _ARRAY:
        return _unpack(file, _FORMATS[kind])[0]
    (inner,) = _unpack(file, "I")
    (length,) = _unpack(file, "Q")
    if length <= _LONG or inner == _ARRAY:
        return [_value(file, inner) for _ in range(length)]
    if inner == _STRING:
        for _ in range(length):
            (size,) = _unpack(file, "Q")
            file.seek(size, 1)
    else:
        file.seek(length * struct.calcsize("<" + _FORMATS[inner]), 1)
    return None


def _string(file: BinaryIO) -> str:
    (size,) = _unpack(file, "Q")
    if size > 1 << 24:
        raise ValueError(f"its header cannot be read (a string of {size} bytes)")
    return file.read(size).decode()


def _unpack(file: BinaryIO, layout: str) -> tuple[Any, ...]:
    return struct.unpack("<" + layout, file.read(struct.calcsize("<" + layout)))
