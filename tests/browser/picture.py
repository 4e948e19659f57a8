"""The picture in the README: `python tests/browser/picture.py allure-report/index.html docs/images/report.png`.

Allure's split view on a desk: models, series and hypotheses on the left, the models × hypotheses table on the right.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from chromium import Chromium


def main(report: Path, picture: Path) -> None:
    with tempfile.TemporaryDirectory() as profile, Chromium.start(Path(profile)) as page:
        page.size(1520, 1000)
        page.open(f"file://{report.resolve()}")
        page.until("document.querySelector('[data-testid=toggle-layout-button]')")
        page.js("document.querySelector('[data-testid=toggle-layout-button]').click()")
        for group in ("late", "qo"):
            page.click(group)
        page.js("document.querySelector('#seepage-decision').click()")
        page.until("document.querySelector('iframe[data-testid=test-result-description-frame]')")
        time.sleep(2)  # fonts and transitions
        picture.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(picture)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
