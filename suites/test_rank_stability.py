"""Claims: a candidate leads a reference before, and trails it after both were trained equally on the task
(rank_inversion); equal training moves it less than it moves the references (head_start); it scores higher on a
benchmark than its score on a reference benchmark predicts (inflated_performance).

Null: no lead is lost; its gain is one more draw from the references' gains; it lies on their line, up to their scatter.

Source: Dominguez-Olmedo et al., Training on the Test Task, arXiv 2407.07890; Zhang et al., 2507.05195; ConStat,
2405.16281.

Blind to: why. Training on a benchmark's task is common and no misconduct; it makes raw scores incomparable. Judged from
published scores (`scores:TABLE`), or from models that are trained equally here (a benchmark that states `train`).
"""

import pytest

from seepage.hypotheses import rank_stability_emergence as emergence
from seepage.hypotheses import rank_stability_format_contrast as format_contrast
from seepage.hypotheses import rank_stability_group_effect as group_effect
from seepage.hypotheses import rank_stability_head_start as head_start
from seepage.hypotheses import rank_stability_inflated_performance as inflated_performance
from seepage.hypotheses import rank_stability_order_agreement as order_agreement
from seepage.hypotheses import rank_stability_rank_inversion as rank_inversion

JUDGED = ("candidate", "positive-control", "negative-control")
STATED = ("released", "params", "train_tokens", "lineage")


def claim(name, **more):
    """Weights are the units that share the level: an inversion 2, the other gates 3."""
    axes = ("model", "bench", *more.get("offered", ()))
    return pytest.mark.seepage(f"rank_stability.{name}", axes=axes, family="rank_stability", world="scores", **more)


@claim("rank_inversion", roles=JUDGED, weight=2)
def test_rank_inversion(model, scores, panel, judge):
    verdict = judge(rank_inversion.judge, scores, panel=panel, model=model.entry.id)
    assert not verdict.leak, verdict.sentence


@claim("head_start", roles=JUDGED, weight=3)
def test_head_start(model, scores, panel, judge):
    verdict = judge(head_start.judge, scores, panel=panel, model=model.entry.id)
    assert not verdict.leak, verdict.sentence


@claim("inflated_performance", roles=JUDGED, weight=3, kind=("rephrased", "synthetic"), offered=("kind",))
def test_inflated_performance(model, scores, kind, panel, judge):
    verdict = judge(inflated_performance.judge, scores, kind=kind, panel=panel, model=model.entry.id)
    assert not verdict.leak, verdict.sentence


@claim("inflated_on_same_task", roles=JUDGED, kind=("same_task",), offered=("kind",), gated=False)
def test_inflated_on_same_task(model, scores, kind, panel, judge):
    """The reference may leak too, and mixes formats: shown, not gated."""
    judge(inflated_performance.judge, scores, kind=kind, panel=panel, model=model.entry.id)


@claim("format_contrast", roles=JUDGED, forms=("both",), offered=("forms",), gated=False)
def test_format_contrast(model, scores, forms, panel, judge):
    assert forms == "both"
    judge(format_contrast.judge, scores, panel=panel, model=model.entry.id)


@claim("group_effect", panel=True, facts=STATED, gated=False)
def test_group_effect(model, scores, panel, judge):
    assert model.entry.id == "panel"
    judge(group_effect.judge, scores, panel=panel)


@claim("emergence", panel=True, facts=STATED, gated=False)
def test_emergence(model, scores, panel, judge):
    assert model.entry.id == "panel"
    judge(emergence.judge, scores, panel=panel)


@claim("order_agreement", panel=True, gated=False)
def test_order_agreement(model, scores, panel, judge):
    assert model.entry.id == "panel"
    judge(order_agreement.judge, scores, panel=panel)
