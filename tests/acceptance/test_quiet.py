"""Who does not use seepage does not notice that it is installed."""

import json
import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "datasets", "matplotlib", "allure", "numpy", "scipy")
LOADED = """
import json, sys, pytest
code = pytest.main(sys.argv[2:])
json.dump([code, sorted(sys.modules)], open(sys.argv[1], "w"))
"""


def loaded(folder, *args):
    """(exit code, modules imported, what was printed) of a pytest session in its own process."""
    # allure-pytest imports allure itself: what is asked here is whether we do.
    command = [sys.executable, "-c", LOADED, str(folder / "loaded.json"), "-p", "no:allure_pytest", *args]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    code, modules = json.loads((folder / "loaded.json").read_text())
    return code, set(modules), done.stdout + done.stderr


@pytest.mark.parametrize("asked", ["--version", "-VV"])  # pytest 9 loads no plugin for the first, 8.4 does
def test_pytest_version_imports_nothing_heavy(tmp_path, asked):
    code, modules, _ = loaded(tmp_path, asked)
    assert code == 0
    assert "seepage.plugins" in modules or asked == "--version"
    assert not modules & set(HEAVY)


@pytest.mark.parametrize("spread", [(), ("-n", "2")], ids=["normal", "xdist"])
def test_a_session_without_our_suites_says_and_imports_nothing_of_ours(tmp_path, spread):
    (tmp_path / "test_other.py").write_text(
        "import pytest\n@pytest.mark.parametrize('x', range(4))\ndef test_x(x): pass\n"
    )
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\naddopts = '-rA -v'\n")
    code, modules, said = loaded(tmp_path, *spread)
    assert code == 0
    assert not modules & set(HEAVY)
    lines = [line for line in said.splitlines() if "seepage" in line and not line.startswith("plugins:")]
    assert lines == []
    assert "LoadGroup" not in said
    assert not (tmp_path / ".seepage").exists()


def test_collecting_cells_imports_no_model_library(house):
    house.configure({"mine": "p=.5"})
    heavy = "{'torch', 'transformers', 'matplotlib'}"
    probe = f"\ndef pytest_collection_finish():\n    import sys\n    assert not {heavy} & set(sys.modules)\n"
    house.write("conftest.py", (house.pytester.path / "conftest.py").read_text() + probe)
    result = house.pytester.runpytest_subprocess("test_echo.py", "--collect-only", "-q")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["test_echo.py::test_echo?mine-a?"])
    assert not (house.pytester.path / ".seepage").exists()


def test_a_claim_in_which_nobody_takes_part_is_deselected(house):
    house.write(
        "test_echo.py",
        (house.pytester.path / "test_echo.py").read_text().replace('"series"))', '"series"), world="embedded")'),
    )
    house.configure({"mine": "p=.5"})
    result = house.pytester.runpytest_subprocess("test_echo.py", "-p", "no:xdist")
    assert result.ret == 5
    result.stdout.fnmatch_lines(["*1 deselected*"])
