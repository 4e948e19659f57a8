"""Claim: a model picks the right option of a multiple-choice item on a share of items where it does not say the answer
itself, beyond guessing and question-free shortcuts (recognition); and compressing a model costs it more answers than
multiple choice can see (compression).

Null: that share is at most the margin; and answers do not drop more than guess-corrected multiple choice.

Source: Wen et al., The Benchmark Illusion, arXiv 2606.17609; scores, judges, thresholds and placebos are ours.

Blind to: answers beyond the first line, reasoning, and what a strict benchmark does not accept. Evidence here is not
evidence that a benchmark was trained on: it says that multiple choice overstates what the model can be used for.
"""

import pytest

from seepage.hypotheses import mc_generation_compression as compression
from seepage.hypotheses import mc_generation_recognition as recognition

GATED_IF = ("dense", "mc_generation.answerer")


@pytest.mark.seepage("mc_generation.recognition", axes=("model", "bench"), family="mc_generation", gated_if=GATED_IF)
def test_recognition_only(model, bench, cell, ask, judge):
    """A compressed model is gated; a dense one only where the policy says `answerer = true`."""
    plan = recognition.requests(bench, info=model.info, policy=cell.policy.mc_generation, seed=cell.seed)
    verdict = judge(recognition.judge, bench, ask(plan), seed=cell.seed, gated=cell.gated)
    assert not verdict.leak, verdict.sentence


@pytest.mark.seepage("mc_generation.compression", axes=("model", "bench"), family="mc_generation", facts=("dense",))
def test_compression_keeps_answers(model, dense, bench, cell, ask, judge):
    given = {"policy": cell.policy.mc_generation, "seed": cell.seed}
    before = ask(compression.requests(bench, info=dense.info, **given), of=dense)
    after = ask(compression.requests(bench, info=model.info, **given))
    verdict = judge(compression.judge, bench, after, dense=before, dense_info=dense.info, seed=cell.seed)
    assert not verdict.leak, verdict.sentence
