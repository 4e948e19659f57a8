"""Weighted Holm against another implementation, by hand, and against Bonferroni."""

import numpy as np
import pytest

from seepage.stats.multiple import holm


def test_equal_weights_give_what_statsmodels_gives():
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    rng = np.random.default_rng(0)
    for m in (1, 2, 5, 40):
        pvalues = rng.uniform(size=m) ** 3
        expected = multitest.multipletests(pvalues, method="holm")[1]
        assert holm(list(pvalues)) == pytest.approx(expected, abs=1e-15)


def test_ties_get_the_same_adjusted_p_whatever_their_order():
    assert holm([0.01, 0.01, 0.04]) == pytest.approx((0.03, 0.03, 0.04))
    assert holm([0.04, 0.01, 0.01]) == pytest.approx((0.04, 0.03, 0.03))


def test_the_answer_does_not_depend_on_the_order_asked():
    rng = np.random.default_rng(1)
    pvalues, weights = rng.uniform(size=12) ** 2, rng.uniform(0.1, 3, size=12)
    straight = np.array(holm(pvalues, weights=weights))
    order = rng.permutation(12)
    assert np.array(holm(pvalues[order], weights=weights[order])) == pytest.approx(straight[order], abs=1e-15)


def test_weights_by_hand():
    # p/w: .01/1 = .01, .02/3 = .0067. The heavier goes first: .02 * 4/3; then .01 * 1/1, raised to the one before.
    assert holm([0.01, 0.02], weights=[1, 3]) == pytest.approx((0.02 * 4 / 3, 0.02 * 4 / 3))
    assert holm([0.05, 0.02], weights=[1, 3]) == pytest.approx((0.05, 0.02 * 4 / 3))


def test_scaling_all_weights_changes_nothing():
    assert holm([0.2, 0.01, 0.03], weights=[2, 4, 6]) == pytest.approx(holm([0.2, 0.01, 0.03], weights=[1, 2, 3]))


def test_whatever_weighted_bonferroni_rejects_holm_rejects():
    rng = np.random.default_rng(2)
    for _ in range(200):
        m = int(rng.integers(1, 9))
        pvalues, weights = rng.uniform(size=m) ** 4, rng.uniform(0.1, 3, size=m)
        adjusted = np.array(holm(pvalues, weights=weights))
        bonferroni = pvalues <= 0.05 * weights / weights.sum()
        assert (adjusted[bonferroni] <= 0.05 + 1e-12).all()


def test_the_family_wise_error_stays_at_its_level_under_the_null():
    rng = np.random.default_rng(3)
    weights = [1.0, 2.0, 0.5, 1.5]
    wrong = sum(min(holm(rng.uniform(size=4), weights=weights)) <= 0.05 for _ in range(4000))
    assert wrong <= 245  # 99.9 % bound of Binomial(4000, .05)
    assert wrong >= 150  # and it is not merely conservative: independent p make it nearly exact


def test_no_p_value_is_none_of_a_family():
    assert holm([]) == ()
    assert holm([1.0, 0.01]) == pytest.approx((1.0, 0.02))


@pytest.mark.parametrize(
    ("pvalues", "weights"),
    [
        ([0.5, float("nan")], None),
        ([-0.1], None),
        ([1.1], None),
        ([0.5], [0.0]),
        ([0.5], [1, 2]),
        ([0.5], [float("inf")]),
    ],
)
def test_what_is_no_p_or_no_weight_is_refused(pvalues, weights):
    with pytest.raises(ValueError, match=r"p-values|weights"):
        holm(pvalues, weights=weights)
