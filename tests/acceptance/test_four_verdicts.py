"""The four verdicts, roles, Holm and controls, in the terminal, JUnit, Allure, evidence.jsonl and the exit code."""

import pytest

LEAK, QUIET, WEAK, PLACEBO = "p=.0001&effect=.5", "p=.5", "p=.5&mde=.9", "p=.5&placebo=1"


def test_four_verdicts_agree_in_every_reading(house):
    house.configure({"leaks": LEAK, "quiet": QUIET, "weak": WEAK, "odd": PLACEBO})
    read = house.run()
    assert read.words == {"leaks-a": "leak", "quiet-a": "no-evidence", "weak-a": "inconclusive", "odd-a": "broken"}
    assert read.agree() == {"failed": 1, "passed": 1, "skipped": 1, "error": 1}
    assert read.exit_code == 1
    assert sorted(read.cases) == [f"test_echo[{name}-a]" for name in ("leaks", "odd", "quiet", "weak")]


def test_an_expected_leak_and_a_reference_that_leaks_let_the_run_pass(house):
    roles = {"pos": f"{LEAK}|positive-control", "neg": f"{QUIET}|negative-control", "old": f"{LEAK}|reference"}
    house.configure(roles | {"mine": QUIET})
    read = house.run("-rx")
    assert read.agree() == {"xfailed": 2, "passed": 2}
    assert read.exit_code == 0
    read.result.stdout.fnmatch_lines_random(["*expected leak: pos echoes 0.5*", "*reference: not gated: old echoes*"])


@pytest.mark.parametrize("control", [f"{QUIET}|positive-control", f"{LEAK}|negative-control"], ids=["quiet", "leaking"])
def test_a_control_that_misbehaves_breaks_the_verdicts_it_vouched_for(house, control):
    house.configure({"pos": control, "mine": QUIET, "theirs": LEAK, "weak": WEAK})
    read = house.run()
    words = {"pos-a": "broken", "mine-a": "broken", "theirs-a": "broken", "weak-a": "inconclusive"}
    assert read.words == words
    assert read.agree() == {"error": 3, "skipped": 1}
    assert "its control is broken: toy.echo[pos-a]" in read.evidence["toy.echo[mine-a]"]["reason"]


def test_a_leak_that_only_holm_finds_is_a_leak_in_every_reading(house):
    house.configure({"first": "p=.001&effect=.5", "second": "p=.03&effect=.5", "third": "p=.03&effect=.1"})
    read = house.run()
    assert read.words == {"first-a": "leak", "second-a": "no-evidence", "third-a": "no-evidence"}
    house.configure({"first": "p=.001&effect=.5", "second": "p=.02&effect=.5", "third": "p=.02&effect=.1"})
    read = house.run()
    assert read.words == {"first-a": "leak", "second-a": "leak", "third-a": "no-evidence"}
    assert read.evidence["toy.echo[second-a]"]["pvalue"] > read.evidence["toy.echo[second-a]"]["cell"]["alpha"]
    assert read.agree() == {"failed": 2, "passed": 1}
    # pytest 8.4 prints no message behind a failure whose text is plain; the sentence stands above it
    read.result.stdout.fnmatch_lines(["*by Holm over the 3 cells*", "FAILED test_echo.py::test_echo?second-a?*"])


def test_inconclusive_fails_the_run_where_the_policy_says_so(house):
    house.configure({"weak": WEAK, "mine": QUIET}, extra='on_inconclusive = "fail"')
    read = house.run()
    assert read.agree() == {"failed": 1, "passed": 1}
    assert read.words["weak-a"] == "inconclusive"


def test_a_run_in_which_nothing_could_be_tested_does_not_exit_with_0(house):
    house.configure({"weak": WEAK})
    read = house.run()
    assert read.terminal == {"skipped": 1}
    assert read.exit_code == 1
    read.result.stdout.fnmatch_lines(["*nothing was tested*"])


def test_deselected_cells_are_not_in_the_family(house):
    house.configure({"one": QUIET, "two": QUIET, "three": QUIET}, series=("a", "b"))
    assert {row["cell"]["m"] for row in house.run().evidence.values()} == {6}
    alone = house.run("-k", "one and a]").evidence
    assert {key: (row["cell"]["m"], row["cell"]["alpha"]) for key, row in alone.items()} == {
        "toy.echo[one-a]": (1, 0.05)
    }


def test_other_tests_of_the_session_are_counted_as_ever(house):
    house.write("test_other.py", "import pytest\n@pytest.mark.parametrize('x', range(3))\ndef test_x(x): assert x\n")
    house.configure({"mine": QUIET})
    read = house.run("test_other.py")
    assert read.terminal == {"failed": 1, "passed": 3}
    assert read.junit == {"failed": 1, "passed": 3}
    assert read.exit_code == 1
    assert read.words == {"mine-a": "no-evidence"}
