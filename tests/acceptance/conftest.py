import pytest
from house import CONFTEST, HYPOTHESIS, SUITE, House

LEAN = "-p no:hypothesispytest -p no:anyio"


@pytest.fixture(autouse=True)
def lean(request, monkeypatch):
    """Without two plugins that happen to be installed: loading hypothesis is half of the time of a small run."""
    if "pytester" in request.fixturenames:  # it forgets the options of the run outside
        request.getfixturevalue("pytester")
    monkeypatch.setenv("PYTEST_ADDOPTS", LEAN)


@pytest.fixture(params=["normal", "xdist"])
def house(request, pytester):
    """A foreign repository with stub models; every test runs it in one process and with two workers."""
    made = House(pytester, ("-n", "2") if request.param == "xdist" else ("-p", "no:cacheprovider"))
    for name, text in (("conftest.py", CONFTEST), ("echo.py", HYPOTHESIS), ("test_echo.py", SUITE)):
        made.write(name, text)
    return made
