"""From an outcome to a word, from words to a run: every branch of the rule, and the trip between processes."""

import dataclasses
import json
import math

import numpy as np
import pytest

from seepage.errors import BadSpec
from seepage.policy import Policy
from seepage.records import Cell, Detectable, Effect, Family, Outcome, Placebo, Run, Verdict
from seepage.verdicts import (
    alpha_shares,
    decide,
    figure,
    finalize,
    from_json,
    headline,
    plan,
    to_json,
    unjudged,
    verdict_from,
)

CELL = Cell("numleak.recall", "late", "qo", alpha=0.01)


def outcome(p=0.0004, effect=0.4, mde=0.1, fired=False, gated=True, **more):
    given = {
        "finding": "gives 46 % of the values of qo within .5; the best forecaster gets 9 %",
        "n": 240,
        "statistic_name": "h(0)",
        "statistic": 0.46,
        "pvalue": p,
        "gated": gated,
        "effects": (Effect("excess", effect, effect - 0.1, effect + 0.1, margin=0.1), Effect("r", 0.9)),
        "detectable": (Detectable("recalled share", mde, 0.25), Detectable("beside fabricated", 0.6)),
        "placebos": (Placebo("offset +1", fired, 0.002, 0.3, "label is off"), Placebo("surrogate", False)),
    }
    return Outcome(**(given | more))


def cells(*names, role="candidate", family="leakage", gated=True, weight=1.0):
    made = [Cell("h", n, "s", role=role, family=family, gated=gated, weight=weight) for n in names]
    return plan(made, Policy())


# --- one outcome ------------------------------------------------------------------------------------------------------


def test_significant_with_the_margin_met_and_quiet_placebos_is_a_leak():
    decision = decide(outcome(), CELL)
    assert decision.word == "leak"
    assert decision.sentence == (
        "late gives 46 % of the values of qo within .5; the best forecaster gets 9 % (n = 240, p = .0004)."
    )


def test_a_fired_placebo_breaks_the_cell_and_is_named_even_where_nothing_is_significant():
    for p in (0.0004, 0.7):
        decision = decide(outcome(p=p, fired=True), CELL)
        assert decision.word == "broken"
        assert "offset +1" in decision.sentence
        assert "label is off" in decision.sentence


def test_significant_under_the_margin_is_no_evidence_and_says_so():
    decision = decide(outcome(effect=0.04), CELL)
    assert decision.word == "no-evidence"
    assert "under the margin: excess .04" in decision.sentence


def test_one_effect_of_several_over_its_margin_is_enough():
    effects = (Effect("excess", 0.01, margin=0.1), Effect("skill", 0.6, margin=0.25))
    assert decide(outcome(effects=effects), CELL).word == "leak"


def test_not_significant_without_the_power_is_inconclusive_with_the_figure():
    decision = decide(outcome(p=0.3, mde=0.41), CELL)
    assert decision.word == "inconclusive"
    assert "power too low" in decision.reason
    assert ".41" in decision.reason
    assert ".25" in decision.reason


def test_not_significant_with_power_is_no_evidence_and_prints_what_would_have_been_found():
    decision = decide(outcome(p=0.3), CELL)
    assert decision.word == "no-evidence"
    assert "recalled share .1" in decision.sentence
    assert "clean" not in decision.sentence


def test_the_level_is_the_cells_own_and_reaching_it_counts():
    assert decide(outcome(p=0.01), CELL).word == "leak"
    assert decide(outcome(p=math.nextafter(0.01, 1)), CELL).word == "no-evidence"


@pytest.mark.parametrize("p", [0.0001, None])
def test_report_only_is_inconclusive_with_or_without_a_p(p):
    decision = decide(outcome(p=p, gated=False), CELL)
    assert (decision.word, decision.reason) == ("inconclusive", "report only")


@pytest.mark.parametrize("p", [None, float("nan"), -0.1, 1.5])
def test_a_gated_outcome_without_a_probability_is_an_error_and_no_verdict(p):
    with pytest.raises(ValueError, match=r"p-value|probability"):
        decide(outcome(p=p), CELL)


