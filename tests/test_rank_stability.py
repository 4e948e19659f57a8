"""The judges of rank_stability: who is named, who is not, and what is refused, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rank_panels

from seepage import scores
from seepage.errors import Broken, NotTestable
from seepage.hypotheses import (
    rank_stability_emergence,
    rank_stability_format_contrast,
    rank_stability_group_effect,
    rank_stability_head_start,
    rank_stability_inflated_performance,
    rank_stability_order_agreement,
    rank_stability_rank_inversion,
)
from seepage.organisms import score_panel
from seepage.policy import RankStabilityPolicy
from seepage.records import Cell, Member, ModelInfo, Outcome
from seepage.scores import ScoreBenchmark
from seepage.verdicts import Decision, decide

POLICY = RankStabilityPolicy()
INFO = ModelInfo(spec="scores:t.csv", digest="0" * 64, access=())
Pairs = Mapping[str, tuple[float, float]]
PANEL = {f"ref{k}": pair for k, pair in enumerate(rank_panels.REFERENCES)}


def table(tmp_path: Path, pairs: Pairs, *, seeds: int = 3, edit: Callable[[list[dict[str, Any]]], Any] = list) -> str:
    """A table by item of models with a score before and after; edit changes its rows before they are written."""
    rows: list[dict[str, Any]] = []
    for name, (first, last) in pairs.items():
        stages = [("before", 0, score_panel.before(first))]
        stages += [("after", s, score_panel.after(last, s)) for s in range(seeds)]
        rows += [
            {"model": name, "stage": stage, "seed": seed, "item": i, "correct": int(right), "recipe": "r"}
            for stage, seed, answers in stages
            for i, right in enumerate(answers)
        ]
    rows = edit(rows)
    path = tmp_path / "task.csv"
    path.write_text("\n".join([",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]))
    return str(path)


def panel_of(names: Sequence[str], candidate: str) -> tuple[Member, ...]:
    return tuple(Member(name, name, "candidate" if name == candidate else "reference") for name in names)


def judge(module: Any, path: str, names: Sequence[str], candidate: str, **more: Any) -> Outcome:
    bench = scores.open_benchmark(f"scores:{path}?chance=.25")
    given = {"info": INFO, "policy": POLICY, "alpha": 0.05, "rng": np.random.default_rng(0)} | more
    return module.judge(bench, panel=panel_of(names, candidate), model=candidate, **given)


def word(outcome: Outcome) -> Decision:
    return decide(outcome, Cell("rank_stability.x", "new", "task", alpha=0.05))


GATES = {"inversion": rank_stability_rank_inversion, "head_start": rank_stability_head_start}


@pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
@pytest.mark.parametrize(("pair", "leaks"), [((0.62, 0.66), True), ((0.50, 0.68), False), ((0.62, 0.78), False)])
def test_the_prepared_model_is_named_and_the_honest_ones_are_not(
    gate: Any, pair: tuple[float, float], leaks: bool, tmp_path: Path
) -> None:
    pairs = {"new": pair, **PANEL}
    found = word(judge(gate, table(tmp_path, pairs), list(pairs), "new"))
    assert found.word == ("leak" if leaks else "no-evidence"), found.sentence
    assert not any(word in found.sentence for word in ("cheat", "contaminat", "dishonest", "clean"))
    if not leaks:
        assert "detectable" in found.sentence


def test_scores_without_items_are_judged_too_and_wider(tmp_path: Path) -> None:
    lines = ["model,stage,seed,accuracy,n"]
    for name, (first, last) in {"new": (0.62, 0.66), **PANEL}.items():
        lines.append(f"{name},before,0,{first},1000")
        lines += [f"{name},after,{s},{last + (s - 1) / 100:.3f},1000" for s in range(3)]
    path = tmp_path / "task.csv"
    path.write_text("\n".join(lines))
    names = ["new", *PANEL]
    assert word(judge(rank_stability_head_start, str(path), names, "new")).word == "leak"
    fall = judge(rank_stability_rank_inversion, str(path), names, "new")
    assert fall.statistic < 6.3  # paired by item it is 6.31
    assert fall.statistic > 1.0


def without(name: str, stage: str) -> Callable[[list[dict[str, Any]]], Any]:
    return lambda rows: [row for row in rows if not (row["model"] == name and row["stage"] == stage)]


def changed(name: str, **said: Any) -> Callable[[list[dict[str, Any]]], Any]:
    return lambda rows: [{**row, **said} if row["model"] == name and row["stage"] == "after" else row for row in rows]


def test_one_item_missing_is_broken_and_names_the_model(tmp_path: Path) -> None:
    pairs = {"new": (0.5, 0.68), **PANEL}
    path = table(tmp_path, pairs, edit=lambda rows: [r for r in rows if not (r["model"] == "ref3" and r["item"] == 7)])
    with pytest.raises(Broken, match="ref3 was scored on 999 items of task and new on 1000"):
        judge(rank_stability_head_start, path, list(pairs), "new")


def test_other_items_of_the_same_number_are_broken_too(tmp_path: Path) -> None:
    pairs = {"new": (0.5, 0.68), **PANEL}

    def other(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**r, "item": 5000} if r["model"] == "ref3" and r["item"] == 7 else r for r in rows]

    with pytest.raises(Broken, match="not the same ones"):
        judge(rank_stability_head_start, table(tmp_path, pairs, edit=other), list(pairs), "new")


def test_one_recipe_that_differs_is_broken(tmp_path: Path) -> None:
    pairs = {"new": (0.5, 0.68), **PANEL}
    path = table(tmp_path, pairs, edit=changed("ref2", recipe="s"))
    with pytest.raises(Broken, match="ref2 was trained by the recipe s on task and new by r"):
        judge(rank_stability_rank_inversion, path, list(pairs), "new")


def test_other_seeds_are_broken(tmp_path: Path) -> None:
    pairs = {"new": (0.5, 0.68), **PANEL}
    path = table(tmp_path, pairs, edit=lambda rows: [r for r in rows if not (r["model"] == "ref1" and r["seed"] == 2)])
    with pytest.raises(Broken, match="ref1 was trained with the seeds 0, 1 and new with 0, 1, 2"):
        judge(rank_stability_head_start, path, list(pairs), "new")


@pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
def test_one_seed_is_not_enough(gate: Any, tmp_path: Path) -> None:
    pairs = {"new": (0.5, 0.68), **PANEL}
    with pytest.raises(NotTestable, match="1 training seed on task, 2 are needed"):
        judge(gate, table(tmp_path, pairs, seeds=1), list(pairs), "new")


@pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
def test_four_references_are_not_enough(gate: Any, tmp_path: Path) -> None:
    pairs = {"new": (0.5, 0.68), **dict(list(PANEL.items())[:4])}
    with pytest.raises(NotTestable, match="4 references can be measured, 5 are needed"):
        judge(gate, table(tmp_path, pairs), list(pairs), "new")


@pytest.mark.parametrize("stage", ["before", "after"])
def test_a_missing_stage_of_the_candidate_is_named_and_a_references_leaves_it_out(stage: str, tmp_path: Path) -> None:
    pairs = {"new": (0.5, 0.68), **PANEL}
    with pytest.raises(NotTestable, match=f"new has no scores on task {stage} training"):
        judge(rank_stability_head_start, table(tmp_path, pairs, edit=without("new", stage)), list(pairs), "new")
    (tmp_path / "other").mkdir()
    path = table(tmp_path / "other", pairs, edit=without("ref4", stage))
    found = judge(rank_stability_head_start, path, list(pairs), "new")
    assert f"left out: ref4, no scores {stage} training" in found.notes
    assert len(found.tables[0].rows) == 7


@pytest.mark.parametrize(("pair", "why"), [((0.26, 0.5), "chance"), ((0.6, 0.99), "ceiling")])
def test_a_candidate_at_an_end_of_the_scale_is_not_tested_by_its_gain(
    pair: tuple[float, float], why: str, tmp_path: Path
) -> None:
    pairs = {"new": pair, **PANEL}
    with pytest.raises(NotTestable, match=f"new scores .* too near to (the )?{why}"):
        judge(rank_stability_head_start, table(tmp_path, pairs), list(pairs), "new")
    assert judge(rank_stability_rank_inversion, table(tmp_path, pairs), list(pairs), "new").pvalue is not None


def test_a_reference_at_an_end_of_the_scale_is_left_out(tmp_path: Path) -> None:
    pairs = {"new": (0.5, 0.68), **PANEL, "top": (0.9, 0.98)}
    found = judge(rank_stability_head_start, table(tmp_path, pairs), list(pairs), "new")
    assert any(note.startswith("left out: top, scores 0.980 after training") for note in found.notes)


def test_training_that_moves_nothing_tests_nothing(tmp_path: Path) -> None:
    pairs = {"new": (0.5, 0.52), **{f"ref{k}": (0.40 + k / 50, 0.42 + k / 50) for k in range(7)}}
    with pytest.raises(NotTestable, match="training moves nothing here"):
        judge(rank_stability_head_start, table(tmp_path, pairs), list(pairs), "new")


def test_one_prepared_reference_is_named_and_left_out_and_two_are_no_yardstick(tmp_path: Path) -> None:
    pairs = {"new": (0.50, 0.68), **PANEL, "sly": (0.62, 0.66)}
    found = judge(rank_stability_head_start, table(tmp_path, pairs), list(pairs), "new")
    assert "left out: sly, which had a head start over the other references" in found.notes
    assert word(found).word == "no-evidence"
    close = {f"ref{k}": (0.40 + k / 100, 0.58 + k / 100) for k in range(12)}
    pairs = {"new": (0.50, 0.68), **close, "sly": (0.62, 0.66), "slyer": (0.63, 0.67)}
    (tmp_path / "two").mkdir()
    with pytest.raises(NotTestable, match="2 references had a head start"):
        judge(rank_stability_head_start, table(tmp_path / "two", pairs), list(pairs), "new")


def test_few_items_are_not_enough(tmp_path: Path) -> None:
    pairs = {"new": (0.5, 0.68), **PANEL}
    path = table(tmp_path, pairs, edit=lambda rows: [r for r in rows if r["item"] < 400])
    with pytest.raises(NotTestable, match="task has 400 items, 1000 are needed"):
        judge(rank_stability_head_start, path, list(pairs), "new")


def test_permuted_gold_is_at_the_floor(tmp_path: Path) -> None:
    pairs = dict.fromkeys(("new", *PANEL), (0.25, 0.25))
    with pytest.raises(NotTestable, match="too near to chance"):
        judge(rank_stability_head_start, table(tmp_path, pairs), list(pairs), "new")


# --- inflated performance ---


def inflated(
    tmp_path: Path, points: Mapping[str, tuple[float, float]], candidate: str, *, asked: str = "synthetic", **more: Any
) -> Outcome:
    """points: model -> (score on the new items, score on the benchmark)."""
    lines = ["model,benchmark,accuracy,n,chance"]
    for name, (v, u) in points.items():
        lines += [f"{name},old,{u},1000,.25", f"{name},new,{v},1000,.25"]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines))
    bench = scores.open_benchmark(f"scores:{path}?name=old&synthetic=new")
    members = more.pop("members", None) or panel_of(list(points), candidate)
    given = {"info": INFO, "policy": POLICY, "alpha": 0.05, "kind": asked} | more
    return rank_stability_inflated_performance.judge(bench, panel=members, model=candidate, **given)


LINE = {f"line{k}": pair for k, pair in enumerate(rank_panels.LINE)}


@pytest.mark.parametrize(("point", "found"), [((0.55, 0.66), "leak"), ((0.60, 0.58), "no-evidence")])
def test_a_score_above_its_prediction_is_inflated(point: tuple[float, float], found: str, tmp_path: Path) -> None:
    outcome = inflated(tmp_path, {"new": point, **LINE}, "new")
    assert word(outcome).word == found, word(outcome).sentence
    assert outcome.gated


def test_the_same_task_is_shown_and_not_gated(tmp_path: Path) -> None:
    lines = {"new": (0.55, 0.66), **LINE}
    path = inflated(tmp_path, lines, "new")
    assert path.gated
    bench = scores.open_benchmark(f"scores:{tmp_path / 't.csv'}?name=old&same_task=new")
    shown = rank_stability_inflated_performance.judge(
        bench, kind="same_task", panel=panel_of(list(lines), "new"), model="new", info=INFO, policy=POLICY, alpha=0.05
    )
    assert not shown.gated


def test_seven_lineages_are_not_enough_and_kin_count_as_one(tmp_path: Path) -> None:
    points = {"new": (0.55, 0.66), **LINE}
    members = [
        Member(m.id, m.name, m.role, {"lineage": "one" if m.id in ("line0", "line1") else m.id})
        for m in panel_of(list(points), "new")
    ]
    with pytest.raises(NotTestable, match="7 lineages of references can be measured, 8 are needed"):
        inflated(tmp_path, points, "new", members=tuple(members))


def test_a_falling_line_predicts_nothing(tmp_path: Path) -> None:
    falling = {name: (v, 1.1 - v) for name, (v, _) in LINE.items()}
    with pytest.raises(NotTestable, match="do not on the other"):
        inflated(tmp_path, {"new": (0.55, 0.6), **falling}, "new")


def test_a_candidate_far_outside_the_references_is_not_predicted(tmp_path: Path) -> None:
    with pytest.raises(NotTestable, match=r"outside it, at most 0\.25"):
        inflated(tmp_path, {"new": (0.92, 0.93), **LINE}, "new")


def test_a_candidate_at_the_floor_is_not_predicted(tmp_path: Path) -> None:
    with pytest.raises(NotTestable, match="too near to chance"):
        inflated(tmp_path, {"new": (0.27, 0.5), **LINE}, "new")


def test_a_kind_that_nobody_states_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotTestable, match="states no rephrased benchmark; add rephrased=NAME"):
        inflated(tmp_path, {"new": (0.55, 0.66), **LINE}, "new", asked="rephrased")


# --- shown ---


def published(tmp_path: Path, **facts: Callable[[int], Any]) -> tuple[ScoreBenchmark, tuple[Member, ...]]:
    """Sixteen models of eight lineages, half of them newer and 10 points better at equal compute before training."""
    rng = np.random.default_rng(1)
    lines, members = ["model,stage,seed,form,accuracy,n"], []
    for k in range(16):
        new = k % 2 == 1
        size = 7 + 2.5 * (k // 2) / 7
        after = 0.3 + 0.08 * (size - 7) + rng.normal(0, 0.005)
        before = 0.28 + 0.02 * (size - 7) + 0.1 * new + rng.normal(0, 0.005)
        name = f"m{k}"
        lines += [f"{name},before,0,,{before:.4f},2000"]
        lines += [f"{name},after,{s},,{after:.4f},2000" for s in range(2)]
        lines += [
            f"{name},before,0,{form},{before + gap:.4f},2000" for form, gap in (("mc", 0.05 * new), ("cloze", 0.0))
        ]
        said = {
            "released": "2024-05" if new else "2022-05",
            "params": int(10**size),
            "train_tokens": 10**11,
            "lineage": f"l{k % 8 if k % 8 % 2 == k % 2 else k}",
        }
        members.append(Member(name, name, "reference", said | {key: make(k) for key, make in facts.items()}))
    path = tmp_path / "p.csv"
    path.write_text("\n".join(lines))
    return scores.open_benchmark(f"scores:{path}?chance=.25"), tuple(members)


def shown(module: Any, bench: ScoreBenchmark, members: Sequence[Member], **more: Any) -> Outcome:
    given = {"info": INFO, "policy": POLICY, "alpha": 0.05, "rng": np.random.default_rng(0)} | more
    outcome: Outcome = module.judge(bench, panel=members, **given)
    assert not outcome.gated
    return outcome


def test_newer_models_are_ahead_before_and_not_after(tmp_path: Path) -> None:
    found = shown(rank_stability_group_effect, *published(tmp_path))
    effects = {effect.name: effect.value for effect in found.effects}
    assert effects["theta before"] == pytest.approx(0.1, abs=0.03)
    assert effects["theta after"] == pytest.approx(0.0, abs=0.03)
    assert effects["phi"] == pytest.approx(0.1, abs=0.03)
    assert effects["psi"] == pytest.approx(0.0, abs=0.03)


def test_models_that_state_nothing_have_no_group_effect(tmp_path: Path) -> None:
    bench, members = published(tmp_path)
    with pytest.raises(NotTestable, match="0 models on p state released, params, train_tokens and lineage"):
        shown(rank_stability_group_effect, bench, [Member(m.id, m.name, m.role) for m in members])


def test_a_mixed_lineage_is_named(tmp_path: Path) -> None:
    bench, members = published(tmp_path, lineage=lambda k: "mixed" if k < 2 else f"l{k}")
    with pytest.raises(NotTestable, match="lineage 'mixed' holds newer and older models"):
        shown(rank_stability_group_effect, bench, members)


def test_emergence_asks_for_sizes_over_decades(tmp_path: Path) -> None:
    bench, members = published(tmp_path)
    assert shown(rank_stability_emergence, bench, members).n == 8
    with pytest.raises(NotTestable, match="7 older models"):
        shown(rank_stability_emergence, bench, members[1:])


def test_the_order_of_a_panel_is_drawn_and_counted(tmp_path: Path) -> None:
    found = shown(rank_stability_order_agreement, *published(tmp_path))
    assert [figure.kind for figure in found.figures] == ["bump"]
    assert len(found.tables[0].rows) == 16
    assert found.pvalue is None
    assert found.tables[1].rows  # newer models fall behind larger ones


def test_the_format_contrast_is_that_of_the_model_against_the_references(tmp_path: Path) -> None:
    bench, members = published(tmp_path)
    found = shown(rank_stability_format_contrast, bench, members, model="m1")
    (effect,) = found.effects
    assert effect.value == pytest.approx(0.05 / 0.75 - 0.0, abs=0.05)
    with pytest.raises(NotTestable, match="no scores on p in both forms"):
        shown(rank_stability_format_contrast, bench, [*members, Member("x", "x", "candidate")], model="x")
