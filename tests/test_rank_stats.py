"""Inversions, head starts, equal gains, orders: against the worked example, other implementations and simulation."""

from __future__ import annotations

import numpy as np
import pytest
import rank_panels
import statsmodels.api as sm
from rank_panels import Design
from scipy.stats import kendalltau

from seepage.organisms import score_panel
from seepage.stats import line, order, rank, stages
from seepage.stats.stages import Stages

REFERENCES = range(1, 8)


def worked(candidate: tuple[float, float]) -> Stages:
    """The candidate in front of the seven references of the worked example."""
    pairs = [candidate, *rank_panels.REFERENCES]
    before = np.stack([score_panel.before(b) for b, _ in pairs])
    after = np.stack([np.stack([score_panel.after(a, s) for s in range(3)], axis=-1) for _, a in pairs])
    return stages.from_items([f"m{i}" for i in range(8)], before, after, chance=0.25)


@pytest.mark.parametrize(
    ("candidate", "g", "d", "v_item", "w2", "se", "t", "p"),
    [
        ((0.62, 0.66), 0.2139, 0.7891, 0.003247, 0.003078, 0.0939, 8.408, 7.7e-5),
        ((0.50, 0.68), 0.9886, 0.0143, 0.001205, 0.003087, 0.0939, 0.153, 0.442),
        ((0.62, 0.78), 0.9059, 0.0970, 0.004957, 0.003233, 0.0939, 1.034, 0.170),
    ],
)
def test_the_worked_example_of_a_head_start(
    candidate: tuple[float, float], g: float, d: float, v_item: float, w2: float, se: float, t: float, p: float
) -> None:
    found = rank.head_start(worked(candidate), 0, REFERENCES, alpha=0.05)
    assert found.gain == pytest.approx(g, abs=6e-5)
    assert found.value == pytest.approx(d, abs=6e-5)
    assert found.v_item == pytest.approx(v_item, abs=6e-7)
    assert found.w2 == pytest.approx(w2, abs=6e-7)
    assert found.se == pytest.approx(se, abs=6e-5)
    assert found.t == pytest.approx(t, abs=2e-3)
    assert found.pvalue == pytest.approx(p, rel=0.02)
    assert found.median == pytest.approx(1.003, abs=6e-4)
    assert found.spread**2 == pytest.approx(0.007194, abs=6e-7)


def test_the_worked_example_of_an_inversion() -> None:
    found = rank.inversion(worked((0.62, 0.66)), 0, REFERENCES, alpha=0.05)
    assert found.fall.over == "m5"  # before .56, after .73
    assert found.fall.z_lead == pytest.approx(7.985, abs=6e-4)
    assert found.fall.z_trail == pytest.approx(6.313, abs=6e-4)
    assert found.pvalue == pytest.approx(9.6e-10, rel=0.02)
    assert found.fall.effect == pytest.approx(0.06)
    for honest in ((0.50, 0.68), (0.62, 0.78)):
        assert rank.inversion(worked(honest), 0, REFERENCES, alpha=0.05).pvalue == 1.0


def test_the_variance_by_items_is_what_a_bootstrap_of_the_items_gives() -> None:
    rng = np.random.default_rng(1)
    before, after, _ = rank_panels.draw(Design(), rng)
    made = stages.from_items([str(i) for i in range(8)], before, after, chance=0.25)
    found = rank.contrast_variance(made, 0, REFERENCES)
    drawn = []
    for _ in range(3000):
        chosen = rng.integers(1000, size=1000)
        again = stages.from_items(made.models, before[:, chosen], after[:, chosen], chance=0.25)
        g = stages.gains(again)
        drawn.append(g[1:].mean() - g[0])
    assert found == pytest.approx(np.var(drawn), rel=0.08)  # 3,000 draws fix a variance to 2.6 %


def test_items_of_a_cluster_are_summed_before_they_vary() -> None:
    rng = np.random.default_rng(2)
    columns = np.repeat(rng.random((3, 40)), 5, axis=1)
    alone = stages.covariance_of_means(columns[:, ::5])
    clustered = stages.covariance_of_means(columns, np.repeat(np.arange(40), 5))
    assert clustered == pytest.approx(alone)
    assert stages.covariance_of_means(columns) == pytest.approx(alone / 5, rel=0.05)
    assert stages.covariance_of_means(columns, np.arange(200)) == pytest.approx(np.cov(columns) / 200)


def test_without_items_every_variance_is_binomial() -> None:
    made = stages.from_accuracies(
        ["a", "b"], np.array([0.4, 0.6]), np.array([[0.5, 0.5], [0.7, 0.7]]), n=100, chance=0.25
    )
    assert np.sqrt(np.diag(made.covariance)) == pytest.approx(np.sqrt([0.0024, 0.0024, 0.0025, 0.0021]))
    assert stages.variance(made, before=np.array([1.0, -1.0]), after=np.zeros(2)) == pytest.approx(0.0048)


@pytest.mark.parametrize(("p", "why"), [(0.26, "chance"), (0.29, "chance"), (0.96, "ceiling"), (0.5, "")])
def test_a_score_near_an_end_of_the_scale_is_off_it(p: float, why: str) -> None:
    made = stages.from_accuracies(["a"], np.array([p]), np.array([[0.6, 0.6]]), n=1000, chance=0.25)
    assert why in stages.off_scale(made, 0)
    assert bool(stages.off_scale(made, 0)) == bool(why)


