"""What a reader of mc_generation sees beside the verdict: the ladder, the five scores, languages, every item. No gates.

open .02   format .02   options shown .11   sum .97   byte .97   tok .97   pmi .98   letter .99       share right
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..benchmarks.record import Item
from ..policy import McGenerationPolicy
from ..records import Answer, Figure, Table
from ..stats.compression import Interaction
from ..stats.proportions import wilson
from ..stats.recognition import Recognition
from ..wording import figure, percent
from . import mc_generation_demoted as demoted
from .mc_generation_reading import JUDGES, SCORES, Seen, read, replies, scores_of

Bools = NDArray[np.bool_]

SAID = {"open": "open", "format": "format", "shown": "options shown"}  # generated rungs of the ladder
CLASS_NAMES = ("both", "picked only", "said only", "neither")


@dataclass(frozen=True, slots=True)
class Display:
    """Notes, tables and pictures of one outcome."""

    notes: tuple[str, ...]
    tables: tuple[Table, ...]
    figures: tuple[Figure, ...]


def recognition(
    seen: Seen,
    answers: Mapping[str, Answer],
    found: Mapping[tuple[str, str], Recognition],
    *,
    policy: McGenerationPolicy,
) -> Display:
    fate = demoted.fate(seen, answers, policy=policy, score=primary(seen, policy))
    first = next(iter(found.values()))
    return Display(
        notes=(
            *_class_notes(found, primary(seen, policy)),
            *fate.notes,
            *_copying(seen, answers),
            f"strict and lenient judge differ on {int(np.sum(seen.generated('strict') != seen.generated('lenient')))} "
            f"items; no answers: {sum(bool(r.failure) for r in seen.opened)} of {first.n}",
        ),
        tables=(
            score_table(seen, found),
            ladder_table({"": rungs(seen, answers)}),
            *fate.tables,
            *_languages(seen, found, policy),
            _items(seen, fate.labels),
        ),
        figures=(
            ladder_figure({"share right": rungs(seen, answers)}, guess=first.guess),
            score_figure(found, margin=policy.margin),
            *fate.figures,
        ),
    )


def primary(seen: Seen, policy: McGenerationPolicy) -> str:
    """The score that decides; `letter` is not asked in the smoke tier, where `byte` stands in."""
    return policy.score if policy.score in seen.picks else "byte"


def compression(
    before: Seen,
    after: Seen,
    dense: Mapping[str, Answer],
    answers: Mapping[str, Answer],
    found: Mapping[tuple[str, str], Interaction],
    *,
    policy: McGenerationPolicy,
) -> Display:
    """The pair: both ladders, where the items went, I by score, the fate of what the twin no longer says."""
    score = primary(after, policy)
    fate = demoted.fate(after, answers, policy=policy, score=score)
    steps = {"dense": rungs(before, dense), "twin": rungs(after, answers)}
    chance = float(np.mean(1 / after.options))
    return Display(
        notes=fate.notes,
        tables=(
            _interaction_table(found),
            ladder_table(steps),
            _transition_table(found[score, "lenient"].table),
            *fate.tables,
            *_pair_languages(before, after, score),
        ),
        figures=(
            ladder_figure(steps, guess=chance),
            _transition_figure(found[score, "lenient"].table),
            *fate.figures,
        ),
    )


# --- the ladder -----------------------------------------------------------------------------------------------------


def rungs(seen: Seen, answers: Mapping[str, Answer]) -> dict[str, Bools]:
    """Rung -> [items asked there] right (lenient judge for text), from open to the five scores."""
    found: dict[str, Bools] = {}
    for name, said in SAID.items():
        if right := right_by_item(seen, answers, name):
            found[said] = np.array(list(right.values()))
    return found | {score: seen.picked(score) for score in scores_of(seen)}


def right_by_item(seen: Seen, answers: Mapping[str, Answer], name: str) -> dict[str, bool]:
    """Item id -> whether the reply of this arm is right for the lenient judge."""
    given = replies(answers, name, seen.items)
    return {item.id: read(given[item.id], item).lenient for item in seen.items if item.id in given}


def ladder_table(models: Mapping[str, Mapping[str, Bools]]) -> Table:
    """models: name -> rungs. Wilson intervals (95 %), item by item."""
    rows = [
        (*([name] if name else []), rung, len(right), float(right.mean()), *wilson(int(right.sum()), len(right)))
        for name, steps in models.items()
        for rung, right in steps.items()
    ]
    head = ("model",) if all(models) else ()
    return Table("ladder", (*head, "rung", "items", "share right", "low", "high"), tuple(rows))


def ladder_figure(models: Mapping[str, Mapping[str, Bools]], *, guess: float) -> Figure:
    labels = list(next(iter(models.values())))
    groups = {name: [float(steps[rung].mean()) for rung in labels] for name, steps in models.items()}
    bounds = {
        name: list(map(list, zip(*(wilson(int(steps[r].sum()), len(steps[r])) for r in labels), strict=True)))
        for name, steps in models.items()
    }
    content = {
        "labels": labels,
        "groups": groups,
        "errors": bounds,
        "level": {"guess": guess},
        "caption": "From left to right the question gives more away: nothing, the form, the options, then a pick.",
    }
    return Figure("bars", "The ladder from saying to picking", "", "share right", content)


def _copying(seen: Seen, answers: Mapping[str, Answer]) -> tuple[str, ...]:
    """Is an answer said because it is shown? With the gold withheld, does the model still say it?"""
    shown, withheld = (right_by_item(seen, answers, name) for name in ("shown", "withheld"))
    both = [key for key in shown if key in withheld]
    if not both:
        return ()
    given = replies(answers, "withheld", seen.items)
    by_id = {item.id: item for item in seen.items}
    copied = np.mean([_copies(by_id[key], given[key].text) for key in both])
    with_gold, without = (float(np.mean([right[key] for key in both])) for right in (shown, withheld))
    return (
        f"copying: the answer is said on {percent(with_gold)} of {len(both)} items where it is among the candidates "
        f"and on {percent(without)} where the held-out distractor stands in its place (difference "
        f"{figure(with_gold - without)}); there a shown candidate is said on {percent(float(copied))}",
    )


def _copies(item: Item, text: str) -> bool:
    shown = [option for i, option in enumerate(item.options) if i != item.gold]
    line = next((part.strip() for part in text.splitlines() if part.strip()), "")
    return any(option in line for option in (*shown, *([item.heldout] if item.heldout else [])))


# --- the scores -----------------------------------------------------------------------------------------------------


def score_table(seen: Seen, found: Mapping[tuple[str, str], Recognition]) -> Table:
    rows = []
    for score in scores_of(seen):
        stem = seen.stems.get(score)
        alone = float(seen.shifted.mean()) if score == "letter" and seen.shifted is not None else None
        for judge in JUDGES:
            share = found[score, judge]
            after = None if stem is None else float(np.mean(stem == seen.gold))
            ties = int(np.sum(seen.picks[score] < 0))
            accuracy = float(seen.picked(score).mean())
            rows.append(
                (score, judge, accuracy, ties, alone, after, share.guess, share.ro, share.low, share.high, share.pvalue)
            )
    columns = ("score", "judge", "picked right", "ties", "right by single shifts", "right after the stem", "guess rate")
    return Table("scores", (*columns, "RO*", "low", "high", "p"), tuple(rows))


def score_figure(found: Mapping[tuple[str, str], Recognition], *, margin: float) -> Figure:
    names = [score for score in SCORES if (score, JUDGES[0]) in found]
    content = {
        "labels": names,
        "groups": {judge: [found[score, judge].ro for score in names] for judge in JUDGES},
        "errors": {
            judge: [
                [min(found[score, judge].low, found[score, judge].ro) for score in names],
                [max(found[score, judge].high, found[score, judge].ro) for score in names],
            ]
            for judge in JUDGES
        },
        "level": {"margin": margin},
        "caption": "Picked right and said wrong, beyond guessing: a finding needs all scores but one above the margin.",
    }
    return Figure("bars", "Recognition-only, by score and judge", "", "RO*, share of items", content)


def _class_notes(found: Mapping[tuple[str, str], Recognition], score: str) -> tuple[str, ...]:
    """The four classes, which sum to n, for both judges."""
    notes = []
    for judge in JUDGES:
        share = found[score, judge]
        counted = ", ".join(f"{n} {name}" for name, n in zip(CLASS_NAMES, share.classes.values(), strict=True))
        among = (
            ""
            if share.r is None or share.r_low is None or share.r_high is None
            else f"; r* among the {share.n_wrong} said wrong {figure(share.r)} "
            f"[{figure(share.r_low)}, {figure(share.r_high)}]"
        )
        notes.append(f"{score}, {judge} judge: {counted} of {share.n}{among}")
    return tuple(notes)


# --- the pair -------------------------------------------------------------------------------------------------------


def _interaction_table(found: Mapping[tuple[str, str], Interaction]) -> Table:
    rows = tuple(
        (
            score,
            judge,
            one.net_drop,
            one.net_drop_low,
            one.net_drop_high,
            one.mc_drop,
            one.value,
            one.low,
            one.high,
            one.pvalue,
        )
        for (score, judge), one in found.items()
    )
    columns = ("score", "judge", "net drop", "low", "high", "drop of knowledge picked", "I", "I low", "I high", "p")
    return Table("dense to twin", columns, rows)


def _transition_table(table: Sequence[Sequence[int]]) -> Table:
    rows = tuple((name, *row) for name, row in zip(CLASS_NAMES, table, strict=True))
    return Table("where the items went", ("dense model", *(f"twin: {name}" for name in CLASS_NAMES)), rows)


def _transition_figure(table: Sequence[Sequence[int]]) -> Figure:
    names = [name.replace(" ", "\n") for name in CLASS_NAMES]
    content = {
        "rows": names,
        "columns": names,
        "values": [list(row) for row in table],
        "caption": f"{sum(map(sum, table))} items: what the dense model did, by row, and its twin, by column.",
    }
    return Figure("counts", "Where the items went", "twin", "dense model", content)


def _pair_languages(before: Seen, after: Seen, score: str) -> tuple[Table, ...]:
    langs = sorted({item.lang for item in after.items})
    if len(langs) < 2:
        return ()
    rows = []
    for lang in langs:
        here = np.array([item.lang == lang for item in after.items])
        said = [float(seen.generated("lenient")[here].mean()) for seen in (before, after)]
        picked = [float(seen.picked(score)[here].mean()) for seen in (before, after)]
        rows.append((lang or "not stated", int(here.sum()), *said, *picked))
    columns = (
        "language",
        "items",
        "said, dense",
        "said, twin",
        f"picked by {score}, dense",
        f"picked by {score}, twin",
    )
    return (Table("languages", columns, tuple(rows)),)


# --- languages and items --------------------------------------------------------------------------------------------


def _languages(
    seen: Seen, found: Mapping[tuple[str, str], Recognition], policy: McGenerationPolicy
) -> tuple[Table, ...]:
    langs = sorted({item.lang for item in seen.items})
    if len(langs) < 2:
        return ()
    score = primary(seen, policy)
    guess = found[score, "lenient"].guess
    rows = []
    for lang in langs:
        here = np.array([item.lang == lang for item in seen.items])
        said, picked = seen.generated("lenient")[here], seen.picked(score)[here]
        corrected = float(np.mean(~said * (picked - guess) / (1 - guess)))
        rows.append((lang or "not stated", int(here.sum()), float(said.mean()), float(picked.mean()), corrected))
    return (Table("languages", ("language", "items", "said right", f"picked right, {score}", "RO*"), tuple(rows)),)


def _items(seen: Seen, labels: Sequence[str]) -> Table:
    """Every item with what was said and picked: rows where the judges differ can be read here."""
    scores = scores_of(seen)
    rows = []
    for at, item in enumerate(seen.items):
        opened, first = seen.opened[at], seen.first[at]
        picks = [_option(item, int(seen.picks[score][at])) for score in scores]
        ranks = (None, None) if first is None else first[:2]
        said = (seen.texts[at], opened.strict, opened.lenient, opened.failure)
        rows.append((item.id, item.lang, item.accepted[0], *said, *picks, *ranks, labels[at]))
    said_columns = ("said", "right, strict", "right, lenient", "no answer")
    picked = tuple(f"picked by {score}" for score in scores)
    columns = ("item", "language", "gold", *said_columns, *picked, "rank of gold", "rank of held-out", "label")
    return Table("items", columns, tuple(rows))


def _option(item: Item, place: int) -> str:
    return item.options[place] if place >= 0 else "tie"
