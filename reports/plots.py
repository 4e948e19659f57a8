"""Renders `seepage.records.Figure` to SVG or PNG: one restrained style for every picture of every report.

A figure says what to draw, `kinds` draws it, and this module sets the page: narrow, so that small print is
still readable on a phone; title, then what to see in one sentence, then the axes; names beside the lines, not in a box.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any, Literal

from seepage.errors import BadSpec

from . import kinds, ranked
from .kinds import INK, PAPER, QUIET, SMALL, Name, number, present, short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from seepage.records import Figure

DRAW = {**kinds.DRAW, **ranked.DRAW}
WIDTH, HEIGHT = 3.9, 3.1  # inches: 9 pt are 9 pixels on a phone, where the page leaves 270 of them
PIXELS_AN_INCH = 200  # of a PNG; an SVG has no pixels
EDGE = 0.02  # of the width: white left of the title and right of the axes
STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same picture on every machine
    "font.size": 9.0,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "text.parse_math": False,  # names come from users and models: "$" is a dollar
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "svg.fonttype": "none",  # text stays text: smaller, searchable, read aloud
    "svg.hashsalt": "seepage",  # same figure, same bytes
}
MUTE: dict[str, dict[str, None]] = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}
SCREEN_FONTS = "'DejaVu Sans', Verdana, sans-serif"


def render(figure: Figure, *, form: Literal["svg", "png"] = "svg") -> bytes:
    """The picture as bytes. Raises BadSpec where the content does not fit the kind, naming what is wrong."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Page

    if figure.kind not in DRAW:
        raise BadSpec(f"unknown picture kind {figure.kind!r} in {figure.title!r}. Known: {', '.join(DRAW)}")
    with rc_context(STYLE):
        canvas = FigureCanvasAgg(Page(figsize=(WIDTH, HEIGHT), dpi=PIXELS_AN_INCH))
        axes = canvas.figure.add_axes((0.15, 0.2, 0.8, 0.6))
        axes.tick_params(length=3, width=0.8, pad=3, labelsize=SMALL)
        try:
            names = DRAW[figure.kind](axes, figure.content)
            told = str(figure.content.get("caption") or caption(figure))
        except (KeyError, BadSpec) as error:
            why = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
            raise BadSpec(f"picture {figure.title!r} ({figure.kind}): {why}") from error
        set_page(canvas, axes, figure, told, names)
        buffer = io.BytesIO()
        canvas.figure.savefig(buffer, format=form, metadata=MUTE[form])
    return accessible(buffer.getvalue(), figure.title, told) if form == "svg" else buffer.getvalue()


def caption(figure: Figure) -> str:
    """What to see, in one sentence made of the picture's own figures; empty where the picture says it alone."""
    content = figure.content
    if figure.kind == "histogram":
        values, observed = present(content["values"]), number(content["observed"], "observed")
        above = sum(value >= observed for value in values)
        reach = "none reaches" if above == 0 else "1 reaches" if above == 1 else f"{above:,} reach"
        return f"Of {len(values):,} null draws {reach} the observed {short(observed)}."
    if figure.kind == "steps":
        values, zero = present(content["values"]), number(content.get("zero", 0.0), "zero")
        above = sum(value > zero for value in values)
        return f"{above:,} of {len(values):,} lie above {short(zero)}."
    return ""


# --- the page -----------------------------------------------------------------------------------------------------


def set_page(canvas: FigureCanvasAgg, axes: Axes, figure: Figure, told: str, names: Sequence[Name]) -> None:
    """Title, caption and key from the top down; the axes take the room that the words leave."""
    axes.set_xlabel(figure.x, labelpad=3)
    axes.set_ylabel(figure.y, labelpad=4)
    top = 1 - 0.03
    top = paragraph(canvas, figure.title, top, weight="bold", size=10.0)
    if told:
        top = paragraph(canvas, told, top, color=QUIET, size=SMALL)
    key = [name for name in names if name.shape]
    if key:
        top = key_row(canvas, key, top)
    ends = [name for name in names if name.y is not None]
    right = max((extent(canvas, wrapped_name(name))[0] for name in ends), default=0.0)
    marked = 0.05 if figure.kind == "lines" and figure.content.get("marks") else 0.0
    for _ in range(2):  # more room may bring more ticks, and those other widths
        taken: Any = axes.get_tightbbox(renderer(canvas))
        room, place = taken.transformed(canvas.figure.transFigure.inverted()), axes.get_position()
        left, bottom = place.x0 - room.x0 + EDGE, place.y0 - room.y0 + 0.025
        span = 1 - left - EDGE - (right + 0.02 if ends else 0.02)
        axes.set_position((left, bottom, span, top - 0.025 - marked - bottom))
    if ends:
        name_ends(canvas, axes, ends)


