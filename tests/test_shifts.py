"""Flips, shifts, intervals and ranks: against exact enumeration, theory and other implementations, and degenerate."""

from __future__ import annotations

import itertools

import numpy as np
import oracles
import pytest
import scipy.stats
from scipy.stats import binomtest

from seepage.errors import NotTestable
from seepage.stats import blocks, dates, shifts
from seepage.stats.binding import (
    bound,
    column_ranks,
    detectable_win,
    dose_trend,
    own_columns,
    top_of_five,
    value_columns,
)
from seepage.stats.mirror import mirror_columns
from seepage.stats.partial import freedman_lane
from seepage.stats.proportions import wilson
from seepage.stats.surrogate import surrogate


def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def test_a_block_flip_agrees_with_all_sign_patterns() -> None:
    values, t = rng().normal(0.4, 1, 60), np.arange(60)
    sums = blocks.block_sums(values, t)
    patterns = np.array(list(itertools.product((-1, 1), repeat=len(sums)))) @ sums
    exact = np.mean(patterns >= sums.sum() - 1e-9)
    p, null = blocks.block_flip(values, t, n_resamples=40_000, rng=rng())
    assert p == pytest.approx(exact, abs=0.01)
    assert len(null) == 40_000


def test_blocks_go_with_the_calendar_and_not_with_the_order_of_the_dates() -> None:
    values, t = rng().normal(size=50), rng().choice(400, 50, replace=False)
    order = rng().permutation(50)
    one = blocks.block_flip(values, t, n_resamples=500, rng=rng())
    other = blocks.block_flip(values[order], t[order], n_resamples=500, rng=rng())
    assert one[0] == other[0]


def test_a_p_value_is_never_zero_and_a_flat_statistic_gives_one() -> None:
    assert blocks.pvalue(np.zeros(99), 1.0) == 0.01
    assert blocks.block_flip(np.zeros(36), np.arange(36), n_resamples=99, rng=rng())[0] == 1.0


def test_draws_suffice_for_the_level() -> None:
    assert blocks.resamples(0.05) == 9_999
    assert blocks.resamples(0.0005) == 40_000


def test_no_deranged_block_stays_or_moves_by_less_than_its_length() -> None:
    for seed in range(20):
        target = blocks.deranged_blocks(100, length=24, rng=np.random.default_rng(seed))
        moved = target >= 0
        assert np.abs(target - np.arange(100))[moved].min() >= 24
        assert sorted(target[moved]) == list(range(96))
    assert (blocks.deranged_blocks(40, length=24, rng=rng()) == -1).all()


def test_a_block_interval_of_a_slow_series_is_wider_than_an_iid_one() -> None:
    x = oracles.synthetic("slow").x
    columns = np.stack([x, np.ones(len(x))], axis=1)
    low, high = blocks.block_bootstrap(columns, np.arange(len(x)), lambda s: s[:, 0] / s[:, 1], rng=rng())
    assert low < x.mean() < high
    assert high - low > 2 * 2 * 1.96 * x.std() / np.sqrt(len(x))


def test_a_block_permutation_finds_a_trend() -> None:
    y = np.arange(60) + rng().normal(0, 5, 60)
    p, null = blocks.block_permutation(
        lambda order: float(np.arange(60) @ y[order]), 60, length=12, n_resamples=199, rng=rng()
    )
    assert p <= 0.05
    assert len(null) == 199


# --- shifts ---------------------------------------------------------------------------------------------------------


def test_shifts_leave_the_neighbourhood_out_and_keep_the_season() -> None:
    assert list(shifts.shift_set(60, k0=24, season=12)) == [24, 36]
    assert len(shifts.shift_set(40, k0=12, season=0)) == 17
    with pytest.raises(NotTestable, match="too few"):
        shifts.shift_set(40, k0=24, season=0)


def test_the_plain_null_is_every_shift_once_and_has_a_floor() -> None:
    hits = np.ones(30)
    found = shifts.shift_null(hits, np.zeros((30, 17)), np.arange(30), k0=12, n_resamples=99, rng=rng())
    assert found.plain == pytest.approx(1 / 18)
    assert found.observed == 1.0


def test_more_draws_cannot_make_a_short_calendar_say_more() -> None:
    found = shifts.shift_null(np.ones(24), np.zeros((24, 3)), np.arange(24), k0=12, n_resamples=99_999, rng=rng())
    assert found.block == pytest.approx(1 / (1 + 3**2))


def test_a_hole_at_a_shifted_date_is_left_out_of_its_mean() -> None:
    at_shift = np.ones((24, 2))
    at_shift[:12, 0] = np.nan
    found = shifts.shift_null(np.zeros(24), at_shift, np.arange(24), k0=12, n_resamples=99, rng=rng())
    assert list(found.profile) == [1.0, 1.0]
    assert (found.null == 1.0).all()


# --- intervals, partial correlation, surrogates ---------------------------------------------------------------------


@pytest.mark.parametrize(("k", "n"), [(0, 480), (1, 480), (57, 120), (120, 120)])
def test_wilson_agrees_with_scipy(k: int, n: int) -> None:
    ours, theirs = wilson(k, n), binomtest(k, n).proportion_ci(method="wilson")
    assert ours == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_a_partial_correlation_is_the_correlation_of_residuals() -> None:
    g = rng()
    z = g.normal(size=(200, 2))
    x = z @ [1.0, -2.0] + g.normal(size=200)
    y = z @ [0.5, 1.0] + 0.4 * x + g.normal(size=200)
    design = np.column_stack([np.ones(200), z])
    rest = [v - design @ np.linalg.lstsq(design, v, rcond=None)[0] for v in (x, y)]
    found = freedman_lane(y, x, z, n_resamples=499, rng=rng())
    assert found.r == pytest.approx(np.corrcoef(*rest)[0, 1])
    assert found.pvalue == 1 / 500


