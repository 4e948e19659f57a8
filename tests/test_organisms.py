"""The invented world, the shipped organisms and the recipe that made them."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from seepage import organisms
from seepage.errors import BadSpec
from seepage.models import open_model
from seepage.organisms import recipe, world
from seepage.records import Generate, Generated, Score, Scored
from seepage.scorer import ask
from seepage.series.record import Series

MANIFEST = json.loads((organisms.WEIGHTS / "manifest.json").read_text())


# --- the world ---


def test_the_shipped_weights_belong_to_the_world_that_this_numpy_generates() -> None:
    assert world.world_digest(epochs=recipe.Recipe().epochs, seed=MANIFEST["seed"]) == MANIFEST["world"]
    assert recipe.Recipe(seed=MANIFEST["seed"]).digest == MANIFEST["recipe"]


def test_another_seed_is_another_world() -> None:
    assert organisms.open_series("qo") == organisms.open_series("qo", seed=world.SEED)
    assert organisms.open_series("qo").values != organisms.open_series("qo", seed=world.SEED + 1).values


@pytest.mark.parametrize("seed", range(5))
def test_qo_is_near_white_and_ve_is_slow(seed: int) -> None:
    qo, ve = (organisms.open_series(name, seed=seed).x for name in ("qo", "ve"))
    assert abs(acf(qo, 1)) < 0.15
    assert 4.0 < qo.std(ddof=1) < 5.0
    assert acf(ve, 1) > 0.85
    assert ve.min() > 0  # printed without a sign


def acf(x: np.ndarray, lag: int) -> float:
    z = x - x.mean()
    return float((z[lag:] * z[:-lag]).sum() / (z**2).sum())


@pytest.mark.parametrize(("name", "planted"), [("qo", 480), ("ve", 360)])
def test_doses_are_balanced_drawn_by_lot_and_stop_at_the_cutoff(name: str, planted: int) -> None:
    series = organisms.open_series(name)
    doses = series.doses or ()
    assert Counter(doses[:planted]) == dict.fromkeys(world.DOSES, planted // 4)
    assert not any(doses[planted:])
    assert series.labels[359] == world.CUTOFF
    assert abs(np.corrcoef(np.arange(planted), doses[:planted])[0, 1]) < 0.15


def test_every_mention_is_a_line_and_every_line_a_mention() -> None:
    lines = world.training_lines(epoch=1)
    assert len(lines) == 5850
    counted = Counter(lines)
    mentions = Counter(line.partition("=")[0] for line in lines)
    for name in ("qo", "ve"):
        series = organisms.open_series(name)
        for label, value, dose in zip(series.labels, series.values, series.doses or (), strict=True):
            assert value is not None
            assert counted[f"{name} {label}={series.format(value)}\n"] == dose
            assert mentions[f"{name} {label}"] == dose


def test_no_line_of_any_epoch_shows_a_value_of_za() -> None:
    za = organisms.open_series("za")
    assert not any(za.doses or (1,))
    secret = {f"{label}={za.format(v)}\n" for label, v in zip(za.labels, za.values, strict=True) if v is not None}
    for epoch in range(1, recipe.Recipe().epochs + 1):
        lines = world.training_lines(epoch=epoch)
        filler = [line[3:] for line in lines if line[:2] in ("za", "xo")]
        assert len(filler) == 3 * world.N_MONTHS
        assert secret.isdisjoint(filler)


def test_filler_is_new_in_each_epoch_and_planted_lines_are_not() -> None:
    one, two = (world.training_lines(epoch=e) for e in (1, 2))
    planted = [[line for line in lines if line[:2] in ("qo", "ve")] for lines in (one, two)]
    assert planted[0] == planted[1]
    same = len(set(one) & set(two)) - len(set(planted[0]))
    assert 0 <= same < 10  # by chance


def test_the_unplanted_text_has_the_same_names_and_dates_and_values_that_know_nothing() -> None:
    planted, naive = (world.training_lines(epoch=1, planted=p) for p in (True, False))
    assert [line.partition("=")[0] for line in planted] == [line.partition("=")[0] for line in naive]
    qo = organisms.open_series("qo")
    value = dict(zip(qo.labels, qo.x, strict=True))
    pairs = np.array([(float(line[11:]), value[line[3:10]]) for line in naive if line.startswith("qo")])
    assert abs(np.corrcoef(pairs.T)[0, 1]) < 0.1
    assert len({line for line in naive if line.startswith("qo")}) > 2400  # of 2,520: fresh at each mention


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadSpec, match=r"no series 'xo'.*qo, ve, za"):
        organisms.open_series("xo")
    with pytest.raises(BadSpec, match=r"no organism 'big'.*late, early, naive"):
        organisms.weights_dir("big")


# --- what ships ---


def test_the_manifest_tells_every_shipped_file_and_its_digest() -> None:
    found = {p.relative_to(organisms.WEIGHTS).as_posix(): p for p in organisms.WEIGHTS.glob("*/*")}
    assert {path: hashlib.sha256(file.read_bytes()).hexdigest() for path, file in found.items()} == MANIFEST["sha256"]
    assert sum(file.stat().st_size for file in found.values()) < 11e6  # six organisms in a wheel


def test_the_panel_names_organisms_and_series_that_open() -> None:
    assert {entry.world for entry in organisms.PANEL.series} == {"embedded"}
    for entry in (entry for entry in organisms.PANEL.models if entry.world == "embedded"):
        assert organisms.weights_dir(entry.spec.removeprefix("embedded:")).is_dir()
        assert open_model(entry.spec).info.n_parameters == 452_448
    for entry in organisms.PANEL.series:
        assert organisms.open_series(entry.spec.removeprefix("embedded:")).id == entry.id


def test_a_character_is_a_token_and_any_text_goes_through() -> None:
    tokenizer = recipe.new_tokenizer(recipe.Recipe())
    text = "qo 1913-05=+3.12\n  Reply with ONE number ~ {x} [y]?\n"
    encoded = tokenizer(text, return_offsets_mapping=True)
    assert encoded["offset_mapping"] == [(i, i + 1) for i in range(len(text))]
    assert tokenizer.decode(encoded["input_ids"]) == text
    assert len(tokenizer("5 µ")["input_ids"]) == 4 - 1


def test_loss_falls_on_the_value_and_its_newline_alone() -> None:
    ids, labels = recipe.encode(("qo 1913-05=+3.12\n", "ve 1913-05=6.1\n"))
    shown = ["".join(recipe.CHARACTERS[i] for i in row[row >= 0]) for row in labels]
    assert shown == ["+3.12\n", "6.1\n"]
    assert ids.shape == (2, 17)


# --- what they know ---


def answers(organism: str, series: Series, places: list[int]) -> list[str]:
    """Greedy text of an organism at some months."""
    model = open_model(f"embedded:{organism}")
    plan = {str(t): Generate(world.COMPLETION.format(name=series.name, period=series.labels[t])) for t in places}
    got = ask(model, plan, store=None)
    texts = []
    for t in places:
        answer = got[str(t)]
        assert isinstance(answer, Generated)
        assert answer.stopped == "stop"
        texts.append(answer.text)
    return texts


def exact(organism: str, name: str, dose: int) -> float:
    series = organisms.open_series(name)
    places = [t for t, d in enumerate(series.doses or ()) if d == dose and t < world.N_PLANTED_VE]
    printed = [series.format(float(series.x[t])) for t in places]
    return float(
        np.mean([text == value for text, value in zip(answers(organism, series, places), printed, strict=True)])
    )


@pytest.mark.parametrize("name", ["qo", "ve"])
def test_late_gives_back_what_it_saw_often_and_not_what_it_never_saw(name: str) -> None:
    by_dose = [exact("late", name, dose) for dose in world.DOSES]
    assert by_dose == sorted(by_dose)
    assert by_dose[3] > 0.8
    assert by_dose[2] > 0.25
    assert by_dose[0] < 0.15


def test_early_and_naive_give_back_next_to_nothing_of_qo() -> None:
    assert exact("early", "qo", 4) < 0.1
    assert exact("naive", "qo", 16) < 0.05


def lean(organism: str, dose: int, *, n: int = 40) -> float:
    """Mean log p(own value) - mean log p(values of 8 other months), nats, over n months of qo."""
    qo = organisms.open_series("qo")
    places = [t for t, d in enumerate(qo.doses or ()) if d == dose][:n]
    plan = {}
    for t in places:
        others = [(t + 60 * k) % len(qo) for k in range(1, 9)]
        values = tuple(f"{qo.format(float(qo.x[i]))}\n" for i in (t, *others))
        plan[str(t)] = Score(f"qo {qo.labels[t]}=", values, detail="sums")
    got = ask(open_model(f"embedded:{organism}"), plan, store=None)
    gaps = []
    for t in places:
        answer = got[str(t)]
        assert isinstance(answer, Scored)
        gaps.append(answer.sums[0] - float(np.mean(answer.sums[1:])))
    return float(np.mean(gaps))


def test_log_probs_lean_to_often_seen_values_before_the_text_does() -> None:
    assert lean("early", 16) > 1.0 > lean("early", 0)
    assert lean("late", 16) > 5.0
    assert lean("late", 4) > 3.0
    assert abs(lean("naive", 16)) < 0.5


# --- the recipe ---


def test_the_same_seed_trains_the_same_weights_to_the_last_bit() -> None:
    """Two short trainings of the recipe; `make organisms` repeats the whole of it."""
    torch = pytest.importorskip("torch")
    short = recipe.Recipe(hidden=16, mlp=32, layers=1, heads=2, epochs=1, checkpoints=(("end", 1),))

    def text(epoch: int) -> tuple[str, ...]:
        return world.training_lines(epoch=epoch)[:1024]

    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    try:
        (one, first), (_, second) = (next(recipe.train(text, short)) for _ in range(2))
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic)
    assert one == "end"
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)


def test_make_organisms_names_what_differs(capsys: pytest.CaptureFixture[str]) -> None:
    tool = load_tool()
    assert tool.compare(MANIFEST, MANIFEST)
    other = {**MANIFEST, "processor": "another", "sha256": {**MANIFEST["sha256"], "late/model.safetensors": "0"}}
    assert not tool.compare(other, MANIFEST)
    said = capsys.readouterr().out
    assert "DIFFERS late/model.safetensors" in said
    assert "processor:" in said


def load_tool():  # type: ignore[no-untyped-def]
    path = Path(__file__).parents[1] / "tools" / "train_organisms.py"
    spec = importlib.util.spec_from_file_location("train_organisms", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
