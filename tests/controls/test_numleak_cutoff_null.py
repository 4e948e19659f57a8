"""The cutoff contrast accuses no model of known innocence, and finds the boundary of one that has it.

Figures of 300 seeds, 60 dates before and 15 after, at .05: recall then refusal 1.00 (Δ 1.0), recall then guesses 1.00
(Δ 1.4 near white, 6.6 slow), 30 % recall then guesses .33 and .22, no boundary .05 and .06, fabricators 0.
"""

from __future__ import annotations

import numpy as np
import pytest

from seepage.hypotheses.numleak_cutoff_rates import CUTOFF, Behaviour, Draw, Rates, rates, slow, white
from seepage.policy import NumleakPolicy

MOST_OF_200 = 19 / 200  # upper 99 % bound of a rate of .05 in 200 seeds
LEAST_OF_200 = 3 / 200


def measured(draw: Draw, before: Behaviour, after: Behaviour, n_seeds: int = 200) -> Rates:
    rng = np.random.default_rng(20)
    return rates(draw, cutoff=CUTOFF, before=before, after=after, n_seeds=n_seeds, policy=NumleakPolicy(), rng=rng)


@pytest.mark.parametrize("draw", [white, slow])
def test_a_model_that_recalls_on_both_sides_has_a_boundary_no_oftener_than_the_level_says(draw: Draw) -> None:
    found = measured(draw, "recall", "recall")
    assert LEAST_OF_200 <= found.p_delta <= MOST_OF_200
    assert found.p_beat == 1.0
    assert found.pvalue <= MOST_OF_200


@pytest.mark.parametrize("draw", [white, slow])
@pytest.mark.parametrize(
    ("before", "after"), [("fabricate", "fabricate"), ("fabricate", "refuse"), ("forecast", "refuse")]
)
def test_a_model_that_knows_no_value_is_not_accused(draw: Draw, before: Behaviour, after: Behaviour) -> None:
    found = measured(draw, before, after, 100)
    assert found.pvalue <= 0.02
    assert found.p_beat <= 0.02


def test_the_contrast_of_a_near_white_fabricator_holds_its_level_by_itself() -> None:
    assert LEAST_OF_200 <= measured(white, "fabricate", "fabricate").p_delta <= MOST_OF_200


@pytest.mark.parametrize("draw", [white, slow])
@pytest.mark.parametrize(("after", "delta"), [("refuse", 1.0), ("fabricate", 1.4)])
def test_recall_that_ends_at_the_cutoff_is_found(draw: Draw, after: Behaviour, delta: float) -> None:
    found = measured(draw, "recall", after, 40)
    assert found.leak == 1.0
    assert found.delta >= delta - 0.15
    if draw is white:
        assert found.delta == pytest.approx(delta, abs=0.15)


def test_partial_recall_is_found_in_about_a_third_of_runs() -> None:
    assert 0.2 <= measured(white, "third", "fabricate", 100).pvalue <= 0.5
