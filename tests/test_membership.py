"""The five membership scores against their formulas, written out."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
from modelkit import write_model

from seepage.errors import NotTestable
from seepage.models import open_model
from seepage.records import Score, Scored, TokenStats
from seepage.stats.membership import mean_of_smallest, membership, n_smallest, standardized

STATS = TokenStats(
    ids=(1, 2, 3, 4, 5),
    spans=((0, 1), (1, 2), (2, 3), (3, 4), (4, 5)),
    logprob=(-1.0, -4.0, -0.5, -2.0, -3.0),
    rank=(0, 7, 0, 1, 2),
    mean=(-2.0, -2.0, -1.0, -2.0, -3.0),
    std=(1.0, 0.5, 2.0, 1.0, 0.0),
)


def test_the_five_scores_are_their_formulas() -> None:
    scores = membership(STATS, "hello", k=40)
    assert scores.mean_logprob == pytest.approx(-2.1)
    assert scores.min_k == pytest.approx((-4.0 - 3.0) / 2)
    assert scores.min_k_plus == pytest.approx((-4.0 + 0.0) / 2)  # standardized: 1, -4, .25, 0, 0
    assert scores.zlib == pytest.approx(-2.1 / len(zlib.compress(b"hello")))
    assert scores.mean_rank == pytest.approx(-2.0)


def test_a_distribution_without_spread_is_at_its_mean() -> None:
    np.testing.assert_allclose(standardized(STATS), [1.0, -4.0, 0.25, 0.0, 0.0])


@pytest.mark.parametrize(
    argnames=("n", "k", "ceil", "floor"),
    argvalues=[(1, 20, 1, 1), (4, 20, 1, 1), (5, 20, 1, 1), (6, 20, 2, 1), (99, 20, 20, 19), (10, 100, 10, 10)],
)
def test_the_share_is_rounded_as_asked_and_never_to_none(n: int, k: float, ceil: int, floor: int) -> None:
    assert n_smallest(n, k=k) == ceil
    assert n_smallest(n, k=k, rounding="floor") == floor


@pytest.mark.parametrize(argnames="k", argvalues=[0.0, -1.0, 101.0])
def test_a_share_outside_its_range_is_refused(k: float) -> None:
    with pytest.raises(ValueError, match="per cent"):
        mean_of_smallest(np.zeros(3), k=k)


def test_a_text_without_a_scored_token_has_no_score() -> None:
    with pytest.raises(NotTestable, match="at least one scored token"):
        membership(TokenStats((), (), (), (), (), ()), "a")


def test_min_k_of_a_whole_text_is_that_of_the_published_procedure(tmp_path: Path) -> None:
    """What benchleak 0.4.0 does: whole logits, log-softmax, the max(1, floor(n k / 100)) smallest."""
    import torch

    model = open_model(f"hf:{write_model(tmp_path)}")
    texts = ["the quick brown fox jumps over the lazy dog", "1.25 and 3.50", "ab"]
    answers = dict(model.answers([Score("", (text,)) for text in texts]))
    for i, text in enumerate(texts):
        answer = answers[i]
        assert isinstance(answer, Scored)
        ids = model.encoder.tokenizer(text, return_tensors="pt")["input_ids"]  # type: ignore[attr-defined]
        with torch.no_grad():
            logits = model.engine.model(ids).logits[0]  # type: ignore[attr-defined]
        logprob = logits[:-1].log_softmax(-1).gather(-1, ids[0, 1:, None])[:, 0]
        kept = max(1, int(len(logprob) * 20 // 100))
        expected = float(torch.topk(logprob, kept, largest=False).values.mean())
        assert membership(answer.tokens[0], text, rounding="floor").min_k == pytest.approx(expected, abs=1e-4)
