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


def text(value: object) -> str:
    return html.escape(words.plain(str(value)))


def badge(word: str) -> str:
    colour = COLOURS[word]
    style = (
        f"color:{colour};border:1px solid {colour};border-radius:4px;padding:1px 6px;white-space:nowrap;background:#fff"
    )
    return f'<span style="{style}">{text(word)}</span>'


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """columns and cells are HTML already. Allure lets a wide table scroll in itself, so that a phone keeps the page."""
    head = "".join(f"<th>{column}</th>" for column in columns)
    lines = ("".join(f'<td style="vertical-align:top">{cell}</td>' for cell in row) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Name and value side by side, below one another where a phone has no room."""
    line = "display:flex;flex-wrap:wrap;gap:0 12px;padding:5px 0;border-bottom:1px solid rgba(128,128,128,.25)"
    return "".join(
        f'<div style="{line}">'
        f'<span style="flex:0 0 200px;opacity:.75">{text(name)}</span>'
        f'<span style="flex:1 1 230px;overflow-wrap:anywhere">{text(value)}</span></div>'
        for name, value in pairs
    )


def gallery(pictures: Sequence[tuple[str, bytes]]) -> str:
    """Two pictures a row on a desk, one on a phone."""
    frame = "flex:1 1 300px;max-width:520px;background:#fff;border-radius:4px"
    images = "".join(
        f'<div style="{frame}"><img alt="{text(title)}" style="width:100%"'
        f' src="data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"></div>'
        for title, svg in pictures
    )
    return f'<div style="display:flex;flex-wrap:wrap;gap:16px;margin:12px 0">{images}</div>' if pictures else ""


def verdict_page(verdict: Verdict, pictures: Sequence[tuple[str, bytes]] = ()) -> str:
    """The verdict's description: sentence, figures, pictures, placebos, notes, the command that repeats it."""
    word = words.shown(verdict)
    parts = [f'<p style="font-size:1.15em">{badge(word)} {text(verdict.sentence)}</p>']
    if verdict.reason not in ("", word) and words.plain(verdict.reason) not in words.plain(verdict.sentence):
        parts.append(f"<p>Reason: {text(verdict.reason)}</p>")
    parts += [gallery(pictures), facts(verdict_facts(verdict))]
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
    heads = [f"<small>{text(h.rpartition('.')[0])}</small><br>{text(h.rpartition('.')[2])}" for h in made.hypotheses]
    rows = [
        (f"{text(row.model)}<br>{text(row.target)}", *(cell(verdict) for verdict in row.verdicts)) for row in made.rows
    ]
    parts = [
        f'<p style="font-size:1.15em">{text(words.summary(run))}. Exit status {run.exit_status}.</p>',
        table(("<small>model</small><br>asked about", *heads), rows),
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
    for word in ("leak", "broken", "ungated leak", "expected leak", "inconclusive", "report only"):
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
    style = (
        "body{font:15px/1.45 system-ui,sans-serif;margin:16px auto;max-width:1100px;padding:0 12px;color:#1b1b1b}"
        "table{border-collapse:collapse;display:block;overflow-x:auto}"
        "th,td{border:1px solid #d0d4d9;padding:5px 10px;text-align:left}"
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{text(title)}</title><style>{style}</style><body><h3>{text(title)}</h3>{body}</body></html>"
    )
