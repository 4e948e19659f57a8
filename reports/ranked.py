"""Two pictures of many models side by side: a forest of effects with their intervals, and a bump chart of ranks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from seepage.errors import BadSpec

from .kinds import BLUE, INK, QUIET, SMALL, VERMILION, Name, alike, beside, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CROWDED = 20  # models whose names still fit beside their lines


def forest(axes: Axes, content: Mapping[str, Any]) -> list[Name]:
    """One row a label, the first on top and in colour; a band and marks across."""
    labels = [str(label) for label in content["labels"]]
    values, low, high = (alike(key, labels, content[key]) for key in ("values", "low", "high"))
    if any(not a <= v <= b for v, a, b in zip(values, low, high, strict=True)):
        raise BadSpec("'low' and 'high' of a forest are bounds, low <= value <= high")
    rows = list(range(len(labels)))
    if "band" in content:
        left, right = (number(end, "band") for end in content["band"])
        axes.axvspan(left, right, color="#e1e5ea", linewidth=0, zorder=1)
    for place, name in sorted((number(at, name), name) for name, at in content.get("marks", {}).items()):
        axes.axvline(place, color=QUIET, linewidth=0.8, linestyle=(0, (2, 2)), zorder=2)
        words: dict[str, Any] = {"ha": "center", "va": "bottom", "xycoords": ("data", "axes fraction")}
        beside(axes, name, (place, 1.015), QUIET, **words)
    for row, value, a, b in zip(rows, values, low, high, strict=True):
        colour = VERMILION if row == 0 else BLUE
        axes.plot([a, b], [row, row], color=colour, linewidth=1.4, zorder=3)
        axes.plot([value], [row], "D" if row == 0 else "o", color=colour, markersize=5, zorder=4)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    small = SMALL if len(labels) <= CROWDED else SMALL * CROWDED / len(labels)
    axes.set_yticks(rows, labels, fontsize=max(small, 4.0))
    axes.tick_params(axis="y", length=0)
    return []


def bump(axes: Axes, content: Mapping[str, Any]) -> list[Name]:
    """A line a model from its rank before to its rank after, rank 1 on top; bars for the ranks that noise allows."""
    labels = [str(label) for label in content["labels"]]
    before, after = (alike(key, labels, content[key]) for key in ("before", "after"))
    bold = list(content.get("bold", [False] * len(labels)))
    if len(bold) != len(labels):
        raise BadSpec(f"'bold' has {len(bold)} values for {len(labels)} labels; they must be as many")
    crowded = len(labels) > CROWDED
    for key, edge, way in (("before_range", 0.03, 1), ("after_range", 0.97, -1)):
        for row, (low, high) in enumerate(content.get(key, ())):  # side by side, so that each is seen
            x = edge + way * 0.2 * row / len(labels)
            axes.plot([x, x], [number(low, key), number(high, key)], color="#c3c9d0", linewidth=1.6, zorder=1)
    for start, end, strong in zip(before, after, bold, strict=True):
        colour = VERMILION if strong else BLUE if end <= start else QUIET
        axes.plot(
            [0, 1], [start, end], color=colour, linewidth=2.4 if strong else 1.1, marker="o", markersize=4, zorder=4
        )
    for ranks, x, side in ((before, -0.07, "right"), (after, 1.07, "left")):
        for rank in sorted(set(ranks)):  # models that share a rank share its line of text
            here = [i for i, each in enumerate(ranks) if each == rank and (bold[i] or not crowded)]
            strong = any(bold[i] for i in here)
            weight = "bold" if strong else "normal"
            text = ", ".join(labels[i] for i in here)
            beside(axes, text, (x, rank), VERMILION if strong else INK, ha=side, weight=weight)
    margin = 0.62 if any(bold) or not crowded else 0.1
    axes.set_xlim(-margin, 1 + margin)
    axes.set_ylim(len(labels) + 0.5, 0.5)
    axes.set_xticks([0, 1], ["before", "after"])
    axes.set_yticks([1, len(labels)])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return []


DRAW: Mapping[str, Callable[[Axes, Mapping[str, Any]], list[Name]]] = {"forest": forest, "bump": bump}