# --- roles ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "p", "word", "status"),
    [
        ("candidate", 0.0004, "leak", "failed"),
        ("candidate", 0.5, "no-evidence", "passed"),
        ("reference", 0.0004, "leak", "xfailed"),
        ("reference", 0.5, "no-evidence", "passed"),
        ("positive-control", 0.0004, "leak", "xfailed"),
        ("positive-control", 0.5, "broken", "error"),
        ("negative-control", 0.0004, "broken", "error"),
        ("negative-control", 0.5, "no-evidence", "passed"),
    ],
)
def test_what_a_word_means_in_each_role(role, p, word, status):
    verdict = verdict_from(outcome(p=p), dataclasses.replace(CELL, role=role))
    assert (verdict.word, verdict.status) == (word, status)


def test_a_positive_control_that_cannot_be_tested_is_broken():
    verdict = unjudged("inconclusive", "no log-probs", dataclasses.replace(CELL, role="positive-control"))
    assert verdict.word == "broken"
    assert "no log-probs" in verdict.reason


def test_a_report_only_outcome_asks_nothing_of_a_control():
    verdict = verdict_from(outcome(p=None, gated=False), dataclasses.replace(CELL, role="positive-control"))
    assert (verdict.word, verdict.report_only, verdict.status) == ("inconclusive", True, "skipped")


def test_the_line_of_an_expected_leak_says_that_it_was_expected():
    positive = verdict_from(outcome(), dataclasses.replace(CELL, role="positive-control"))
    reference = verdict_from(outcome(), dataclasses.replace(CELL, role="reference"))
    assert headline(positive).startswith("expected leak: late gives")
    assert headline(reference).startswith("reference: not gated: late gives")


def test_inconclusive_fails_where_the_policy_says_so_but_never_what_is_report_only_or_no_candidate():
    fail = {"on_inconclusive": "fail"}
    assert unjudged("inconclusive", "no cutoff", CELL, **fail).status == "failed"
    assert (
        unjudged("inconclusive", "no cutoff", dataclasses.replace(CELL, role="reference"), **fail).status == "skipped"
    )
    assert unjudged("inconclusive", "no cutoff", dataclasses.replace(CELL, gated=False), **fail).status == "skipped"
    assert verdict_from(outcome(p=None, gated=False), CELL, **fail).status == "skipped"


# --- levels -----------------------------------------------------------------------------------------------------------


def test_alpha_is_shared_by_the_candidates_of_a_family_and_nobody_else():
    made = plan(
        [
            Cell("h", "a", "s"),
            Cell("h", "b", "s"),
            Cell("h", "ref", "s", role="reference"),
            Cell("h", "pos", "s", role="positive-control"),
            Cell("h", "neg", "s", role="negative-control"),
            Cell("dose", "a", "s", gated=False),
        ],
        Policy(alpha=0.05),
    )
    assert [cell.alpha for cell in made] == pytest.approx([0.025] * 5 + [0.05])
    assert [cell.m for cell in made] == [2] * 5 + [1]


def test_weights_share_the_level_of_a_family():
    made = plan([Cell("h", "a", "s", weight=3.0), Cell("h", "b", "s")], Policy(alpha=0.04))
    assert [cell.alpha for cell in made] == pytest.approx([0.03, 0.01])


def test_a_run_of_controls_alone_is_judged_at_the_level_of_one_candidate():
    (cell,) = cells("pos", role="positive-control")
    assert (cell.alpha, cell.m) == (0.05, 1)


def test_shares_of_alpha_are_equal_unless_the_policy_says_otherwise():
    assert alpha_shares(["a", "b"], Policy()) == {"a": 0.5, "b": 0.5}
    assert alpha_shares(["a", "b", "c"], Policy(alpha_share={"a": 0.5})) == {"a": 0.5, "b": 0.25, "c": 0.25}
    assert alpha_shares(["a"], Policy(alpha_share={"a": 0.2})) == {"a": 0.2}


@pytest.mark.parametrize("shares", [{"a": 1.0}, {"a": 0.7, "b": 0.7}])
def test_shares_that_leave_nothing_are_refused_by_name(shares):
    with pytest.raises(BadSpec, match="alpha_share"):
        alpha_shares(["a", "b"], Policy(alpha_share=shares))


def test_two_cells_of_one_name_are_refused():
    with pytest.raises(BadSpec, match=r"h\[a-s\]"):
        cells("a", "a")


# --- a run ------------------------------------------------------------------------------------------------------------


def judged(cell, p, **more):
    return verdict_from(outcome(p=p, **more), cell)


