"""What a forecaster knows: against plain refits, by hand, with holes, and where no test on dates can be read."""

from __future__ import annotations

import dataclasses

import numpy as np
import oracles
import pytest

from seepage.errors import NotTestable
from seepage.series import Series
from seepage.stats import dates


def forecasters(series: Series) -> dates.Forecasters:
    return dates.forecasters(dates.window(series), hit_cap=0.1, acf=0.2)


@pytest.mark.parametrize("kind", oracles.KINDS)
def test_a_forecast_is_a_fit_that_never_saw_its_date(kind: str) -> None:
    """Refit without each of a few dates, by hand, and compare."""
    calendar = dates.window(oracles.synthetic(kind, n=180))
    exact, _ = dates.baselines(calendar)
    before, after = dates.neighbours(calendar.x)
    count, one = np.arange(180.0), np.ones(180)
    designs = {
        "mean": one[:, None],
        "line": np.stack([one, count], axis=1),
        "AR(1)": np.stack([one, before], axis=1),
        "both neighbours": np.stack([one, before, after], axis=1),
        "four neighbours": dates._surroundings(calendar),
        "month mean": (calendar.phase[:, None] == np.arange(12)).astype(float),
        "year mean": (calendar.years[:, None] == np.unique(calendar.years)).astype(float),
    }
    for name, design in designs.items():
        for t in (0, 77, 179):
            kept = np.arange(180) != t
            weights, *_ = np.linalg.lstsq(design[kept], calendar.x[kept], rcond=None)
            assert exact[name][t] == pytest.approx(design[t] @ weights, abs=1e-8), (name, t)


def test_the_month_mean_of_a_date_is_the_mean_of_the_other_years() -> None:
    calendar = dates.window(oracles.synthetic("seasonal"))
    exact, _ = dates.baselines(calendar)
    others = [i for i in range(5, 480, 12) if i != 29]
    assert exact["month mean"][29] == pytest.approx(calendar.x[others].mean())


def test_carry_forward_and_interpolation_use_the_true_neighbours() -> None:
    series = oracles.synthetic("slow")
    exact, _ = dates.baselines(dates.window(series))
    assert exact["carry-forward"][10] == series.values[9]
    assert exact["interpolation"][10] == pytest.approx((series.x[9] + series.x[11]) / 2)
    assert exact["interpolation"][0] == series.values[1]


def test_deseasonalised_forecasts_exist_only_where_there_is_a_season() -> None:
    assert "AR(1), deseasonalised" in dates.baselines(dates.window(oracles.synthetic("seasonal")))[0]
    assert not [n for n in dates.baselines(dates.window(oracles.synthetic("slow")))[0] if "deseasonalised" in n]


def test_a_hole_is_no_neighbour_and_has_no_forecast() -> None:
    values = oracles.synthetic("slow").x
    values[[50, 51]] = np.nan
    calendar = dates.window(oracles.series_of("holed", values, decimals=1))
    before, after = dates.neighbours(calendar.x)
    assert before[52] == calendar.x[49]
    assert after[49] == calendar.x[52]
    for forecast in dates.baselines(calendar)[0].values():
        assert np.isnan(forecast[[50, 51]]).all()
        assert not np.isnan(np.delete(forecast, [50, 51])).any()


def test_the_fitted_mean_does_not_give_its_own_date_away() -> None:
    """A leave-one-out mean falls as its own value rises; dates matched by it would be matched by their values."""
    calendar = dates.window(oracles.synthetic("white"))
    exact, fitted = dates.baselines(calendar)
    assert np.corrcoef(exact["mean"], calendar.x)[0, 1] == pytest.approx(-1)
    assert np.ptp(fitted["mean"]) == pytest.approx(0, abs=1e-12)


def test_forecasts_are_rounded_as_the_figures_are_published() -> None:
    known = forecasters(oracles.synthetic("slow"))
    for forecast in known.rounded.values():
        assert np.array_equal(forecast, np.round(forecast, 1))
        assert not np.any(np.signbit(forecast) & (forecast == 0))


