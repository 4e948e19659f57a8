"""HTML of a verdict and of a run, as Allure shows it in a description: no script, no colour that carries meaning alone.

Everything that is not written here is escaped: sentences, names and notes may hold text of a model.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence

from seepage.records import Run, Verdict

from . import words

COLOURS = {
    "leak": "#b8400a",
    "ungated leak": "#b8400a",
    "expected leak": "#0b6fa8",
    "no-evidence": "#1c7a3e",
    "inconclusive": "#6b6f76",
    "report only": "#6b6f76",
    "broken": "#8a2a86",
}
CELL = "padding:4px 10px 4px 0;text-align:left;vertical-align:top;border-bottom:1px solid rgba(128,128,128,.3)"


def text(value: object) -> str:
    return html.escape(words.plain(str(value)))


def badge(word: str) -> str:
    colour = COLOURS[word]
    style = (
        f"color:{colour};border:1px solid {colour};border-radius:4px;padding:1px 6px;white-space:nowrap;background:#fff"
    )
    return f'<span style="{style}">{text(word)}</span>'


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """columns and cells are HTML already. Scrolls sideways in itself, so that a phone keeps the page."""
    head = "".join(f'<th style="{CELL};font-weight:600">{column}</th>' for column in columns)
    lines = ("".join(f'<td style="{CELL}">{cell}</td>' for cell in row) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return (
        f'<div style="overflow-x:auto"><table style="border-collapse:collapse">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    rows = "".join(
        f'<tr><th scope="row" style="{CELL};font-weight:400;opacity:.75">{text(name)}</th>'
        f'<td style="{CELL}">{text(value)}</td></tr>'
        for name, value in pairs
    )
    return f'<table style="border-collapse:collapse"><tbody>{rows}</tbody></table>'


def picture(svg: bytes, title: str) -> str:
    source = base64.b64encode(svg).decode()
    style = "width:100%;max-width:560px;height:auto;background:#fff;border-radius:4px;display:block;margin:8px 0"
    return f'<img alt="{text(title)}" src="data:image/svg+xml;base64,{source}" style="{style}">'


def verdict_page(verdict: Verdict, pictures: Sequence[tuple[str, bytes]] = ()) -> str:
    """The verdict's description: sentence, figures, pictures, placebos, notes, the command that repeats it."""
    word = words.shown(verdict)
    parts = [f'<p style="font-size:1.15em">{badge(word)} {text(verdict.sentence)}</p>']
    if verdict.reason and words.plain(verdict.reason) not in words.plain(verdict.sentence):
        parts.append(f"<p>Reason: {text(verdict.reason)}</p>")
    parts += [picture(svg, title) for title, svg in pictures[:1]]
    parts.append(facts(verdict_facts(verdict)))
    parts += [picture(svg, title) for title, svg in pictures[1:]]
    if verdict.placebos:
        rows = [
            (
                text(p.name),
                "<b>fired</b>" if p.fired else "quiet",
                words.figure(p.pvalue),
                words.figure(p.effect),
                text(p.note),
            )
            for p in verdict.placebos
        ]
        parts.append("<h4>Placebos: nothing may be found here</h4>")
        parts.append(table(("placebo", "rule", "p", "effect", "note"), rows))
    if verdict.notes:
        parts.append("<h4>Notes</h4><ul>" + "".join(f"<li>{text(note)}</li>" for note in verdict.notes) + "</ul>")
    if verdict.command:
        style = "white-space:pre-wrap;overflow-wrap:anywhere"
        parts.append(f'<h4>Repeat it</h4><pre style="{style}">{text(verdict.command)}</pre>')
    parts.append(f'<p style="opacity:.75">{text(word)}: {text(words.MEANING[word])}.</p>')
    return "\n".join(parts)


def verdict_facts(verdict: Verdict) -> list[tuple[str, str]]:
    pairs = [("decision", words.decision(verdict))]
    if verdict.statistic is not None:
        pairs.append(("statistic", f"{verdict.statistic_name} = {words.figure(verdict.statistic)}, n = {verdict.n}"))
    pairs += [("effect", words.effect_words(effect)) for effect in verdict.effects]
    pairs += [("detectable in 80 % of runs", words.detectable_words(found)) for found in verdict.detectable]
    pairs += [("model", named(verdict.cell.model, verdict.model_spec, verdict.model_digest))]
    pairs += [("asked about", named(words.target(verdict), verdict.target_spec, verdict.target_digest))]
    return [*pairs, ("role", verdict.cell.role)]


def named(name: str, spec: str, digest: str) -> str:
    return ", ".join(filter(None, (name, spec if spec != name else "", f"digest {digest[:12]}" if digest else "")))


# --- the run ------------------------------------------------------------------------------------------------------


def run_page(run: Run) -> str:
    """The family result: how many of which verdict, models × hypotheses, families with their shares, what leaked."""
    made = words.grid(run.verdicts)
    rows = [(text(row.model), text(row.target), *(cell(verdict) for verdict in row.verdicts)) for row in made.rows]
    parts = [
        f'<p style="font-size:1.15em">{text(words.summary(run))}. Exit status {run.exit_status}.</p>',
        table(("model", "asked about", *(text(h) for h in made.hypotheses)), rows),
        "<h4>Families</h4>",
        table(
            ("family", "level", "share", "m", "leaks"),
            [
                (
                    text(f.name),
                    words.figure(f.alpha),
                    words.figure(f.share),
                    str(f.m),
                    text(", ".join(f.leaks) or "none"),
                )
                for f in run.families
            ],
        ),
    ]
    for word in ("leak", "broken", "ungated leak", "expected leak"):
        said = [v for v in run.verdicts if words.shown(v) == word]
        if said:
            items = "".join(f"<li><b>{text(v.cell.key)}</b>: {text(v.sentence)}</li>" for v in said)
            parts.append(f"<h4>{text(word)}</h4><ul>{items}</ul>")
    meanings = [f"{badge(word)} {text(words.MEANING[word])}." for word in words.counts(run.verdicts)]
    return "\n".join([*parts, "<h4>Words</h4>", *(f"<p>{meaning}</p>" for meaning in meanings)])


def cell(verdict: Verdict | None) -> str:
    """A badge and the first effect; a middle dot where the question was not asked."""
    if verdict is None:
        return "·"
    first = verdict.effects[0] if verdict.effects else None
    effect = f"<br><small>{text(first.name)} {words.figure(first.value)}</small>" if first else ""
    return badge(words.shown(verdict)) + effect


def standalone(title: str, body: str) -> str:
    """A page of its own, for the attachment that can be saved and sent."""
    style = "font:15px/1.45 system-ui,sans-serif;margin:16px auto;max-width:1100px;padding:0 12px;color:#1b1b1b"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>{text(title)}</title><body style="{style}"><h3>{text(title)}</h3>{body}</body></html>'
    )