def test_holm_adds_a_leak_that_bonferroni_missed():
    a, b = cells("a", "b")
    verdicts, families = finalize([judged(a, 0.001), judged(b, 0.03)], Policy())
    assert [v.word for v in verdicts] == ["leak", "leak"]
    assert [v.adjusted for v in verdicts] == pytest.approx([0.002, 0.03])
    assert (verdicts[1].status, families[0].leaks) == ("failed", ("h[a-s]", "h[b-s]"))
    assert "by Holm over the 2 cells" in verdicts[1].sentence
    assert "No evidence" not in verdicts[1].sentence


def test_holm_adds_no_leak_under_the_margin():
    a, b = cells("a", "b")
    verdicts, _ = finalize([judged(a, 0.001), judged(b, 0.03, effect=0.01)], Policy())
    assert [v.word for v in verdicts] == ["leak", "no-evidence"]


def test_holm_turns_low_power_into_a_leak_where_there_is_evidence():
    a, b = cells("a", "b")
    verdicts, _ = finalize([judged(a, 0.001), judged(b, 0.03, mde=0.9)], Policy())
    assert [v.word for v in verdicts] == ["leak", "leak"]
    assert "Inconclusive" not in verdicts[1].sentence


def test_holm_never_excuses_what_bonferroni_found():
    rng = np.random.default_rng(4)
    for _ in range(200):
        made = cells(*"abcdef")
        before = [judged(cell, float(p)) for cell, p in zip(made, rng.uniform(size=6) ** 5, strict=True)]
        after, _ = finalize(before, Policy())
        assert all(new.word == "leak" for old, new in zip(before, after, strict=True) if old.word == "leak")


def test_cells_that_were_never_judged_still_count_in_the_family():
    made = cells("a", "b", "c")
    verdicts, families = finalize([judged(made[0], 0.001), judged(made[1], 0.03)], Policy(), made)
    assert (families[0].m, verdicts[1].word) == (3, "no-evidence")


def test_broken_and_report_only_cells_carry_no_p_into_the_family():
    a, b, c = cells("a", "b", "c")
    verdicts, _ = finalize([judged(a, 0.0001, fired=True), judged(b, 0.0001, gated=False), judged(c, 0.02)], Policy())
    assert [v.adjusted for v in verdicts] == [None, None, pytest.approx(0.06)]
    assert verdicts[2].word == "no-evidence"


def test_a_candidates_verdict_counts_only_while_its_controls_behave():
    made = plan(
        [
            Cell("h", "mine", "s"),
            Cell("h", "weak", "s"),
            Cell("other", "mine", "s"),
            Cell("h", "pos", "e", role="positive-control"),
            Cell("h", "ref", "s", role="reference"),
        ],
        Policy(),
    )
    given = [
        judged(made[0], 0.0001),
        unjudged("inconclusive", "too few dates", made[1]),
        judged(made[2], 0.0001),
        judged(made[3], 0.6),
        judged(made[4], 0.0001),
    ]
    verdicts, families = finalize(given, Policy())
    assert [v.word for v in verdicts] == ["broken", "inconclusive", "leak", "broken", "leak"]
    assert "h[pos-e]" in verdicts[0].reason
    assert families[0].leaks == ("other[mine-s]",)


def test_references_and_controls_are_in_no_familys_leaks():
    made = plan([Cell("h", "pos", "s", role="positive-control"), Cell("h", "r", "s", role="reference")], Policy())
    verdicts, families = finalize([judged(cell, 0.0001) for cell in made], Policy())
    assert [v.word for v in verdicts] == ["leak", "leak"]
    assert [v.adjusted for v in verdicts] == [None, None]
    assert families == (Family("leakage", alpha=0.05, share=1.0, m=0, leaks=()),)


def test_two_families_are_corrected_apart_at_their_shares():
    made = plan([Cell("h", "a", "s"), Cell("g", "a", "s", family="mc_generation")], Policy())
    verdicts, families = finalize([judged(made[0], 0.02), judged(made[1], 0.03)], Policy())
    assert [v.word for v in verdicts] == ["leak", "no-evidence"]
    assert [(f.name, f.alpha, f.share, f.m) for f in families] == [
        ("leakage", 0.025, 0.5, 1),
        ("mc_generation", 0.025, 0.5, 1),
    ]


# --- the trip ---------------------------------------------------------------------------------------------------------


def test_verdict_survives_the_trip_to_the_controller():
    verdict = verdict_from(
        outcome(p=0.1 + 0.2, statistic=1 / 3, notes=("x̂ agrees",)),
        dataclasses.replace(CELL, alpha=0.05 / 3, role="reference"),
        model_spec="hf:./a",
        versions={"torch": "2.13.0"},
        command="pytest 'a::b[c-d]'",
        seconds=0.123,
    )
    assert from_json(to_json(verdict)) == verdict
    assert "\n" not in to_json(verdict)


