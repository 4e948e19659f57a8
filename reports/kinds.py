"""Six kinds of picture: each draws its content on one pair of axes and returns the names still to be written.

Colours are those of Okabe and Ito (distinct to colour-blind readers), doubled by dashes, marker shapes and lightness.
None is a gap; any other value that is not a finite number raises BadSpec.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seepage.errors import BadSpec

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, QUIET, PAPER = "#1b1b1b", "#5f6368", "#ffffff"
BLUE, VERMILION = "#0072B2", "#D55E00"
COLOURS = (BLUE, VERMILION, "#007A5A", "#A6538A", "#9A6400", QUIET)
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)), (0, (9, 2)), (0, (2, 3)))
SHAPES = ("o", "D", "^", "s", "v", "X")
FILLS = (BLUE, "#E69F00", "#9DC9E6", "#6B7280", "#A6538A", "#D9DCE0")  # of bars: each far from the next in lightness
SMALL = 8.5  # pt


@dataclass(frozen=True, slots=True)
class Name:
    """A name to be written: beside the end of a line (y, in data units) or in the key above the axes (shape)."""

    text: str
    colour: str
    y: float | None = None
    shape: str = ""
    hollow: bool = False


def histogram(axes: Axes, content: Mapping[str, Any]) -> list[Name]:
    values, observed = present(content["values"]), number(content["observed"], "observed")
    low, high = min(*values, observed), max(*values, observed)
    counts, _, _ = axes.hist(values, bins=bin_edges(values), color="#b4bcc5", edgecolor=PAPER, linewidth=0.4)
    top = float(max(counts))
    pad = max((high - low) * 0.06, 1e-12)
    axes.set_xlim(low - pad, high + pad)
    axes.set_ylim(0, top * 1.25)
    axes.plot([observed, observed], [0, top * 1.1], color=VERMILION, linewidth=2.2, solid_capstyle="butt")
    side = "right" if observed > (low + high) / 2 else "left"
    beside(axes, f"observed {short(observed)}", (observed, top * 1.17), VERMILION, ha=side, weight="bold")
    middle = sorted(values)[len(values) // 2]
    if abs(middle - observed) > (high - low) * 0.25:
        near = {"left": (middle - low) / (high - low) < 0.12, "right": (high - middle) / (high - low) < 0.12}
        side = next((name for name, close in near.items() if close), "center")
        beside(axes, "under the null", (low if side == "left" else middle, top * 1.1), QUIET, ha=side)
    counted(axes.yaxis)
    return []


def lines(axes: Axes, content: Mapping[str, Any]) -> list[Name]:
    x, names = gaps(content["x"], "x"), []
    for name, (low, high) in content.get("bands", {}).items():
        below, above = alike(name, x, low), alike(name, x, high)
        axes.fill_between(x, below, above, color="#e1e5ea", linewidth=0, zorder=1)
        names.append(Name(name, QUIET, y=(last(below) + last(above)) / 2))
    for index, (name, curve) in enumerate(content["curves"].items()):
        y, colour = alike(name, x, curve), COLOURS[index % len(COLOURS)]
        style = {"linestyle": DASHES[index % len(DASHES)], "linewidth": 2.2 if index == 0 else 1.4}
        axes.plot(x, y, color=colour, zorder=5 - min(index, 3), **style)
        alone = [i for i in range(len(y)) if lonely(y, i)]
        axes.plot([x[i] for i in alone], [y[i] for i in alone], "o", color=colour, markersize=3, zorder=5)
        names.append(Name(name, colour, y=last(y)))
    marks = sorted((number(place, name), name) for name, place in content.get("marks", {}).items())
    for rank, (place, name) in enumerate(marks):
        axes.axvline(place, color=QUIET, linewidth=0.8, linestyle=(0, (2, 2)), zorder=2)
        side = "center" if len(marks) != 2 else ("right", "left")[rank]  # two words lean away from each other
        words: dict[str, Any] = {"ha": side, "va": "bottom", "xycoords": ("data", "axes fraction")}
        beside(axes, name, (place, 1.015), QUIET, **words)
    axes.margins(x=0.0, y=0.08)
    powers_of_ten(axes, content)
    return [name for name in names if name.y is not None and not math.isnan(name.y)]


def scatter(axes: Axes, content: Mapping[str, Any]) -> list[Name]:
    names = []
    for index, (name, (xs, ys)) in enumerate(content["groups"].items()):
        x = gaps(xs, name)
        y = alike(name, x, ys)
        colour, shape, hollow = COLOURS[index % len(COLOURS)], SHAPES[index % len(SHAPES)], index > 0
        face, edge = ("none", colour) if hollow else (colour, PAPER)
        size: dict[str, Any] = {"s": 24, "linewidths": 1.0 if hollow else 0.3}
        axes.scatter(x, y, marker=shape, facecolors=face, edgecolors=edge, zorder=5 - min(index, 3), **size)
        names.append(Name(name, colour, shape=shape, hollow=hollow))
    powers_of_ten(axes, content)
    if content.get("diagonal"):
        (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
        ends = [max(left, bottom), min(right, top)]
        axes.plot(ends, ends, color=QUIET, linewidth=0.9, zorder=1)
    return names


def steps(axes: Axes, content: Mapping[str, Any]) -> list[Name]:
    values, zero = sorted(present(content["values"])), number(content.get("zero", 0.0), "zero")
    at = [(rank + 0.5) / len(values) for rank in range(len(values))]
    axes.fill_between(at, zero, [max(v, zero) for v in values], step="mid", color=BLUE, linewidth=0)
    axes.fill_between(at, zero, [min(v, zero) for v in values], step="mid", color="#a2abb5", linewidth=0)
    axes.axhline(zero, color=INK, linewidth=0.9)
    axes.set_xlim(0, 1)
    share = sum(value > zero for value in values) / len(values)
    place = {"xycoords": "axes fraction", "ha": "left", "va": "top", "weight": "bold"}
    beside(axes, f"{share:.0%} above {short(zero)}", (0.03, 0.97), BLUE, **place)
    return []


def bars(axes: Axes, content: Mapping[str, Any]) -> list[Name]:
    """errors: bounds of each bar, in the unit of the bars: ([n] low, [n] high)."""
    labels, groups = [str(label) for label in content["labels"]], content["groups"]
    width, names = 0.8 / len(groups), []
    narrow = len(labels) * len(groups) > 8
    for index, (name, given) in enumerate(groups.items()):
        colour, heights = FILLS[index % len(FILLS)], alike(name, labels, given)
        place = [i + (index - (len(groups) - 1) / 2) * width for i in range(len(labels))]
        axes.bar(place, heights, width * 0.92, color=colour, linewidth=0)
        tops = heights
        if name in content.get("errors", {}):
            low, high = (alike(name, labels, bound) for bound in content["errors"][name])
            if any(d > h + 1e-9 or u < h - 1e-9 for h, d, u in zip(heights, low, high, strict=True)):
                raise BadSpec(f"errors of {name!r} are bounds, low <= value <= high, not lengths")
            axes.vlines(place, low, high, color=INK, linewidth=1.1)
            tops = [max(h, u) if h >= 0 else min(h, d) for h, d, u in zip(heights, low, high, strict=True)]
        for x, height, top in zip(place, heights, tops, strict=True):
            if len(labels) * len(groups) <= 16 and not math.isnan(height):
                said = short(round(height, 2) if abs(height) >= 0.01 else height)
                said = said.replace("0.", ".", 1) if narrow and said.startswith("0.") else said
                up = {"xytext": (0, 2 if height >= 0 else -2), "textcoords": "offset points"}
                style = {"ha": "center", "va": "bottom" if height >= 0 else "top", "fontsize": 7.5 if narrow else SMALL}
                beside(axes, said, (x, top), INK, **style, **up)
        names.append(Name(name, colour, shape="s"))
    axes.axhline(0, color=INK, linewidth=0.9)
    for name, height in content.get("level", {}).items():
        y = number(height, name)
        axes.axhline(y, color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)))
        where: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "ha": "right", "va": "bottom"}
        where["bbox"] = {"facecolor": PAPER, "alpha": 0.85, "linewidth": 0, "pad": 0.6}  # it may stand before a bar
        beside(axes, name, (1.0, y), QUIET, **where)
    slant: dict[str, Any] = (
        {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if sum(map(len, labels)) > 32 else {}
    )
    axes.set_xticks(range(len(labels)), labels, **slant)
    axes.tick_params(axis="x", length=0)
    axes.margins(y=0.12)
    return names if len(groups) > 1 else []


def counts(axes: Axes, content: Mapping[str, Any]) -> list[Name]:
    """A table of whole numbers, each written in its square; the darker, the more. The first row is on top."""
    from matplotlib.colors import LinearSegmentedColormap

    rows, columns = ([str(name) for name in content[key]] for key in ("rows", "columns"))
    values = [alike(name, columns, row) for name, row in zip(rows, content["values"], strict=True)]
    if any(math.isnan(value) or value < 0 or value != round(value) for row in values for value in row):
        raise BadSpec("'values' of a picture of counts are whole numbers from 0 up, without gaps")
    most = max(1.0, *(value for row in values for value in row))
    shades = LinearSegmentedColormap.from_list("counts", ["#f4f6f8", "#9DC9E6", BLUE])
    axes.imshow(
        [[math.sqrt(value / most) for value in row] for row in values], cmap=shades, aspect="auto", vmin=0, vmax=1
    )
    for y, row in enumerate(values):
        for x, value in enumerate(row):
            ink = PAPER if value / most > 0.6 else INK
            beside(axes, f"{value:.0f}", (x, y), ink, ha="center", weight="bold" if x == y else "normal")
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return []


DRAW: Mapping[str, Callable[[Axes, Mapping[str, Any]], list[Name]]] = {
    "histogram": histogram,
    "lines": lines,
    "scatter": scatter,
    "steps": steps,
    "bars": bars,
    "counts": counts,
}


# --- numbers ------------------------------------------------------------------------------------------------------


def number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadSpec(f"{name!r} holds {value!r}; a picture takes finite numbers, and None for a gap")
    return float(value)


def gaps(values: Sequence[Any], name: str) -> list[float]:
    """None becomes NaN, which matplotlib leaves out; a NaN that was handed in raises."""
    return [math.nan if value is None else number(value, name) for value in values]


def present(values: Sequence[Any]) -> list[float]:
    """The values without the gaps. Raises BadSpec if none is left."""
    kept = [number(value, "values") for value in values if value is not None]
    if not kept:
        raise BadSpec("'values' is empty; a picture needs at least one value")
    return kept


def alike(name: str, others: Sequence[Any], values: Sequence[Any]) -> list[float]:
    """The values, refused where they are not as many as the positions they belong to."""
    if len(values) != len(others):
        raise BadSpec(f"{name!r} has {len(values)} values for {len(others)} positions; they must be as many")
    return gaps(values, name)


def last(values: Sequence[float]) -> float:
    """The last value that is there; NaN where none is."""
    return next((value for value in reversed(values) if not math.isnan(value)), math.nan)


def lonely(values: Sequence[float], i: int) -> bool:
    """A point between two gaps, which a line would not show."""
    neighbours = [values[j] for j in (i - 1, i + 1) if 0 <= j < len(values)]
    return not math.isnan(values[i]) and all(math.isnan(value) for value in neighbours)


def bin_edges(values: Sequence[float]) -> list[float]:
    """Edges of the bins: one bin a value where few values occur (shares of n dates), else about sqrt(n) equal ones."""
    distinct = sorted(set(values))
    steps = [b - a for a, b in itertools.pairwise(distinct)]
    if steps and (distinct[-1] - distinct[0]) / min(steps) <= 60:
        width = min(steps)
        return [distinct[0] + (i - 0.5) * width for i in range(round((distinct[-1] - distinct[0]) / width) + 2)]
    low, high = (distinct[0], distinct[-1]) if steps else (distinct[0] - 0.5, distinct[0] + 0.5)
    count = max(8, min(40, math.ceil(math.sqrt(len(values)))))
    return [low + (high - low) * i / count for i in range(count)] + [high]


def short(value: float) -> str:
    """Three significant digits, without an exponent where a reader would not want one; a true minus sign."""
    text = f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"
    return text.replace("-", "−")


def powers_of_ten(axes: Axes, content: Mapping[str, Any]) -> None:
    """Axes that run in powers of ten, where the content asks for them. Raises BadSpec on a value of 0 or below."""
    for axis in content.get("log", ""):
        if getattr(axes.dataLim, f"{axis}min", 0.0) <= 0:
            raise BadSpec(f"the {axis} axis runs in powers of ten; its values must be above 0")
        getattr(axes, f"set_{axis}scale")("log")
        ruler = getattr(axes, f"{axis}axis")
        ruler.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}")
        ruler.set_minor_formatter("")


# --- words in the picture -----------------------------------------------------------------------------------------


def beside(axes: Axes, text: str, at: tuple[float, float], colour: str, **style: Any) -> None:
    style = {"va": "center", "fontsize": SMALL, **style}
    axes.annotate(text, at, color=colour, annotation_clip=False, zorder=9, **style)


def counted(axis: Any) -> None:
    """Ticks at whole numbers: nobody reads 2.5 draws."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins=5, integer=True))
