"""Turns the Allure results of the last run into one self-contained HTML file: allure-report/index.html.

    python tools/report.py [--results allure-results] [--output allure-report] [--history .seepage/history.jsonl]
    python tools/report.py --install

Allure 3 is pinned in tools/package-lock.json and installed by `npm ci` beside this file; it needs Node 20 or later. The
page opens from the disk, keeps the history of earlier reports, and loads nothing from the network: Allure's template
would ask a web analytics service for a script, which is taken out, and a content policy forbids every connection.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ALLURE = HERE / "node_modules" / ".bin" / "allure"
STAMP = HERE / "node_modules" / ".seepage-lock"
KEPT_RUNS = 20
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' data: blob:; style-src 'unsafe-inline' data: blob:; "
    "img-src data: blob:; font-src data:; media-src data: blob:; frame-src data: blob: about:; "
    "connect-src data: blob:; worker-src blob:; form-action 'none'; base-uri 'self'"
)
CHARSET = '<meta charset="utf-8">'
CHANGED = "Allure's page no longer looks as expected; see what it loads, then change tools/report.py"
STYLE = """
#seepage-decision { display: block; padding: 7px 16px; font: 14px/1.4 system-ui, sans-serif; text-align: center;
  color: #fff; background: #24324a; text-decoration: none }
#seepage-decision b { text-decoration: underline; margin-right: .6em }
body { display: flex; flex-direction: column; height: 100vh; overflow: hidden }
#app { flex: 1; min-height: 0; overflow: auto; contain: layout }
h1[data-testid="test-result-info-title"] + div { flex-wrap: wrap; row-gap: 6px }
"""
WORDS = ("leak", "broken", "expected leak", "ungated leak", "inconclusive", "report only", "no-evidence")


def main() -> int:
    parser = argparse.ArgumentParser(description="Allure HTML of the last run")
    parser.add_argument("--results", type=Path, default=Path("allure-results"), help="what --alluredir wrote")
    parser.add_argument("--output", type=Path, default=Path("allure-report"), help="replaced as a whole")
    parser.add_argument("--history", type=Path, default=Path(".seepage/history.jsonl"), help="kept between reports")
    parser.add_argument("--install", action="store_true", help="only install Allure, for `make test`'s browser test")
    given = parser.parse_args()
    if given.install:
        missing = install()
        print(missing or f"{ALLURE} is installed")
        return 2 if missing else 0
    if not any(given.results.glob("*-result.json")):
        print(f"{given.results} holds no results; run `make gate`, or pytest with --alluredir {given.results}")
        return 2
    if missing := install():
        print(missing)
        return 2
    page = generate(given.results, given.output, given.history)
    print(f"{page}  ({page.stat().st_size / 1e6:.1f} MB, one file; open it in a browser or send it)")
    return 0


def install() -> str:
    """Allure as locked, unless it is there already; returns what is missing, in a sentence, or nothing."""
    lock = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    if ALLURE.exists() and STAMP.exists() and STAMP.read_text() == lock:
        return "" if shutil.which("node") else "Node is missing; install Node 20 or later, then `make report`"
    if not (shutil.which("node") and shutil.which("npm")):
        return (
            "Node or npm is missing; install Node 20 or later (Debian: apt-get install nodejs npm), then `make report`"
        )
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True)
    if done.returncode:
        return f"`{' '.join(command)}` in {HERE} failed:\n{done.stderr.strip()}"
    STAMP.write_text(lock)
    return ""


def generate(results: Path, output: Path, history: Path) -> Path:
    """Write the page and add this run to the history. Raises CalledProcessError where Allure fails."""
    history.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        made, config = Path(folder) / "report", Path(folder) / "allurerc.json"
        config.write_text(json.dumps(settings(made, history.resolve())))
        command = [str(ALLURE), "generate", str(results.resolve()), "--config", str(config)]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        page = next(iter(made.rglob("index.html")), None)
        if done.returncode or page is None:
            sys.stderr.write(done.stdout + done.stderr)
            raise subprocess.CalledProcessError(done.returncode or 1, command)
        text = headed(quiet(page.read_text(encoding="utf-8")))
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    (output / "index.html").write_text(text, encoding="utf-8")
    return output / "index.html"


def settings(output: Path, history: Path) -> dict[str, object]:
    """Allure's configuration: one category a verdict, the tree by model and series, one file."""
    categories: list[dict[str, object]] = [
        {"name": word, "matchers": {"labels": {"verdict": f"^{word}$"}}, "groupByMessage": False, "expand": True}
        for word in WORDS
    ]
    categories.append({"name": "the run", "matchers": {"labels": {"verdict": "^run$"}}, "hide": True})
    awesome = {
        "singleFile": True,
        "reportLanguage": "en",
        "groupBy": ["epic", "feature"],
        "defaultSection": "",
        "stepTreeExpansion": "collapsed",
    }
    return {
        "name": "seepage: did a benchmark leak into a model?",
        "output": str(output),
        "historyPath": str(history),
        "historyLimit": KEPT_RUNS,
        "hideLabels": [
            "cell",
            "host",
            "thread",
            "package",
            "parentSuite",
            "suite",
            "subSuite",
            "framework",
            "language",
        ],
        "categories": {"rules": categories},
        "plugins": {"awesome": {"options": awesome}},
    }


def quiet(text: str) -> str:
    """The page without its call to a web analytics service, and with a policy that forbids every connection."""
    analytics = r'<script async src="https://www\.googletagmanager\.com.*?</script>\s*<script>.*?</script>'
    text, calls = re.subn(analytics, "", text, count=1, flags=re.DOTALL)
    if calls != 1 or CHARSET not in text:
        raise RuntimeError(CHANGED)
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    viewport = "" if 'name="viewport"' in text[:5000] else '<meta name="viewport" content="width=device-width">'
    return text.replace(CHARSET, f"{CHARSET}\n    {policy}\n    {viewport}", 1)


def headed(text: str) -> str:
    """The page under a line that says what the run decided and leads to its table, from wherever a reader stands."""
    for name, content in re.findall(r'"data/test-results/([0-9a-f]+)\.json","([A-Za-z0-9+/=]+)"', text):
        result = json.loads(base64.b64decode(content))
        if result.get("fullName") == "seepage.run":
            said = re.search(r"<p[^>]*>(.*?)</p>", result["descriptionHtml"])
            line = f'<a id="seepage-decision" href="#{name}"><b>models × hypotheses</b> {said[1] if said else ""}</a>'
            return text.replace('<div id="app">', f'<style>{STYLE}</style>{line}<div id="app">', 1)
    return text  # results of another suite, or of a run that was killed before it was decided


if __name__ == "__main__":
    sys.exit(main())
