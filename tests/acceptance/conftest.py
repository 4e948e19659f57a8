import pytest
from house import CONFTEST, HYPOTHESIS, SUITE, House


@pytest.fixture(params=["normal", "xdist"])
def house(request, pytester):
    """A foreign repository with stub models; every test runs it in one process and with two workers."""
    made = House(pytester, ("-n", "2") if request.param == "xdist" else ("-p", "no:cacheprovider"))
    for name, text in (("conftest.py", CONFTEST), ("echo.py", HYPOTHESIS), ("test_echo.py", SUITE)):
        made.write(name, text)
    return made
