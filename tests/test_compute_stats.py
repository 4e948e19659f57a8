"""Scores against compute, and scores against their prediction: worked examples, other implementations, simulation."""

from __future__ import annotations

import numpy as np
import pytest
import rank_panels
import statsmodels.api as sm
from scipy.stats import linregress

from seepage.stats import compute, inflation


def worked() -> inflation.Pair:
    line = np.array([*rank_panels.LINE, rank_panels.INFLATED])
    return inflation.pair_of(
        [f"m{i}" for i in range(9)],
        line[:, 1].tolist(),
        line[:, 0].tolist(),
        n=(1000, 1000),
        chance=(0.25, 0.25),
        lineages=[f"m{i}" for i in range(9)],
    )


def test_the_worked_example_of_an_inflation() -> None:
    found = inflation.inflation(worked(), 8, range(8), alpha=0.05)
    assert found.a == pytest.approx(-0.0975, abs=6e-5)
    assert found.b == pytest.approx(1.0509, abs=6e-5)
    assert found.spread == pytest.approx(0.0610, abs=6e-5)
    assert found.leverage == pytest.approx(0.1251, abs=6e-5)
    assert found.expected == pytest.approx(0.5290, abs=6e-5)
    assert found.delta == pytest.approx(0.1310, abs=6e-5)
    assert found.se == pytest.approx(0.1222, abs=6e-5)
    assert found.t == pytest.approx(5.817, abs=6e-3)
    assert found.degrees == 6
    assert found.pvalue == pytest.approx(5.7e-4, rel=0.02)
    assert found.low < found.delta < found.high


def test_the_line_is_that_of_scipy_and_a_lineage_weighs_one() -> None:
    pair = worked()
    found = inflation.inflation(pair, 8, range(8), alpha=0.05)
    x, y = (inflation.logit(v, chance=0.25, n=1000) for v in (pair.v[:8], pair.u[:8]))
    line = linregress(x, y)
    assert (found.b, found.a) == pytest.approx((line.slope, line.intercept))
    ahead = sm.OLS(y, sm.add_constant(x)).fit().get_prediction([1, inflation.logit(pair.v[8], chance=0.25, n=1000)])
    spread = float(ahead.se_obs[0])  # of one more point beside the line
    assert (found.spread**2 * (1 + found.leverage)) ** 0.5 == pytest.approx(spread)
    twice = [*range(8), 0]  # the first reference once more, as its own kin
    doubled = inflation.pair_of(
        [*pair.models, "again"],
        [*pair.u, pair.u[0]],
        [*pair.v, pair.v[0]],
        n=(1000, 1000),
        chance=(0.25, 0.25),
        lineages=[*pair.lineages, "m0"],
    )
    again = inflation.inflation(doubled, 8, [*range(8), 9], alpha=0.05)
    assert (again.a, again.b, again.se) == pytest.approx((found.a, found.b, found.se))
    assert len(twice) == 9


def test_nobody_is_a_reference_of_his_own_lineage() -> None:
    pair = worked()
    kin = inflation.pair_of(
        pair.models, list(pair.u), list(pair.v), n=(1000, 1000), chance=(0.25, 0.25), lineages=["a", "b"] * 4 + ["a"]
    )
    assert inflation.references_of(kin, 8, range(9)) == [1, 3, 5, 7]


def test_items_of_a_cluster_count_together_where_the_two_benchmarks_are_not_paired() -> None:
    rng = np.random.default_rng(15)
    right = np.repeat(rng.random(60) < 0.5, 5)  # five items of a passage fall or stand together
    passages = np.repeat(np.arange(60), 5)
    alone = inflation.item_variances(right, right, paired=False)
    told = inflation.item_variances(right, right, paired=False, clusters=(passages, None))
    assert told[0] == pytest.approx(5 * alone[0], rel=0.03)
    assert told[1:] == alone[1:]


# --- newer against older models ---


def test_theta_is_found_where_it_is_and_the_level_holds_where_it_is_not() -> None:
    hits = {0.0: 0, 0.15: 0}
    for theta in hits:
        for i in range(60):
            x, y, new, names = rank_panels.newer(20, 0.03, theta, np.random.default_rng([9, i]))
            found = compute.group_effect(x, y, new, names, chance=0.0, rng=np.random.default_rng(i))
            hits[theta] += found.pvalue <= 0.05
    assert hits[0.0] <= 8  # P(more) = .003
    assert hits[0.15] >= 54


