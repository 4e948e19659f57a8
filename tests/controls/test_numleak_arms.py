"""Each arm of the rules is needed: for every one there is an innocent model that only this arm acquits."""

from __future__ import annotations

import numpy as np
import oracles
import pytest

from seepage.errors import NotTestable
from seepage.hypotheses import numleak_cutoff
from seepage.policy import NumleakPolicy
from seepage.records import Answer, Cell
from seepage.stats import dates
from seepage.stats.binding import binding, value_columns
from seepage.stats.mirror import mirror_columns
from seepage.stats.recall import Margins, recall
from seepage.verdicts import decide

MARGINS = Margins(alpha=0.01, excess=0.10, skill=0.25)


@pytest.mark.parametrize("share", [0.3, 0.4])
def test_saying_the_commonest_value_everywhere_is_no_recall(share: float) -> None:
    """No forecaster says the mode, so it beats them all by its hits; only shifted dates show that it knows no date."""
    draw = np.random.default_rng(3)
    values = np.where(draw.random(oracles.SIZE) < share, 0.0, np.round(draw.normal(0, 5, oracles.SIZE), 1))
    known = dates.forecasters(dates.window(oracles.series_of("modal", values, decimals=1)), hit_cap=0.1, acf=0.2)
    t = np.sort(draw.choice(oracles.SIZE, size=120, replace=False))
    found = recall(known, np.zeros(len(t)), t, n_resamples=9999, rng=draw)
    assert found.beat.excess >= MARGINS.excess
    assert found.beat.pvalue <= MARGINS.alpha
    assert found.shift.block > 0.05
    assert not found.passes(MARGINS)


def test_avoiding_the_mirror_image_without_preferring_the_value_is_no_binding() -> None:
    """The mirror test alone would accuse it on every date; shifted dates show that no value is bound to its own."""
    known = dates.forecasters(dates.window(oracles.synthetic("white")), hit_cap=0.1, acf=0.2)
    columns = value_columns(known.window)
    image = mirror_columns(known, columns)
    there = np.flatnonzero(image >= 0)
    logprob = 0.01 * np.random.default_rng(5).normal(size=(len(known.window), len(columns)))
    logprob[there, image[there]] -= 5.0
    found = binding(known, logprob, columns, matched=40, n_resamples=9999, rng=np.random.default_rng(7))
    assert found.w >= 0.95
    assert found.mirror.pvalue <= 0.001
    assert found.shift.block > 0.01
    assert not found.passes(alpha=0.01, win=0.60)


CUTOFF = {"pre-cutoff-only": "leak", "perfect": "no-evidence", "carry-forward": None, "refuser": None}  # None: no leak


@pytest.mark.parametrize("kind", oracles.KINDS)
@pytest.mark.parametrize(("name", "word"), CUTOFF.items())
def test_cutoff_gives_each_oracle_the_verdict_it_deserves(name: str, word: str | None, kind: str) -> None:
    """A model that knows nothing, or knows both sides alike, has no boundary; neither is accused."""
    series, policy = oracles.synthetic(kind), NumleakPolicy(phrasings=0)
    oracle = oracles.Oracle(name, [series])
    given = {"info": oracle.info, "policy": policy, "cutoff": (oracles.CUTOFF,)}
    plan = numleak_cutoff.requests(series, rng=np.random.default_rng(7), **given)
    tags = list(plan)
    answers: dict[str, Answer] = {tags[i]: a for i, a in oracle.answers([plan[tag] for tag in tags])}
    try:
        outcome = numleak_cutoff.judge(series, answers, alpha=0.01, rng=np.random.default_rng(7), **given)
        found = decide(outcome, Cell("numleak.cutoff", name, kind, alpha=0.01))
    except NotTestable:
        found = None
    if word is None:
        assert found is None or found.word in ("no-evidence", "inconclusive")
    else:
        assert found is not None
        assert found.word == word, found.sentence