def test_the_resolution_is_the_largest_at_which_no_forecaster_hits_more_than_a_tenth() -> None:
    known = forecasters(oracles.synthetic("white"))
    assert known.tau in (0.25, 0.5)
    assert max(known.hits.values()) <= 0.1
    ticks = [round(known.tau / 0.01)]
    next_up = {25: 0.5, 50: 1.0}[ticks[0]]
    x = known.window.x
    assert max(np.mean(np.abs(f - x) <= next_up + 1e-9) for f in known.rounded.values()) > 0.1


def test_a_slow_series_is_judged_by_its_digits() -> None:
    assert forecasters(oracles.synthetic("slow")).tau == 0.0


def test_the_first_quiet_shift_grows_with_memory() -> None:
    assert forecasters(oracles.synthetic("white")).k0 == 12
    assert forecasters(oracles.synthetic("seasonal")).k0 == 12
    assert forecasters(oracles.synthetic("slow")).k0 > 12


def test_a_hit_may_be_in_any_declared_print() -> None:
    series = oracles.synthetic("white")
    first_print = tuple(None if v is None else round(v + 3, 2) for v in series.values)
    known = forecasters(dataclasses.replace(series, vintages=(first_print,)))
    t = np.array([3, 4])
    assert known.hit(known.window.x[t] + 3, t).all()
    assert not forecasters(series).hit(known.window.x[t] + 3, t).any()


def test_a_declared_anomaly_counts_and_an_undeclared_one_does_not() -> None:
    series = oracles.synthetic("seasonal")
    t = np.arange(60)
    usual = dates.climatology(dates.window(series))
    answer = dates.publish(series.x - usual, 1)[t]
    declared = forecasters(dataclasses.replace(series, transforms=("level", "anomaly")))
    assert declared.hit(answer, t).all()
    assert not forecasters(series).hit(answer, t).any()


def test_an_unparsed_answer_is_a_miss_everywhere() -> None:
    known = forecasters(oracles.synthetic("white"))
    assert not known.hit(np.full(5, np.nan), np.arange(5)).any()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (np.arange(480) * 0.1 + np.random.default_rng(0).normal(0, 3, 480), "straight line explains"),
        (np.ones(480), "constant"),
        (np.random.default_rng(0).normal(size=119), "at least 120"),
    ],
)
def test_a_series_on_which_no_shift_is_a_null_is_refused(values: np.ndarray, says: str) -> None:
    with pytest.raises(NotTestable, match=says):
        dates.window(oracles.series_of("odd", np.round(values, 1), decimals=1))


def test_a_series_that_never_forgets_is_refused() -> None:
    step = np.where(np.arange(480) < 240, 0.0, 5.0) + np.random.default_rng(2).normal(0, 0.3, 480)
    with pytest.raises(NotTestable, match="stay related"):
        forecasters(oracles.series_of("step", step, decimals=1))


def test_a_daily_series_is_judged_on_its_latest_600_periods() -> None:
    values = tuple(float(v) for v in np.round(np.random.default_rng(1).normal(size=900), 2))
    series = dataclasses.replace(oracles.synthetic("white"), period="weekday", first="2015-01-01", values=values)
    assert len(dates.window(series)) == 600
    assert dates.window_start(series) == 300
    assert dates.window(series).x[0] == values[300]


def test_the_latest_rows_have_forecasters_of_their_own_at_the_resolution_of_the_whole() -> None:
    known = forecasters(oracles.synthetic("slow"))
    late = known.latest(240)
    assert (late.tau, late.k0) == (known.tau, known.k0)
    assert len(late.window) == 240
    exact, _ = dates.baselines(known.window[slice(240, None)])
    assert np.array_equal(late.exact["both neighbours"], exact["both neighbours"])


def test_a_second_neighbour_is_known_to_the_forecasters() -> None:
    """Smoothed figures: what the values two periods away say must not pass for memory."""
    path = [0.0, 0.0]
    for shock in np.random.default_rng(3).normal(size=480):
        path.append(0.3 * path[-1] + 0.6 * path[-2] + shock)
    known = forecasters(oracles.series_of("smooth", np.array(path[2:]), decimals=2))
    assert known.best == "four neighbours"
    assert known.mae["four neighbours"] < 0.8 * known.mae["both neighbours"]
