"""What --alluredir holds after a run, read back from its JSON: in one process and with two workers."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import reportkit

TESTS = Path(reportkit.__file__).parent
PLAIN = "test_plain#test_of_the_user"
MODES = {"normal": [], "xdist": ["-n", "2"]}


@pytest.fixture(params=list(MODES), scope="module")
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run of the made-up suite, with a file left over from before that must be cleaned away once."""
    return run(tmp_path_factory.mktemp(request.param), *MODES[request.param])


def run(where: Path, *args: str) -> Path:
    (where / "test_cases.py").write_text(textwrap.dedent(reportkit.TESTS))
    (where / "test_plain.py").write_text("def test_of_the_user(): pass\n")
    (where / "pytest.ini").write_text("[pytest]\n")
    (where / "results").mkdir(exist_ok=True)
    (where / "results" / "old-result.json").write_text("{}")
    command = [sys.executable, "-m", "pytest", "-p", "no:seepage.plugins", "-p", "reportkit", *args]
    env = {**os.environ, "PYTHONPATH": str(TESTS), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, "--alluredir", "results", "--clean-alluredir"], cwd=where, env=env, capture_output=True, text=True
    )
    (where / "stdout.txt").write_text(done.stdout + done.stderr)
    assert done.returncode == 1, done.stdout + done.stderr
    return where / "results"


def results(folder: Path) -> dict[str, dict[str, Any]]:
    read = [json.loads(path.read_text()) for path in folder.glob("*-result.json")]
    names = [result["fullName"] for result in read]
    assert len(set(names)) == len(names)
    return {result["fullName"]: result for result in read if result["fullName"] != PLAIN}


def labels(result: dict[str, Any]) -> dict[str, str]:
    return {label["name"]: label["value"] for label in result["labels"]}


def test_every_verdict_has_one_result_and_the_run_has_its_own(folder: Path) -> None:
    assert set(results(folder)) == {made.key for made, _, _ in reportkit.cases()} | {"seepage.run"}


def test_statuses_count_what_the_evidence_counts(folder: Path) -> None:
    said = Counter(result["status"] for result in results(folder).values())
    assert said == {"failed": 2, "broken": 1, "passed": 2, "skipped": 4, "unknown": 1}
    evidence = [json.loads(line) for line in (folder.parent / "out" / "evidence.jsonl").read_text().splitlines()]
    words = Counter(record["status"] for record in evidence if record["kind"] == "verdict")
    assert words == {"failed": 2, "error": 1, "passed": 2, "skipped": 2, "xfailed": 2}


def test_a_verdict_that_holm_overturned_is_failed_and_says_so(folder: Path) -> None:
    result = results(folder)["numleak.recall[vendor-xo]"]
    assert result["status"] == "failed"
    assert "by Holm over the 5 cells" in result["statusDetails"]["message"]
    assert labels(result)["verdict"] == "leak"
    assert "adjusted .048" in result["descriptionHtml"]


def test_a_test_of_the_users_own_is_left_as_it_is(folder: Path) -> None:
    read = [json.loads(path.read_text()) for path in folder.glob("*-result.json")]
    result = next(result for result in read if result["fullName"] == PLAIN)
    assert result["name"] == "test_of_the_user"
    assert "verdict" not in labels(result)


def test_labels_say_model_series_hypothesis_and_severity(folder: Path) -> None:
    said = labels(results(folder)["numleak.recall[vendor-qo]"])
    assert {key: said[key] for key in ("epic", "feature", "story", "severity", "verdict", "role")} == {
        "epic": "vendor",
        "feature": "qo",
        "story": "numleak.recall",
        "severity": "critical",
        "verdict": "leak",
        "role": "candidate",
    }


def test_a_leak_carries_its_pictures_tables_command_and_verdict(folder: Path) -> None:
    result = results(folder)["numleak.recall[vendor-qo]"]
    kinds = Counter(entry["type"] for entry in result["attachments"])
    assert kinds == {"image/svg+xml": 5, "text/plain": 1, "application/json": 1}
    steps = {step["name"]: step["attachments"][0] for step in result["steps"]}
    assert set(steps) == {"placebos: 2 rows", "per date: 12 rows"}
    replies = (folder / steps["per date: 12 rows"]["source"]).read_text()
    assert "1913-03" in replies
    assert "\x1b" not in replies
    assert result["descriptionHtml"].count("data:image/svg+xml;base64,") == 5
    for entry in result["attachments"]:
        assert (folder / entry["source"]).stat().st_size > 0


def test_an_expected_leak_and_a_reference_are_told_from_a_leak(folder: Path) -> None:
    made = results(folder)
    expected, ungated = made["numleak.recall[late-qo]"], made["numleak.recall[older-qo]"]
    assert (expected["status"], labels(expected)["verdict"]) == ("skipped", "expected leak")
    assert (ungated["status"], labels(ungated)["verdict"]) == ("skipped", "ungated leak")


def test_the_run_carries_models_by_hypotheses_as_page_and_csv(folder: Path) -> None:
    result = results(folder)["seepage.run"]
    source = {entry["name"]: entry["source"] for entry in result["attachments"]}
    rows = (folder / source["models × hypotheses.csv"]).read_text().splitlines()
    assert rows[0] == "model,target,numleak.recall,numleak.binding,numleak.cutoff,numleak.transmission"
    assert "vendor,qo,leak,broken,inconclusive,report only" in rows
    assert "vendor" in result["descriptionHtml"]


def test_each_status_falls_into_its_own_category(folder: Path) -> None:
    rules = json.loads((folder / "categories.json").read_text())
    fallen = {}
    for name, result in results(folder).items():
        message = result.get("statusDetails", {}).get("message", "")
        hits = [
            rule["name"]
            for rule in rules
            if result["status"] in rule["matchedStatuses"] and re.match(rule.get("messageRegex", "(?s).*"), message)
        ]
        if name != "seepage.run":
            fallen[labels(result)["verdict"]] = hits
    assert fallen == {word: [word] for word in fallen}
    assert len(fallen) == 7


def test_the_folder_was_cleaned_once_and_by_nobody_else(folder: Path) -> None:
    assert not (folder / "old-result.json").exists()
    assert (folder / "environment.properties").exists()
    assert not list(folder.glob("*.tmp"))


def test_text_of_a_model_is_harmless_wherever_it_is_shown(folder: Path) -> None:
    """In HTML it is escaped; a message is plain text, where only what moves a cursor or turns the reading can harm."""
    made = results(folder).values()
    pages = [result["descriptionHtml"] for result in made]
    plain = [str(result.get("statusDetails", {}).get("message", "")) for result in made]
    plain.append(
        (folder.parent / "stdout.txt").read_text().partition("= seepage =")[2].partition("short test summary")[0]
    )
    assert any("&lt;script&gt;alert" in page for page in pages)
    assert any("<script>alert" in text for text in plain)
    assert not any("<script" in page for page in pages)
    for text in (*pages, *plain):
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_nothing_of_allure_is_written_unless_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "test_cases.py").write_text(textwrap.dedent(reportkit.TESTS))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    env = {**os.environ, "PYTHONPATH": str(TESTS)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:seepage.plugins", "-p", "reportkit"]
    subprocess.run(command, cwd=tmp_path, env=env, capture_output=True)
    assert {path.name for path in tmp_path.iterdir()} - {".pytest_cache", "__pycache__"} == {
        "out",
        "pytest.ini",
        "test_cases.py",
    }