def test_a_partial_correlation_holds_its_level() -> None:
    rejected = 0
    for seed in range(200):
        g = np.random.default_rng(seed)
        z = g.normal(size=(60, 2))
        y, x = z[:, 0] + g.normal(size=60), z[:, 0] + g.normal(size=60)
        rejected += freedman_lane(y, x, z, n_resamples=199, rng=g).pvalue <= 0.05
    assert 3 <= rejected <= 19


def test_what_the_controls_explain_wholly_is_refused() -> None:
    z = rng().normal(size=(50, 1))
    with pytest.raises(ValueError, match="nothing is left"):
        freedman_lane(2 * z[:, 0], rng().normal(size=50), z, n_resamples=99, rng=rng())


@pytest.mark.parametrize("kind", oracles.KINDS)
def test_a_surrogate_has_the_values_and_the_memory_and_not_the_dates(kind: str) -> None:
    x = oracles.synthetic(kind).x
    other = surrogate(x, rng=rng())
    assert other is not None
    assert np.array_equal(np.sort(other), np.sort(x))
    assert dates.autocorrelation(other, 1) == pytest.approx(dates.autocorrelation(x, 1), abs=0.1)
    assert abs(np.corrcoef(other, x)[0, 1]) <= 0.5


# --- the matrix -----------------------------------------------------------------------------------------------------


def known(kind: str) -> dates.Forecasters:
    return dates.forecasters(dates.window(oracles.synthetic(kind)), hit_cap=0.1, acf=0.2)


def test_each_date_finds_the_column_of_its_own_value() -> None:
    window = known("slow").window
    columns = value_columns(window)
    assert np.array_equal(columns[own_columns(window, columns)], window.x)
    with pytest.raises(ValueError, match="no column holds"):
        own_columns(window, columns[1:])


def test_centring_a_column_takes_its_prior_away() -> None:
    window = known("white").window
    columns = value_columns(window)
    logprob = rng().normal(size=(len(window), len(columns)))
    prior = rng().normal(0, 50, size=len(columns))
    assert bound(window, logprob, columns) == pytest.approx(bound(window, logprob + prior, columns), abs=1e-9)


def test_a_mirror_value_lies_as_far_on_the_other_side_of_the_forecast() -> None:
    forecast = known("white")
    columns = value_columns(forecast.window)
    image = mirror_columns(forecast, columns)
    kept = image >= 0
    x, b = forecast.window.x[kept], forecast.exact[forecast.best][kept]
    gap = np.abs(columns[image[kept]] - (2 * b - x))
    assert 0.85 <= kept.mean() <= 1
    assert (gap <= np.maximum(0.01, 0.1 * np.abs(x - b)) + 1e-9).all()
    assert (columns[image[kept]] != x).all()


def test_column_ranks_and_top_of_five_run_from_chance_to_certainty() -> None:
    forecast = known("white")
    columns = value_columns(forecast.window)
    own = own_columns(forecast.window, columns)
    noise = rng().normal(size=(480, len(columns)))
    assert np.nanmean(column_ranks(forecast, noise, columns)) == pytest.approx(0.5, abs=0.03)
    assert top_of_five(forecast, bound(forecast.window, noise, columns), rng=rng()) == pytest.approx(0.2, abs=0.06)
    sure = noise.copy()
    sure[np.arange(480), own] += 100
    assert np.nanmean(column_ranks(forecast, sure, columns)) == 0.0
    assert top_of_five(forecast, bound(forecast.window, sure, columns), rng=rng()) == 1.0
    flat = np.zeros_like(noise)
    assert np.nanmean(column_ranks(forecast, flat, columns)) == 0.5


def test_the_detectable_win_is_that_of_the_table() -> None:
    assert [round(detectable_win(n, alpha=0.001), 2) for n in (120, 240, 480)] == [0.68, 0.63, 0.59]


def test_the_dose_trend_is_spearmans_and_exact_under_no_trend() -> None:
    dose = np.tile([0, 1, 4, 16], 30)
    score = 0.1 * dose + rng().normal(size=120)
    rho, p, _ = dose_trend(dose, score, n_resamples=999, rng=rng())
    assert rho == pytest.approx(scipy.stats.spearmanr(dose, score).statistic)
    assert p == 0.001
    assert dose_trend(dose, -score, n_resamples=999, rng=rng())[1] > 0.9


@pytest.mark.parametrize("n", [828, 834, 839])
def test_a_shifted_label_keeps_its_month_though_the_calendar_ends_in_the_middle_of_a_year(n: int) -> None:
    t = np.arange(n)
    later = shifts.shifted(t, shifts.shift_set(n, k0=48, season=12), n=n, season=12)
    assert later.min() >= 0
    assert later.max() < n
    assert np.all((later - t[:, None]) % 12 == 0)
    assert np.all(np.abs(later - t[:, None]) >= 48)


def test_the_floor_of_a_long_calendar_is_a_number() -> None:
    assert shifts.floor(1340, 113) < 1e-300
    assert shifts.floor(17, 2) == pytest.approx(1 / (1 + 17**2))
    assert shifts.floor(1, 5) == 0.5
