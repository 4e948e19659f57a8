"""Pictures: every kind renders, says its title and names as text, counts what its caption says, and invents nothing."""

from __future__ import annotations

import dataclasses
import math
import xml.etree.ElementTree as ET
from itertools import pairwise

import numpy as np
import pytest
import reportkit
from hypothesis import given, settings
from hypothesis import strategies as st

from seepage.errors import BadSpec
from seepage.records import Figure
from seepage.reports import kinds, plots

FIGURES = reportkit.figures()
FINITE = st.floats(-1e6, 1e6, allow_nan=False)


def words_in(svg: bytes) -> str:
    return " ".join("".join(ET.fromstring(svg.decode()).itertext()).split())


@pytest.mark.parametrize(argnames="figure", argvalues=FIGURES, ids=lambda figure: figure.kind)
def test_every_kind_renders_to_svg_and_to_png(figure: Figure) -> None:
    assert plots.render(figure, form="png").startswith(b"\x89PNG")
    svg = plots.render(figure)
    assert figure.title in words_in(svg)
    assert figure.x in words_in(svg)
    assert 'role="img"' in svg.decode()


def test_the_same_figure_gives_the_same_bytes() -> None:
    assert plots.render(FIGURES[1]) == plots.render(reportkit.figures()[1])


def test_curves_bands_marks_and_groups_are_named_in_the_picture() -> None:
    said = words_in(plots.render(FIGURES[1]))
    for name in ("late", "carry-forward", "95 % of null", "k = 0"):
        assert name in said
    assert "best forecaster" in words_in(plots.render(FIGURES[2]))


def test_a_picture_scales_to_the_column_it_stands_in() -> None:
    root = ET.fromstring(plots.render(FIGURES[0]).decode())
    assert "width" not in root.attrib
    assert root.attrib["viewBox"].split()[2:] == ["280.8", "223.2"]


def test_hostile_names_are_text_and_nothing_else() -> None:
    svg = plots.render(dataclasses.replace(FIGURES[0], title=reportkit.HOSTILE.replace("\x1b", ""), x="$x$ & <b>"))
    tags = {element.tag.rpartition("}")[2] for element in ET.fromstring(svg.decode()).iter()}
    assert "script" not in tags
    assert "$x$ & <b>" in words_in(svg)


def test_the_caption_counts_the_draws_that_reach_the_observed_value() -> None:
    figure = Figure("histogram", "t", "x", "y", {"values": [1.0, 2.0, 3.0, None, 4.0], "observed": 3.0})
    assert plots.caption(figure) == "Of 4 null draws 2 reach the observed 3."
    none = dataclasses.replace(figure, content={"values": [1.0, 2.0], "observed": 3.0})
    assert "none reaches" in plots.caption(none)


def test_the_caption_of_sorted_steps_counts_those_above_zero() -> None:
    figure = Figure("steps", "t", "x", "y", {"values": [-1.0, 0.0, 2.0, 3.0], "zero": 0.0})
    assert plots.caption(figure) == "2 of 4 lie above 0."


def test_a_caption_that_the_figure_brings_is_kept() -> None:
    content = {**FIGURES[3].content, "caption": "w = .78, interval .72 to .83"}
    assert "w = .78" in words_in(plots.render(dataclasses.replace(FIGURES[3], content=content)))


def test_a_gap_is_left_out_and_never_drawn_as_zero() -> None:
    from matplotlib.figure import Figure as Page

    axes = Page().add_subplot()
    kinds.lines(axes, {"x": [0, 1, 2, 3], "curves": {"a": [1.0, None, 3.0, 4.0]}})
    drawn = np.asarray(axes.lines[0].get_ydata(), dtype=float)
    assert math.isnan(drawn[1])
    assert drawn[[0, 2, 3]].tolist() == [1.0, 3.0, 4.0]


def test_a_point_between_two_gaps_is_still_seen() -> None:
    assert kinds.lonely([math.nan, 2.0, math.nan], 1)
    assert not kinds.lonely([1.0, 2.0, math.nan], 1)


