"""The HTML report as a reader meets it: Debian's Chromium opens the file that `make report` writes.

Skipped where Chromium, Node or the pinned Allure is not installed; `.ci/run` installs all three.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import reportkit

sys.path.insert(0, str(Path(__file__).parent))
import chromium

ROOT = Path(__file__).parents[2]
ALLURE = ROOT / "tools" / "node_modules" / ".bin" / "allure"
MISSING = next(
    (
        f"{what} is not installed: {how}"
        for found, what, how in (
            (chromium.binary(), "Chromium", "apt-get install chromium"),
            (shutil.which("node"), "Node", "install Node 20 or later"),
            (ALLURE.exists() or None, "Allure", "python tools/report.py --install"),
        )
        if found is None
    ),
    "",
)
pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)
FRAME = "document.querySelector('iframe[data-testid=test-result-description-frame]')"
IN_FRAME = f"({FRAME} && {FRAME}.contentDocument && {FRAME}.contentDocument.body || {{innerText: ''}})"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run and two reports of it; the second knows the first."""
    where = tmp_path_factory.mktemp("report")
    (where / "test_cases.py").write_text(textwrap.dedent(reportkit.TESTS))
    (where / "pytest.ini").write_text("[pytest]\n")
    env = {**os.environ, "PYTHONPATH": str(ROOT / "tests"), "OMP_NUM_THREADS": "1"}
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:seepage.plugins", "-p", "reportkit"]
    subprocess.run([*tests, "--alluredir", "allure-results"], cwd=where, env=env)
    for _ in range(2):
        subprocess.run([sys.executable, str(ROOT / "tools" / "report.py")], cwd=where, check=True)
    return where / "allure-report"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[chromium.Page]:
    with chromium.Chromium.start(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture(params=[(1400, 1000, False), (390, 844, True)], ids=["desk", "phone"])
def page(request: pytest.FixtureRequest, browser: chromium.Page, report: Path) -> chromium.Page:
    """The report's first page, at the width of a desk and of a phone."""
    width, height, phone = request.param
    browser.size(width, height, phone=phone)
    browser.requests.clear()
    browser.complaints.clear()
    browser.open("about:blank")
    browser.open(f"file://{report}/index.html")
    browser.until("document.body.innerText.includes('Total')")
    return browser


def in_frame(page: chromium.Page, text: str) -> None:
    page.until(f"{IN_FRAME}.innerText.includes({text!r})")


def test_the_first_page_says_what_was_decided_and_leads_to_the_table(page: chromium.Page) -> None:
    assert "2 leak, 1 ungated leak, 1 broken" in page.text()
    page.click("models × hypotheses", within="a b")
    in_frame(page, "Exit status 1")
    table = page.js(f"{IN_FRAME}.querySelector('table').innerText").split()
    for word in ("vendor", "recall", "binding", "leak", "no-evidence", "inconclusive", "broken"):
        assert word in table


def test_a_verdicts_sentence_stands_beside_its_picture(page: chromium.Page) -> None:
    page.click("numleak.recall: vendor on qo")
    in_frame(
        page, "vendor gives 46 % of the values of qo within .5; the best forecaster gets 9 % (n = 240, p = .0002)."
    )
    widths = page.until(
        f"(i => i.length && i.every(e => e.complete) && i.map(e => [e.naturalWidth, e.getBoundingClientRect().width]))"
        f"([...{IN_FRAME}.querySelectorAll('img')])"
    )
    assert len(widths) == 5
    assert all(natural > 0 and shown > 250 for natural, shown in widths)
    assert page.js(f"{IN_FRAME}.querySelector('img').alt") == "Hits against block-shifted dates"


def test_the_four_statuses_stand_in_categories_of_their_own(page: chromium.Page) -> None:
    page.click("Categories", within="[data-testid=nav-tab-categories]")
    page.until("location.hash === '#categories'")
    page.until("document.body.innerText.includes('numleak.binding')")
    lines = [line.strip() for line in page.text().splitlines()]
    after = {
        "leak": "numleak.recall: vendor on qo",
        "broken": "numleak.binding: vendor on qo",
        "inconclusive": "numleak.cutoff: vendor on qo",
        "no-evidence": "numleak.recall: late on za",
        "expected leak": "numleak.recall: late on qo",
    }
    begins = {word: lines.index(word) for word in (*after, "report only", "ungated leak")}
    for word, cell in after.items():
        end = min([place for place in begins.values() if place > begins[word]], default=len(lines))
        assert cell in lines[begins[word] : end]
    assert "Product errors" not in lines
    assert "Test errors" not in lines


def test_the_history_of_the_run_before_is_kept(page: chromium.Page) -> None:
    page.click("numleak.recall: vendor on qo")
    page.click("History", within="button")
    page.until("/History\\s*1/.test(document.body.innerText)")


def test_the_page_connects_to_nothing_and_complains_of_nothing(page: chromium.Page) -> None:
    page.click("numleak.recall: vendor on qo")
    in_frame(page, "vendor gives 46 %")
    asked = {url.partition(":")[0] for url in page.requests}
    assert asked <= {"file", "data", "blob", "about"}
    assert page.complaints == []
    assert page.js("fetch('https://example.invalid/').then(() => 'sent', () => 'refused')") == "refused"


def test_a_reply_of_a_model_is_shown_as_text_and_never_run(page: chromium.Page) -> None:
    page.click("models × hypotheses", within="a b")
    in_frame(page, "Exit status 1")
    page.js("window.alert = () => { window.attacked = true }")
    page.js("location.hash = '#categories'")
    page.click("numleak.transmission: vendor on qo")
    in_frame(page, "<script>alert('x')</script>")
    assert page.js("window.attacked === undefined")


def test_nothing_is_wider_than_the_screen(page: chromium.Page) -> None:
    wide = "document.documentElement.scrollWidth <= window.innerWidth"
    assert page.js(wide)
    page.click("numleak.recall: vendor on qo")
    in_frame(page, "vendor gives 46 %")
    assert page.js(wide)
    assert page.js(f"{IN_FRAME}.scrollWidth <= {FRAME}.clientWidth")


def test_the_report_is_one_file(report: Path) -> None:
    assert [path.name for path in report.iterdir()] == ["index.html"]
    assert "googletagmanager" not in (report / "index.html").read_text()
