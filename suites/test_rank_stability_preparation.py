"""The instrument of rank_stability, where models are trained here: no claim about a model.

audit     the train split of a benchmark repeats no test item (what does is removed before any training)
prepare   a model was trained by the recipe that all share, and had learned

Null: none. Source: Zhang, Dominguez-Olmedo and Hardt, Train-before-Test, arXiv 2507.05195. Blind to: paraphrases of
test items in the train split.
"""

import pytest

from seepage.hypotheses import rank_stability_asking as asking
from seepage.hypotheses import rank_stability_preparation as preparation


def shown(name, **more):
    """Outside the family: a report."""
    return pytest.mark.seepage(
        f"rank_stability.{name}",
        axes=("model", "bench"),
        family="rank_stability",
        world="scores",
        trained=True,
        gated=False,
        **more,
    )


@shown("audit", panel=True)
def test_audit(model, bench, task, judge):
    assert (model.entry.id, bench.id) == ("panel", task.test.id)
    judge(preparation.audit, task)


@shown("prepare")
def test_prepare(model, bench, task, part, cell, judge):
    assert (model.entry.id, bench.id) == (cell.model, task.test.id)
    recipe = asking.recipe_of(cell.policy.rank_stability)
    judge(preparation.preparation, task, part.trainings, recipe=recipe, lacks=part.lacks)