@pytest.mark.parametrize(
    argnames=("kind", "content", "complaint"),
    argvalues=[
        ("histogram", {"values": [1.0, math.nan], "observed": 1.0}, "nan"),
        ("histogram", {"values": [None], "observed": 1.0}, "empty"),
        ("histogram", {"values": [1.0]}, "'observed' is missing"),
        ("lines", {"x": [1, 2], "curves": {"late": [1.0]}}, "'late' has 1 values for 2"),
        ("scatter", {"groups": {"late": [[1.0], [1.0, 2.0]]}}, "'late' has 2 values for 1"),
        ("bars", {"labels": ["0"], "groups": {"w": [math.inf]}}, "inf"),
        ("bars", {"labels": ["0"], "groups": {"w": [0.8]}, "errors": {"w": [[0.1], [0.1]]}}, "bounds"),
        ("pie", {}, "unknown picture kind 'pie'"),
    ],
)
def test_content_that_does_not_fit_is_refused_by_name(kind: str, content: dict[str, object], complaint: str) -> None:
    with pytest.raises(BadSpec, match=complaint):
        plots.render(Figure(kind, "the title", "x", "y", content))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    argnames="content",
    argvalues=[
        {"values": [0.5], "observed": 0.5},
        {"values": [0.0] * 99, "observed": 0.0},
        {"values": [0.0, 1e-9], "observed": 1e6},
    ],
    ids=["one draw", "a constant null", "far away"],
)
def test_a_degenerate_null_still_gives_a_picture(content: dict[str, object]) -> None:
    assert plots.render(Figure("histogram", "t", "x", "y", content), form="png")


@given(st.lists(FINITE, min_size=1, max_size=200))
@settings(max_examples=100, deadline=None)
def test_every_value_falls_into_exactly_one_bin(values: list[float]) -> None:
    edges = kinds.bin_edges(values)
    assert all(a < b for a, b in pairwise(edges)) or max(values) - min(values) < 1e-9 * max(map(abs, values))
    assert edges[0] <= min(values)
    assert max(values) <= edges[-1] + 1e-9 * max(1.0, abs(edges[-1]))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_names_at_line_ends_never_overlap_and_keep_their_order(wanted: list[float]) -> None:
    height = 0.1
    places = plots.spread(wanted, [height] * len(wanted))
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    for lower, upper in pairwise(order):
        assert places[upper] - places[lower] >= height - 1e-9
    assert all(height / 2 - 1e-9 <= place <= 1 - height / 2 + 1e-9 for place in places)


def counts_figure(values: list[list[float]]) -> Figure:
    content = {"rows": ["both", "neither"], "columns": ["both", "neither"], "values": values}
    return Figure("counts", "Where the items went", "twin", "dense model", content)


def test_counts_are_written_in_their_squares_as_whole_numbers() -> None:
    said = words_in(plots.render(counts_figure([[40, 25], [3, 132]])))
    for word in ("40", "25", "132", "both", "neither"):
        assert word in said


@pytest.mark.parametrize(argnames="values", argvalues=[[[1, 2], [3, 0.5]], [[1, 2], [3, -1]], [[1, 2], [3]]])
def test_counts_that_are_no_whole_numbers_or_not_as_many_as_the_columns_are_refused(values: list[list[float]]) -> None:
    with pytest.raises(BadSpec):
        plots.render(counts_figure(values))


def test_axes_in_powers_of_ten_write_plain_numbers_and_refuse_zero() -> None:
    content = {"groups": {"items": [[1, 100, 10_000], [1, 10, 5_000]]}, "log": "xy", "diagonal": True}
    said = words_in(plots.render(Figure("scatter", "Ranks", "held-out", "gold", content)))
    assert "1,000" in said
    assert "mathdefault" not in said
    zero = content | {"groups": {"items": [[0, 100], [1, 10]]}}
    with pytest.raises(BadSpec, match="above 0"):
        plots.render(Figure("scatter", "Ranks", "held-out", "gold", zero))


def test_a_level_across_bars_is_named() -> None:
    content = {"labels": ["open", "byte"], "groups": {"share": [0.1, 0.9]}, "level": {"guess rate": 0.25}}
    assert "guess rate" in words_in(plots.render(Figure("bars", "Ladder", "", "share right", content)))


def test_a_forest_and_a_bump_chart_name_every_model_and_refuse_what_does_not_fit() -> None:
    forest, bump = reportkit.ranked()
    for figure in (forest, bump):
        assert all(name in words_in(plots.render(figure)) for name in figure.content["labels"])
    turned = dataclasses.replace(forest, content={**forest.content, "low": [2.0] * 8})
    with pytest.raises(BadSpec, match="are bounds, low <= value <= high"):
        plots.render(turned)
    with pytest.raises(BadSpec, match="'after' has 2 values for 8 positions"):
        plots.render(dataclasses.replace(bump, content={**bump.content, "after": [1.0, 2.0]}))
    with pytest.raises(BadSpec, match="'bold' has 1 values for 8 labels"):
        plots.render(dataclasses.replace(bump, content={**bump.content, "bold": [True]}))


def test_of_a_crowd_only_certified_falls_are_named() -> None:
    _, bump = reportkit.ranked()
    names = [f"model {k:02d}" for k in range(60)]
    ranks = [float(k + 1) for k in range(60)]
    content = {"labels": names, "before": ranks, "after": ranks[::-1], "bold": [k == 7 for k in range(60)]}
    said = words_in(plots.render(dataclasses.replace(bump, content=content)))
    assert "model 07" in said
    assert "model 08" not in said