def test_run_survives_the_trip_too():
    run = Run((judged(CELL, 0.5),), (Family("leakage", 0.05, 1.0, 1, ("a", "b")),), 0.05, 0, {"numpy": "2"})
    assert from_json(to_json(run), Run) == run


def test_numpys_numbers_and_booleans_become_pythons():
    verdict = judged(CELL, np.float64(0.5), statistic=np.float32(0.5), n=np.int64(7), fired=np.bool_(False))
    assert from_json(to_json(verdict)) == verdict
    assert (type(verdict.n), type(verdict.statistic), type(verdict.placebos[0].fired)) == (int, float, bool)


def test_a_number_that_is_not_finite_never_leaves_the_process():
    with pytest.raises(ValueError, match="JSON"):
        to_json(judged(CELL, 0.5, statistic=math.inf))


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"word": "leak"}', json.dumps({"cell": {}, "colour": 1})])
def test_what_is_no_verdict_is_refused(text):
    with pytest.raises(BadSpec, match="no Verdict"):
        from_json(text, Verdict)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0004, ".0004"), (0.25, ".25"), (1.0, "1"), (-0.5, "-.5"), (12.345, "12.35"), (1e-6, "1e-06"), (0.0, "0")],
)
def test_figures_have_two_digits_and_no_zero_before_the_point(value, text):
    assert figure(value) == text


# --- preconditions, all margins, lower ends ---------------------------------------------------------------------------


def test_a_failed_precondition_is_inconclusive_shows_everything_and_carries_no_p_into_its_family():
    failed = outcome(p=1e-6, inconclusive="scores disagree: letter above the margin, byte not")
    members = cells("a", "b")
    verdicts = [verdict_from(failed, members[0]), verdict_from(outcome(p=0.03), members[1])]
    assert verdicts[0].word == "inconclusive"
    assert verdicts[0].effects == failed.effects
    assert "scores disagree" in verdicts[0].sentence
    after, _ = finalize(verdicts, Policy(), members)
    assert after[0].word == "inconclusive"
    assert after[0].adjusted is None


def test_a_fired_placebo_comes_before_a_failed_precondition():
    assert decide(outcome(fired=True, inconclusive="too few"), CELL).word == "broken"


def test_where_all_margins_are_required_one_that_is_missed_is_named_and_no_other():
    both = (Effect("I", 0.2, 0.1, 0.3, margin=0.0, decides="low"), Effect("net drop", 0.02, 0.0, 0.04, margin=0.05))
    decision = decide(outcome(effects=both, require="all", claim="a compression illusion"), CELL)
    assert decision.word == "no-evidence"
    assert "No evidence of a compression illusion: significant, but under the margin: net drop" in decision.sentence
    assert "I .2" not in decision.reason
    met = (both[0], dataclasses.replace(both[1], value=0.3))
    assert decide(outcome(effects=met, require="all"), CELL).word == "leak"
    assert decide(outcome(effects=both, require="any"), CELL).word == "leak"


def test_a_lower_end_must_exceed_its_margin_and_an_effect_without_one_does_not():
    assert Effect("I", 0.2, 0.01, 0.3, margin=0.0, decides="low").met
    assert not Effect("I", 0.2, 0.0, 0.3, margin=0.0, decides="low").met
    assert not Effect("I", 0.2, margin=0.0, decides="low").met


def test_holm_adds_no_leak_where_one_of_all_required_margins_is_missed_and_says_what_it_adds():
    missed = (Effect("I", 0.2, 0.1, 0.3, margin=0.0, decides="low"), Effect("net drop", 0.02, margin=0.05))
    members = cells("a", "b")
    first = verdict_from(outcome(p=1e-6), members[0])
    second = verdict_from(outcome(p=0.04, effects=missed, require="all"), members[1])
    after, _ = finalize([first, second], Policy(), members)
    assert after[1].word == "no-evidence"
    second = verdict_from(outcome(p=0.04, claim="a compression illusion"), members[1])
    after, _ = finalize([first, second], Policy(), members)
    assert after[1].word == "leak"
    assert "This is a compression illusion by Holm over the 2 cells" in after[1].sentence
    assert "No evidence" not in after[1].sentence
