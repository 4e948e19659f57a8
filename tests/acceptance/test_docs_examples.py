"""What docs/extend.md shows is what a reader can run."""

import json
import pathlib
import re

import pytest

pytest_plugins = ["pytester"]
EXTEND = pathlib.Path(__file__).parents[2] / "docs" / "extend.md"


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["normal", "xdist"])
def test_the_examples_of_extend_work_as_printed(pytester, workers):
    blocks = re.findall(r"^`([a-z_]+\.py)`\n\n```python\n(.*?)^```", EXTEND.read_text(), re.M | re.S)
    assert [name for name, _ in blocks] == ["conftest.py", "parrot.py", "echo.py", "test_echo.py"]
    for name, code in blocks:
        (pytester.path / name).write_text(code)
    result = pytester.runpytest_subprocess("test_echo.py", "-k", "echo", *workers)
    result.assert_outcomes(failed=1, passed=1)
    assert result.ret == 1
    rows = [json.loads(line) for line in (pytester.path / ".seepage" / "evidence.jsonl").read_text().splitlines()]
    words = {row["cell"]["model"]: row["word"] for row in rows if "cell" in row}
    assert words == {"knows": "leak", "guesses": "no-evidence"}
