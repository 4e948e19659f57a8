"""How a figure is written in a sentence."""

from __future__ import annotations


def figure(value: float) -> str:
    """Two significant digits, without the zero before the point: .0004, .25, 1, 12.3."""
    text = f"{value:.2g}" if abs(value) < 10 else f"{value:.4g}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def percent(share: float) -> str:
    """A share as whole percent, with the blank that the report keeps together: 42 %."""
    return f"{share:.0%}".replace("%", " %")