def test_theta_at_its_take_off_is_the_least_squares_fit_there() -> None:
    x, y, new, names = rank_panels.newer(20, 0.03, 0.1, np.random.default_rng(10))
    found = compute.group_effect(x, y, new, names, chance=0.0, rng=np.random.default_rng(0))
    hinge = np.maximum(x - found.takeoff, 0.0)
    fit, (sse,), *_ = np.linalg.lstsq(np.stack([hinge, new], axis=1), y, rcond=None)
    assert found.theta == pytest.approx(fit[1])
    others = [
        np.linalg.lstsq(np.stack([np.maximum(x - c, 0.0), new], axis=1), y, rcond=None)[1][0]
        for c in compute.takeoffs(x)
    ]
    assert sse == pytest.approx(min(others))
    fitted = sm.OLS(y, np.stack([hinge, new], axis=1)).fit()
    # one degree of freedom less: the take-off was searched
    assert found.se == pytest.approx(fitted.bse[1] * (fitted.df_resid / (fitted.df_resid - 1)) ** 0.5)
    assert found.low < found.theta < found.high


def test_few_lineages_are_permuted_in_every_way() -> None:
    labels = np.array([True, True, False, False, False])
    every = compute.permuted(labels, np.random.default_rng(0))
    assert len({tuple(row) for row in every.tolist()}) == len(every) == 10
    assert len(compute.permuted(np.arange(30) % 2 == 0, np.random.default_rng(0))) == compute.PERMUTATIONS


def test_a_lineage_that_is_newer_and_older_is_refused() -> None:
    with pytest.raises(ValueError, match="lineage 'a' holds newer and older"):
        compute.group_effect(
            np.arange(4.0), np.arange(4.0), np.array([True, False, True, False]), ["a", "a", "b", "c"],
            chance=0.0, rng=np.random.default_rng(0),
        )  # fmt: skip


def test_mediation_parts_what_training_takes_from_what_is_left() -> None:
    x, _, new, names = rank_panels.newer(20, 0.03, 0.0, np.random.default_rng(11))
    rng = np.random.default_rng(12)
    after = 0.3 + 0.1 * x + rng.normal(0, 0.01, len(x))
    before = after - 0.2 + 0.15 * new + rng.normal(0, 0.01, len(x))
    knots = compute.knots_of(x)
    psi = compute.mediation(x, after, new, names, knots=knots, rng=rng)
    curve = np.stack([np.ones(len(x)), x, *(np.maximum(x - knot, 0) for knot in knots), new], axis=1)
    fitted = sm.OLS(after, curve).fit()
    assert (psi.theta, psi.se) == pytest.approx((fitted.params[-1], fitted.bse[-1]))
    phi = compute.mediation(x, before - after, new, names, knots=knots, rng=rng)
    assert psi.low < 0 < psi.high
    assert psi.pvalue > 0.05
    assert phi.theta == pytest.approx(0.15, abs=0.02)
    assert phi.pvalue < 0.01


# --- where scores take off ---


def test_a_hinge_is_told_from_a_line_and_a_line_is_not() -> None:
    x = np.linspace(0, 3, 10)
    found = {"line": 0, "hinge": 0}
    for i in range(40):
        rng = np.random.default_rng([13, i])
        noise = rng.normal(0, 0.015, 10)
        shapes = {"line": 0.25 + 0.25 * x / 3, "hinge": 0.25 + 0.25 * np.maximum(0, x - 1.65) / 1.35}
        for name, y in shapes.items():
            found[name] += compute.emergence(x, y + noise, chance=0.25, rng=rng).pvalue <= 0.05
    assert found["line"] <= 6  # P(more) = .003
    assert found["hinge"] >= 36


def test_a_take_off_that_moved_is_outside_nought() -> None:
    x = np.linspace(20, 24, 14)
    before, after = (0.25 + 0.15 * np.maximum(0, x - c) for c in (22.0, 20.5))
    rng = np.random.default_rng(14)
    quiet = np.eye(28) * 1e-5
    low, high = compute.moved(x, before, after, chance=0.25, noise=quiet, rng=rng)
    assert 0 < low < 1.5 < high + 0.3
    low, high = compute.moved(x, before, before, chance=0.25, noise=quiet, rng=rng)
    assert low <= 0 <= high
