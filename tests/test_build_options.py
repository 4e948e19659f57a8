"""Options and held-out distractors are answers of other items: same kind, other cluster, never a right answer."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import pytest

from seepage.benchmarks import Benchmark, Item
from seepage.benchmarks.build import with_options
from seepage.errors import NotTestable

CITIES = ("Bamako", "Niamey", "Abuja", "Lusaka", "Harare", "Maputo", "Luanda", "Dakar", "Accra", "Tunis")


def open_items(answers: tuple[str, ...] = CITIES, **fields: str) -> tuple[Item, ...]:
    return tuple(Item(id=f"q-{i}", question=f"Capital {i}?", aliases=(a,), **fields) for i, a in enumerate(answers))


def built(items: tuple[Item, ...], *, seed: int = 0, leave_out: bool = False) -> Benchmark:
    return with_options(Benchmark(id="quiz", items=items), leave_out=leave_out, rng=np.random.default_rng(seed))


def test_an_open_question_gets_three_options_beside_its_answer_and_one_held_out() -> None:
    bench = built(open_items())
    for old, new in zip(open_items(), bench.items, strict=True):
        assert len(set(new.options)) == 4
        assert new.options[new.gold] == old.aliases[0]
        assert new.heldout in CITIES
        assert new.heldout not in new.options
        assert set(new.options) <= set(CITIES)
        assert dataclasses.replace(new, options=(), gold=None, heldout=None) == old
    assert bench.source == "options or held-out distractors built for 10"


def test_the_gold_falls_on_every_place_and_every_answer_is_drawn() -> None:
    places: Counter[int | None] = Counter()
    drawn: Counter[str | None] = Counter()
    for seed in range(80):
        for item in built(open_items(), seed=seed).items:
            places[item.gold] += 1
            drawn.update([item.heldout])
    assert all(150 < places[place] < 250 for place in range(4))  # 200 expected of 800, sd 12
    assert all(40 < drawn[city] < 120 for city in CITIES)  # 80 expected, sd 8.5


def test_distractors_depend_on_the_seed_and_not_on_the_order_of_items() -> None:
    forward = {item.id: item for item in built(open_items()).items}
    backward = {item.id: item for item in built(open_items()[::-1]).items}
    assert forward == backward
    assert built(open_items()).digest == built(open_items()).digest
    assert built(open_items()).digest != built(open_items(), seed=1).digest


def test_distractors_are_of_the_same_language_and_answer_type() -> None:
    years = tuple(str(1900 + i) for i in range(10))
    italian = ("Roma", "Napoli", "Milano", "Torino", "Genova", "Parigi", "Londra", "Vienna", "Praga", "Berna")
    items = (
        *open_items(lang="en"),
        *(dataclasses.replace(i, id="y" + i.id, answer_type="number") for i in open_items(years, lang="en")),
        *(dataclasses.replace(i, id="i" + i.id) for i in open_items(italian, lang="it")),
    )
    for item in built(items).items:
        kind = years if item.id.startswith("y") else italian if item.id.startswith("i") else CITIES
        assert {*item.options, item.heldout} <= set(kind)


def test_distractors_come_from_another_cluster() -> None:
    items = tuple(dataclasses.replace(i, cluster=f"passage {n % 2}") for n, i in enumerate(open_items()))
    for n, item in enumerate(built(items).items):
        others = {*item.options, item.heldout} - {CITIES[n]}
        assert others <= {city for m, city in enumerate(CITIES) if m % 2 != n % 2}


def test_distractors_are_half_to_one_and_a_half_times_as_long() -> None:
    answers = (*CITIES, "Bo", "Constantinople of the East", "Saint Petersburg of the North")
    bench = built(open_items(answers), leave_out=True)
    assert [item.id for item in bench.items] == [f"q-{i}" for i in range(10)]
    assert bench.source.endswith("left out: 3 with too few answers of other items to draw from")
    for item in bench.items:
        assert all(0.5 * len(item.accepted[0]) <= len(o) <= 1.5 * len(item.accepted[0]) for o in item.options)


def test_no_distractor_shares_an_accepted_answer_with_the_item_or_with_another_distractor() -> None:
    answers = (
        ("Bombay", "Mumbai"),
        ("Mumbai",),
        ("BOMBAY!",),
        ("Lusaka",),
        ("Harare",),
        ("Maputo",),
        ("harare",),
        ("Accra",),
    )
    items = tuple(Item(id=f"q-{i}", question="?" * (i + 1), aliases=a, lang="en") for i, a in enumerate(answers))
    for seed in range(20):
        for item in built(items, seed=seed).items[:1]:
            others = {*item.options, item.heldout} - {"Bombay"}
            assert {other.casefold() for other in others if other} == {"lusaka", "harare", "maputo", "accra"}


def test_a_distractor_begins_with_another_word_where_there_is_one() -> None:
    answers = ("New York", "New Delhi", "New Haven", "New Leeds", "Old Forge", "Big Creek", "Hot Coals", "Red Cloud")
    items = open_items(answers)
    for seed in range(20):
        first = built(items, seed=seed).items[0]
        assert {*first.options, first.heldout} == {"New York", *answers[4:]}
    scarce = built(open_items(answers[:6])).items[0]
    assert scarce.heldout in answers[4:]
    assert len(scarce.options) == 4


def test_published_options_stay_and_gain_a_held_out_distractor() -> None:
    items = tuple(
        Item(id=f"q-{i}", question=f"{i}?", options=(CITIES[i], CITIES[i - 1], CITIES[i - 2]), gold=0)
        for i in range(10)
    )
    bench = built(items)
    for old, new in zip(items, bench.items, strict=True):
        assert (new.options, new.gold) == (old.options, old.gold)
        assert new.heldout in set(CITIES) - set(old.options)
    again = with_options(bench, rng=np.random.default_rng(5))
    assert again.digest == bench.digest


def test_options_may_differ_in_number() -> None:
    items = (
        Item(id="three", question="3?", options=("ab", "cd", "ef"), gold=0),
        Item(id="five", question="5?", options=("gh", "ij", "kl", "mn", "op"), gold=4),
    )
    three, five = built(items).items
    assert three.heldout in items[1].options
    assert five.heldout in items[0].options


def test_a_held_out_distractor_that_was_published_stays() -> None:
    item = dataclasses.replace(open_items()[0], heldout="Abuja")
    first = built((item, *open_items()[1:])).items[0]
    assert first.heldout == "Abuja"
    assert "Abuja" not in first.options


CHOICE = Item(id="c", question="?", options=("x", "y", "z"), gold=0)


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ((), "quiz has no accepted answers, neither options nor aliases"),
        (
            (Item(id="a", question="?"),),
            "quiz has no accepted answers, neither options nor aliases; map them: options=",
        ),
        ((*open_items(), Item(id="a", question="?")), r"quiz has 1 item without an accepted answer \(a\)"),
        (
            (dataclasses.replace(CHOICE, gold=None, aliases=("w",)),),
            r"1 item whose gold is not among the options \(c\)",
        ),
        ((dataclasses.replace(CHOICE, gold=3, aliases=("w",)), *open_items()), "whose gold is not among the options"),
        ((dataclasses.replace(CHOICE, options=("x", "y")),), r"1 item with fewer than 3 options \(c\)"),
        ((dataclasses.replace(CHOICE, aliases=("Y",)),), r"1 item with two right options \(c\)"),
        ((dataclasses.replace(CHOICE, heldout="z"),), r"whose heldout is an option or an accepted answer \(c\)"),
        (
            open_items(CITIES[:4]),
            r"4 items with too few answers .* \(q-0, q-1, q-2, q-3\)\. Mend them, or take them out",
        ),
        ((CHOICE, dataclasses.replace(CHOICE, id="d", question="!")), r"2 items with too few answers .* \(c, d\)"),
    ],
)
def test_items_that_cannot_be_asked_are_named(items: tuple[Item, ...], message: str) -> None:
    with pytest.raises(NotTestable, match=message):
        built(items)


def test_items_that_cannot_be_asked_are_left_out_only_when_asked_and_then_counted() -> None:
    items = (*open_items(), dataclasses.replace(CHOICE, options=("x", "y")), Item(id="a", question="?"))
    bench = built(items, leave_out=True)
    assert [item.id for item in bench.items] == [f"q-{i}" for i in range(10)]
    assert bench.source.endswith("left out: 1 with fewer than 3 options, 1 without an accepted answer")
    with pytest.raises(NotTestable, match="too few answers"):
        built(open_items(CITIES[:2]), leave_out=True)
