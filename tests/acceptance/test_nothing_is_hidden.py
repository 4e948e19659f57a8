"""What was found is not skipped away."""

import pytest


@pytest.mark.parametrize("end", ["pytest.skip('not today')", "pytest.xfail('known')", "raise NotTestable('too few')"])
def test_a_leak_that_was_judged_stays_one_however_the_test_ends(house, end):
    text = (house.pytester.path / "test_echo.py").read_text()
    imports = "from seepage.errors import NotTestable\n"
    house.write("test_echo.py", imports + text.replace("    assert not verdict.leak, verdict.sentence", f"    {end}"))
    house.configure({"leaks": "p=.0001&effect=.5", "quiet": "p=.5"})
    read = house.run()
    assert read.words == {"leaks-a": "leak", "quiet-a": "inconclusive"}
    assert read.agree() == {"failed": 1, "skipped": 1}
