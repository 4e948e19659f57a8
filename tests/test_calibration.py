"""The calibration text, its sequences, and the check that it does not hold a benchmark's items."""

from __future__ import annotations

import hashlib
from importlib.resources import files

import numpy as np
import pytest

from seepage import calibration


def test_the_text_is_shipped_with_its_licence() -> None:
    text = calibration.text()
    assert 300_000 < len(text.encode()) < 700_000
    assert calibration.text_digest() == hashlib.sha256(text.encode()).hexdigest()
    licence = (files("seepage") / "data" / "calibration-licence.txt").read_text(encoding="utf-8")
    assert "PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2" in licence
    assert "Changes made" in licence


def test_the_text_is_the_one_that_recipes_were_measured_with() -> None:
    """Another text is another recipe: change the digest only together with a new `recipe.VERSION`."""
    assert calibration.text_digest().startswith("603ed629569d2f31")


def test_sequences_are_stretches_of_the_text_behind_the_prefix() -> None:
    tokens = list(range(100, 1100))
    drawn = calibration.windows(tokens, prefix=(1,), sequences=20, length=11, rng=np.random.default_rng(0))
    assert len(set(drawn)) == 20
    for window in drawn:
        assert len(window) == 11
        assert window[0] == 1
        assert list(window[1:]) == list(range(window[1], window[1] + 10))
        assert (window[1] - 100) % 10 == 0


def test_a_lot_draws_the_sequences_and_the_seed_repeats_it() -> None:
    def drawn(seed: int) -> tuple[tuple[int, ...], ...]:
        return calibration.windows(range(1000), sequences=5, length=10, rng=np.random.default_rng(seed))

    assert drawn(0) == drawn(0) != drawn(1)


@pytest.mark.parametrize(argnames=("n", "expected"), argvalues=[(9, 0), (10, 1), (39, 3), (1000, 8)])
def test_a_short_text_gives_as_many_sequences_as_it_has(n: int, expected: int) -> None:
    drawn = calibration.windows(range(n), sequences=8, length=10, rng=np.random.default_rng(0))
    assert len(drawn) == expected


def test_a_sequence_without_room_for_text_is_refused() -> None:
    with pytest.raises(ValueError, match="no room beside a prefix of 2"):
        calibration.windows(range(9), prefix=(1, 2), sequences=1, length=2, rng=np.random.default_rng(0))


def test_eight_words_in_a_row_are_an_overlap_and_seven_are_not() -> None:
    text = "Zero one two three four five six seven eight nine ten."
    items = [
        "One, TWO three\nfour five six seven eight?",
        "one two three four five six seven",
        "one two three four five six seven ate",
        "",
        "before it: two three four five six seven eight nine and after",
        "one two three three four five six seven eight",
    ]
    assert calibration.overlap(items, text) == [0, 4]
    assert calibration.overlap(items, "") == []


def test_a_paragraph_of_the_calibration_text_is_found_in_it() -> None:
    items = ["What is the capital of France?", calibration.text()[5000:5400]]
    assert calibration.overlap(items, calibration.text()) == [1]
