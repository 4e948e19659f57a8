"""The text that calibrated pruning looks at: CPython's language reference, as the standard library ships it.

It is committed (`data/calibration.txt`, about 370 kB, 90,000 tokens of a small model), so that a twin derived here is
the twin derived there; its origin and licence stand beside it. It must not hold the benchmark under test: `overlap`.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterator, Sequence
from importlib.resources import files

import numpy as np

SEQUENCES = 128
LENGTH = 2048  # tokens a sequence, less where the model reads less
SEED = 0  # of the lot that draws the sequences
N_GRAM = 8


@functools.cache
def text() -> str:
    return _bytes().decode()


@functools.cache
def text_digest() -> str:
    """SHA-256 of the text's bytes."""
    return hashlib.sha256(_bytes()).hexdigest()


def _bytes() -> bytes:
    return (files("seepage") / "data" / "calibration.txt").read_bytes()


def windows(
    tokens: Sequence[int], *, prefix: Sequence[int] = (), sequences: int, length: int, rng: np.random.Generator
) -> tuple[tuple[int, ...], ...]:
    """Up to `sequences` sequences of `length` tokens, each the prefix (BOS, or nothing) and a stretch of the text.

    Stretches do not overlap; where the text gives more than asked, a lot decides. Empty where the text is too short.
    """
    body = length - len(prefix)
    if body < 1:
        raise ValueError(f"a sequence of {length} tokens has no room beside a prefix of {len(prefix)}")
    drawn = sorted(rng.permutation(len(tokens) // body)[:sequences].tolist())
    return tuple((*prefix, *tokens[body * i : body * (i + 1)]) for i in drawn)


def overlap(items_texts: Sequence[str], text: str) -> list[int]:
    """Which of the items' texts share eight consecutive words with `text`, by index; case and punctuation apart.

    A text below eight words shares none. Chinese, Japanese and Thai run words together, so only long stretches match.
    """
    seen = set(_grams(text))
    return [i for i, item in enumerate(items_texts) if any(gram in seen for gram in _grams(item))]


def _grams(text: str) -> Iterator[tuple[str, ...]]:
    words = re.findall(r"\w+", text.casefold())
    return zip(*(words[i:] for i in range(N_GRAM)), strict=False)
