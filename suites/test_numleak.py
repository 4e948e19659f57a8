"""Claim: given the name of a published series and a date, the model gives or prefers the value published for that date,
beyond any forecaster who knows the whole series except that value: level, season, trend and both neighbours.

Null: given what such a forecaster knows, the answers do not depend on the value at that date.

Source: Kotawala, NumLeak, arXiv 2605.30393; baselines, thresholds and placebos are ours (docs/read-a-verdict.md).

Blind to: values known in a unit, transform or vintage that the series does not declare; approximate knowledge of the
story behind a figure; tools, retrieval and reasoning text, which are off. A leak does not say what was trained on.
"""

import pytest

from seepage.hypotheses import numleak_binding as binding
from seepage.hypotheses import numleak_cutoff as cutoff
from seepage.hypotheses import numleak_dose as dose
from seepage.hypotheses import numleak_mitigation as mitigation
from seepage.hypotheses import numleak_recall as recall
from seepage.hypotheses import numleak_transmission as transmission

DEFENCES = ("soft", "strict", "source")


@pytest.mark.seepage("numleak.recall", axes=("model", "series"))
def test_recall(model, series, cell, ask, judge):
    given = {"info": model.info, "policy": cell.policy.numleak}
    answers = ask(recall.requests(series, **given, rng=cell.rng()))
    answers |= ask(recall.further(series, answers, **given, rng=cell.rng()))
    verdict = judge(recall.judge, series, answers)
    assert not verdict.leak, verdict.sentence


@pytest.mark.seepage("numleak.binding", axes=("model", "series"))
def test_binding(model, series, cell, ask, judge):
    plan = binding.requests(series, info=model.info, policy=cell.policy.numleak, rng=cell.rng())
    verdict = judge(binding.judge, series, ask(plan))
    assert not verdict.leak, verdict.sentence


@pytest.mark.seepage("numleak.cutoff", axes=("model", "series"))
def test_cutoff(model, series, cell, ask, judge):
    stated = model.entry.facts.get("cutoff", ())
    plan = cutoff.requests(series, info=model.info, policy=cell.policy.numleak, rng=cell.rng(), cutoff=stated)
    verdict = judge(cutoff.judge, series, ask(plan), cutoff=stated)
    assert not verdict.leak, verdict.sentence


@pytest.mark.seepage(
    "numleak.dose", axes=("model", "series"), gated=False, world="embedded", roles=("positive-control", "reference")
)
def test_dose(model, series, cell, ask, judge):
    """A test of the instrument, outside the families: only organisms state how often they saw a value."""
    plan = dose.requests(series, info=model.info, policy=cell.policy.numleak, rng=cell.rng())
    verdict = judge(dose.judge, series, ask(plan))
    assert not verdict.leak, verdict.sentence


@pytest.mark.seepage("numleak.transmission", axes=("model", "series"), gated=False, world="real")
def test_transmission(model, others, series, cell, ask, judge):
    stated = model.entry.facts.get("cutoff", ())
    plan = transmission.requests(series, info=model.info, policy=cell.policy.numleak, rng=cell.rng(), cutoff=stated)
    answers = ask(plan)
    other = next((o for o in others if transmission.comparable(series, info=model.info, other=o.info)), None)
    theirs = ask(transmission.recalls(plan), of=other) if other else None
    verdict = judge(transmission.judge, series, answers, cutoff=stated, other=theirs)
    assert not verdict.leak, verdict.sentence


@pytest.mark.seepage(
    "numleak.mitigation", axes=("model", "series", "defence"), defence=DEFENCES, gated=False, world="real"
)
def test_mitigation(model, series, defence, cell, ask, judge):
    given = {"info": model.info, "policy": cell.policy.numleak, "rng": cell.rng(), "defence": defence}
    undefended = ask(mitigation.undefended(series, **given))
    plan = mitigation.requests(series, **given, undefended=undefended)
    verdict = judge(mitigation.judge, series, ask(plan), defence=defence)
    assert not verdict.leak, verdict.sentence
