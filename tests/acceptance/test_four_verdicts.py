"""One case of each of the four verdicts, read in the terminal, JUnit, Allure, evidence.jsonl and the exit code."""

LEAK, QUIET, WEAK, PLACEBO = "p=.0001&effect=.5", "p=.5", "p=.5&mde=.9", "p=.5&placebo=1"


def test_four_verdicts_agree_in_every_reading(house):
    house.configure({"leaks": LEAK, "quiet": QUIET, "weak": WEAK, "odd": PLACEBO})
    read = house.run()
    assert read.words == {"leaks-a": "leak", "quiet-a": "no-evidence", "weak-a": "inconclusive", "odd-a": "broken"}
    assert read.agree() == {"failed": 1, "passed": 1, "skipped": 1, "error": 1}
    assert read.exit_code == 1
    assert sorted(read.cases) == [f"test_echo[{name}-a]" for name in ("leaks", "odd", "quiet", "weak")]