def paragraph(canvas: FigureCanvasAgg, text: str, top: float, **style: Any) -> float:
    """Write text from `top` down (share of the height), wrapped to the page; returns where the next line may begin."""
    lines: list[str] = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and extent(canvas, longer, **style)[0] > 1 - 2 * EDGE:
            lines.append(word)
        else:
            lines[-1] = longer
    if len(lines) > 3:
        lines = [*lines[:2], lines[2] + " …"]
    written = canvas.figure.text(EDGE, top, "\n".join(lines), ha="left", va="top", linespacing=1.25, **style)
    box = written.get_window_extent(renderer(canvas))
    return top - float(box.height) / canvas.figure.bbox.height - 0.022


def key_row(canvas: FigureCanvasAgg, names: Sequence[Name], top: float) -> float:
    """Marker and name of each group, in one row or more above the axes."""
    from matplotlib.lines import Line2D

    x, y = EDGE + 0.012, top - 0.022
    for name in names:
        width = extent(canvas, name.text, size=SMALL)[0]
        if x > 0.1 and x + 0.025 + width > 1 - EDGE:
            x, y = EDGE + 0.012, y - 0.072
        face = PAPER if name.hollow else name.colour
        style: dict[str, Any] = {"markersize": 5, "markerfacecolor": face, "markeredgecolor": name.colour}
        canvas.figure.add_artist(Line2D([x], [y], marker=name.shape, linestyle="none", **style))
        canvas.figure.text(x + 0.025, y, name.text, va="center", size=SMALL)
        x += 0.02 + width + 0.05
    return y - 0.03


def name_ends(canvas: FigureCanvasAgg, axes: Axes, names: Sequence[Name]) -> None:
    """Write each name at the height of its line's end, moved apart where they would overlap."""
    bottom, top = axes.get_ylim()
    heights = [extent(canvas, wrapped_name(name))[1] / axes.get_position().height for name in names]
    wanted = [((name.y or 0.0) - bottom) / (top - bottom) for name in names]
    for name, place in zip(names, spread(wanted, heights), strict=True):
        style: dict[str, Any] = {"va": "center", "ha": "left", "size": SMALL, "linespacing": 1.0}
        axes.text(1.02, place, wrapped_name(name), color=name.colour, transform=axes.transAxes, **style)


def spread(wanted: Sequence[float], heights: Sequence[float]) -> list[float]:
    """Places as near to the wanted ones as the heights of the words allow, in the same order, in 0..1 if they fit."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    places = list(wanted)
    floor = 0.0
    for i in order:
        places[i] = max(places[i], floor + heights[i] / 2)
        floor = places[i] + heights[i] / 2
    ceiling = max(1.0, sum(heights))
    for i in reversed(order):
        places[i] = min(places[i], ceiling - heights[i] / 2)
        ceiling = places[i] - heights[i] / 2
    return places


def wrapped_name(name: Name) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(name.text, 15, break_long_words=False) or [""])


def extent(canvas: FigureCanvasAgg, text: str, **style: Any) -> tuple[float, float]:
    """Width and height of text as shares of the page's."""
    probe = canvas.figure.text(0, 0, text, **{"size": SMALL, "linespacing": 1.0, **style})
    box = probe.get_window_extent(renderer(canvas))
    probe.remove()
    return float(box.width) / canvas.figure.bbox.width, float(box.height) / canvas.figure.bbox.height


def renderer(canvas: Any) -> Any:
    """What measures text; matplotlib leaves it untyped."""
    return canvas.get_renderer()


def accessible(svg: bytes, title: str, told: str) -> bytes:
    """Scales to its column, reads its title aloud, falls back to fonts that browsers have; places to 1/100 pt."""
    from xml.sax.saxutils import escape

    text = svg.decode()
    text = text[text.index("<svg") :]
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r' (?:d|x|y|points|transform)="[^"]*"', lambda m: re.sub(r"(\.\d\d)\d+", r"\1", m[0]), text)
    names = f"<title>{escape(title)}</title><desc>{escape(told)}</desc>"
    text = re.sub(r"<svg([^>]*)>", lambda m: f'<svg role="img"{m[1]}>{names}', text, count=1)
    return text.replace("'DejaVu Sans'", SCREEN_FONTS).encode()
