"""What the claims of rank_stability say together about one model: items, format, task. A report, never a verdict.

Null: none. Source: the cause table after Dominguez-Olmedo et al., arXiv 2407.07890, and ConStat, 2405.16281. Blind to:
why. A cell that could not be judged reads "?".
"""

import pytest

from seepage.hypotheses import rank_stability_reading as reading


@pytest.mark.seepage(
    "rank_stability.reading",
    axes=("model", "bench", "kind"),
    kind=("synthetic",),
    offered=("kind",),
    roles=("candidate", "positive-control", "negative-control"),
    family="rank_stability",
    world="scores",
    gated=False,
)
def test_reading(model, kind, scores, panel, judge):
    assert kind in scores.kinds
    judge(reading.judge, scores, panel=panel, model=model.entry.id)
