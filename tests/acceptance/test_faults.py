"""What goes wrong in a cell stays in that cell, and is `broken` in every reading."""

import pytest

QUIET = "p=.5"


def test_a_broken_model_is_broken_and_the_others_still_run(house):
    house.configure({"gone": "missing=nowhere", "fails": "raises=out of cheese", "mine": QUIET}, series=("a", "b"))
    read = house.run()
    assert read.agree() == {"error": 4, "passed": 2}
    assert read.evidence["toy.echo[gone-b]"]["reason"] == "BackendError: no model at nowhere"
    assert read.evidence["toy.echo[fails-a]"]["reason"] == "ValueError: out of cheese"


def test_a_series_that_nobody_opens_is_broken_and_named(house):
    house.configure({"mine": QUIET}, series=("a",))
    house.write("pyproject.toml", (house.pytester.path / "pyproject.toml").read_text().replace("toy:a", "nope:a"))
    read = house.run()
    assert read.agree() == {"error": 1}
    assert "nope" in read.evidence["toy.echo[mine-a]"]["reason"]


BODIES = {
    "an assertion that says nothing of a leak": ("    assert 1 == 2\n", "broken", "without evidence of a leak"),
    "no judgement": ("    pass\n", "broken", "reached no verdict"),
    "two judgements": ("    judge(echo.judge, series, ask(plan))\n" * 2, "broken", "judged twice"),
    "a skip of its own": ("    pytest.skip('not today')\n", "inconclusive", "not today"),
    "not testable": ("    raise NotTestable('too few dates')\n", "inconclusive", "too few dates"),
    "a forgotten assertion": ("    judge(echo.judge, series, ask(plan))\n", "leak", ""),
    "a number that is no number": (
        "    import math, dataclasses as d\n"
        "    judge(lambda *a, **k: d.replace(echo.judge(*a, **k), statistic=math.nan), series, ask(plan))\n",
        "broken",
        "could not be written",
    ),
    "report only": ("    judge(echo.judge, series, ask(plan), gated=False)\n", "inconclusive", "report only"),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_whatever_a_test_does_it_reaches_exactly_one_verdict(house, body):
    if house.xdist[0] == "-n":
        pytest.skip("one process is enough here: the same code runs in a worker")
    code, word, reason = body
    head = (house.pytester.path / "test_echo.py").read_text().split("    verdict =")[0]
    house.write("test_echo.py", "from seepage.errors import NotTestable\n" + head + code)
    house.configure({"mine": "p=.0001&effect=.5", "quiet": QUIET})
    read = house.run()
    assert read.words["mine-a"] == word
    assert reason in read.evidence["toy.echo[mine-a]"]["reason"]
    counted: dict[str, int] = {}
    for row in read.evidence.values():
        counted[row["status"]] = counted.get(row["status"], 0) + 1
    assert read.terminal == read.junit == counted


def test_a_fixture_that_fails_breaks_the_cell_in_setup_and_in_teardown(house):
    house.write(
        "test_echo.py",
        (house.pytester.path / "test_echo.py").read_text().replace("model, series", "model, spoiled, series")
        + """
@pytest.fixture
def spoiled(request):
    if "early" in request.node.name:
        raise OSError("no disk")
    yield
    if "late" in request.node.name:
        raise OSError("still no disk")
""",
    )
    house.write(
        "test_echo.py", (house.pytester.path / "test_echo.py").read_text().replace('("model, spoiled', '("model')
    )
    house.configure({"early": QUIET, "late": QUIET, "lateleak": "p=.0001&effect=.5", "mine": QUIET})
    read = house.run()
    assert read.words == {"early-a": "broken", "late-a": "broken", "lateleak-a": "broken", "mine-a": "no-evidence"}
    assert read.agree() == {"error": 3, "passed": 1}
    assert "no disk" in read.evidence["toy.echo[early-a]"]["reason"]
    assert "teardown" in read.evidence["toy.echo[late-a]"]["reason"]


def test_a_report_that_fails_to_write_breaks_the_cell_it_could_not_write(house):
    hook = "\ndef pytest_seepage_verdict(verdict, outcome, item):\n    if 'mine' in item.name:\n        1 / 0\n"
    house.write("conftest.py", (house.pytester.path / "conftest.py").read_text() + hook)
    house.configure({"mine": QUIET, "other": QUIET})
    read = house.run()
    assert read.terminal == read.junit == {"error": 1, "passed": 1}
    assert "ZeroDivisionError" in read.evidence["toy.echo[mine-a]"]["reason"]


REFUSED = {
    "an unknown key": ("colour = 1", "colour"),
    "a level out of range": ("alpha = 2.0", "alpha"),
    "a word that is not accepted": ('on_inconclusive = "perhaps"', "on_inconclusive"),
    "a role that is none": ('[[tool.seepage.models]]\nspec = "stub:x"\nrole = "judge"', "role"),
    "a margin that is no number": ('numleak = { win = "high" }', "win"),
}


@pytest.mark.parametrize("written", REFUSED.values(), ids=REFUSED)
def test_a_bad_configuration_is_a_usage_error_and_names_the_key(house, written):
    text, key = written
    house.write("pyproject.toml", f"[tool.pytest.ini_options]\n[tool.seepage]\n{text}\n")
    result = house.pytester.runpytest_subprocess("test_echo.py", *house.xdist)
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"ERROR:*{key}*"])
    assert "Traceback" not in result.stderr.str()


@pytest.mark.parametrize(
    ("option", "named"),
    [
        ("--seepage-alpha=7", "--seepage-alpha"),
        ("--seepage-config=gone.toml", "gone.toml"),
        ("--seepage-model=nothing", "--seepage-model"),
        ("--seepage-replay=gone.sqlite", "gone.sqlite"),
    ],
)
def test_a_bad_option_is_a_usage_error_too(house, option, named):
    result = house.pytester.runpytest_subprocess("test_echo.py", option, *house.xdist)
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"ERROR:*{named}*"])