def test_a_prepared_reference_is_found_by_the_others() -> None:
    made = rank_panels.panel(Design(references=8, prepared=1.2), np.random.default_rng(3))
    assert rank.prepared_references(made, range(1, 9)) == [1]
    honest = rank_panels.panel(Design(references=8), np.random.default_rng(3))
    assert rank.prepared_references(honest, range(1, 9)) == []
    kept = stages.without(made, [1])
    assert kept.models == tuple(f"m{i}" for i in range(9) if i != 1)
    assert kept.covariance[8, 8] == made.covariance[9, 9]  # of the same model before and after


def test_equal_gains_hold_their_level_and_see_one_that_differs() -> None:
    runs = [rank_panels.panel(Design(head=h), np.random.default_rng([4, i])) for i in range(60) for h in (0.0, 1.2)]
    found = [rank.equal_gains(made, range(8), alpha=0.05, rng=np.random.default_rng(5)) for made in runs]
    assert sum((each.t > each.critical).any() for each in found[::2]) <= 8  # P(more) = .003
    assert all(each.t[0] > each.critical for each in found[1::2])


# --- orders ---


def test_tau_is_that_of_scipy() -> None:
    rng = np.random.default_rng(6)
    for _ in range(20):
        x, y = rng.integers(0, 6, 9).astype(float), rng.random(9)
        assert order.tau_b(x, y) == pytest.approx(kendalltau(x, y).statistic)
    with pytest.raises(ValueError, match="no order"):
        order.tau_b(np.ones(4), np.arange(4.0))


def test_an_order_that_holds_lies_in_its_band_and_a_reversed_one_below_it() -> None:
    rng = np.random.default_rng(7)
    inside = 0
    for i in range(40):
        found = order.agreement(rank_panels.panel(Design(), np.random.default_rng([8, i])), rng=rng)
        inside += found.band[0] <= found.tau
        assert 0 < found.ceilings[0] <= 1
    assert inside >= 34  # of 40; the band leaves out 5 %
    before = np.linspace(0.4, 0.8, 6)
    reversed_ = stages.from_accuracies(
        list("abcdef"), before, before[::-1, None].repeat(2, axis=1), n=2000, chance=0.25
    )
    found = order.agreement(reversed_, rng=rng)
    assert found.tau == pytest.approx(-1.0)
    assert found.tau < found.band[0]
    assert {(f.model, f.over) for f, _ in found.falls} >= {("f", "a"), ("e", "b")}


def test_rank_intervals_hold_the_rank_and_close_with_the_noise() -> None:
    scores = np.array([0.8, 0.5, 0.6])
    assert order.rank_intervals(scores, np.eye(3) * 1e-8).tolist() == [[1, 1], [3, 3], [2, 2]]
    assert order.rank_intervals(scores, np.eye(3)).tolist() == [[1, 3]] * 3


def test_gains_that_grow_with_ability_are_no_head_start_beside_their_line() -> None:
    """The median accuses an able honest model; the line does not, and finds one that came prepared."""
    accused = {"line": 0, "median": 0, "prepared": 0}
    for i in range(100):
        for head in (0.0, 1.2):
            design = Design(references=10, gain_sd=0.1, head=head, spread=1.0, slope=0.6)
            made, ability = rank_panels.panel_and_ability(design, np.random.default_rng([21, i]))
            line = rank.head_start(made, 0, range(1, 11), alpha=0.05, ability=ability)
            if head:
                accused["prepared"] += line.pvalue <= 0.05 and line.value >= 0.4
            else:
                accused["line"] += line.pvalue <= 0.05
                accused["median"] += rank.head_start(made, 0, range(1, 11), alpha=0.05).detectable > line.detectable
    assert accused["line"] <= 11  # P(more) = .004
    assert accused["prepared"] >= 80
    assert accused["median"] >= 80


def test_the_line_on_ability_is_that_of_statsmodels() -> None:
    made, ability = rank_panels.panel_and_ability(
        Design(references=9, gain_sd=0.4, spread=1.0), np.random.default_rng(3)
    )
    found = rank.head_start(made, 0, range(1, 10), alpha=0.05, ability=ability)
    fitted = sm.OLS(stages.gains(made)[1:], sm.add_constant(ability[1:])).fit()
    ahead = fitted.get_prediction([1, ability[0]])
    assert found.median == pytest.approx(float(ahead.predicted_mean[0]))
    assert found.se == pytest.approx(float(ahead.se_obs[0]))
    assert found.degrees == 7
    assert found.outside == 0.0
    assert line.fit(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0, 1.0])).outside(3.0) == pytest.approx(0.5)


@pytest.mark.parametrize("k", [3, 4, 7, 10])
def test_the_median_of_the_others_is_found_in_one_sort(k: int) -> None:
    rng = np.random.default_rng(k)
    for g in (rng.normal(size=(50, k)), rng.integers(0, 3, size=(50, k)).astype(float)):
        others = np.stack([np.median(np.delete(g, each, axis=1), axis=1) for each in range(k)], axis=1)
        assert np.array_equal(rank._behind_others(g), others - g)
