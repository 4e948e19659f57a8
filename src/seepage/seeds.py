"""Randomness that depends on names alone: the same in every process, in any order of tests, on any machine."""

from __future__ import annotations

import hashlib

import numpy as np


def named_rng(name: str, *, seed: int) -> np.random.Generator:
    """A fresh generator for a stable name, under the seed of the policy."""
    words = hashlib.sha256(name.encode()).digest()
    return np.random.default_rng([seed, *(int.from_bytes(words[i : i + 4]) for i in range(0, 32, 4))])
