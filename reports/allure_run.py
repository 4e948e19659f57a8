"""What the controller adds to an Allure folder when the run is decided: final verdicts, lost cells, the run itself."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import uuid
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import pages, words
from .allure_files import CSV, HTML, JSON, VERDICT_FILE, as_json, attach, dress, message, status, write_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seepage.records import Run, Verdict

# Allure 2 reads this file; Allure 3 takes the same from its configuration (tools/report.py), by the label `verdict`
CATEGORIES = [
    {"name": "leak", "messageRegex": "(?s)^leak: .*", "matchedStatuses": ["failed"]},
    {"name": "broken", "matchedStatuses": ["broken"]},
    {"name": "expected leak", "messageRegex": "(?s)^expected leak: .*", "matchedStatuses": ["skipped"]},
    {"name": "ungated leak", "messageRegex": "(?s)^ungated leak: .*", "matchedStatuses": ["skipped"]},
    {"name": "report only", "messageRegex": "(?s)^report only: .*", "matchedStatuses": ["skipped", "failed"]},
    {"name": "inconclusive", "messageRegex": "(?s)^inconclusive: .*", "matchedStatuses": ["skipped", "failed"]},
    {"name": "no-evidence", "matchedStatuses": ["passed"]},
]


def write(folder: str, run: Run) -> None:
    """Dress every result of the run again, write those that are missing, then the run's result and its files."""
    started = milliseconds(run.started)
    found = {cell: path for path, cell in results(folder, started)}
    for verdict in run.verdicts:
        path = found.get(verdict.cell.key)
        if path is None:
            lost(folder, verdict, started)
        else:
            update(folder, path, verdict)
    family_result(folder, run, started)
    write_file(Path(folder) / "categories.json", json.dumps(CATEGORIES, indent=1))
    write_file(Path(folder) / "environment.properties", environment(run))
    executor = continuous_integration(os.environ)
    if executor:
        write_file(Path(folder) / "executor.json", json.dumps(executor, indent=1))


def results(folder: str, started: int) -> list[tuple[Path, str]]:
    """File and cell key of each dressed result of this run, oldest first; older runs may share the folder."""
    made = []
    for path in Path(folder).glob("*-result.json"):
        result = json.loads(path.read_text())
        keys = [label["value"] for label in result.get("labels", []) if label["name"] == "cell"]
        if keys and result.get("stop", 0) >= started:
            made.append((result.get("start", 0), path, keys[0]))
    return [(path, key) for _, path, key in sorted(made)]


def update(folder: str, path: Path, verdict: Verdict) -> None:
    """The worker's result with the controller's last word: Holm's p, and what a control or Holm overturned."""
    result = json.loads(path.read_text())
    before = [label["value"] for label in result["labels"] if label["name"] == "verdict"]
    if before != [words.shown(verdict)]:
        result["status"] = status(verdict)
        result["statusDetails"] = {}
    dress(folder, result, verdict)
    for entry in result.get("attachments", []):
        if entry["name"] == VERDICT_FILE:
            write_file(Path(folder) / entry["source"], as_json(verdict))
    write_file(path, json.dumps(result, ensure_ascii=False, allow_nan=False))


def lost(folder: str, verdict: Verdict, started: int) -> None:
    """A cell without a result of its own: its worker died, or it never ran."""
    result = blank(status(verdict), started)
    result["statusDetails"] = {"message": message(verdict)}
    result["attachments"] = [attach(folder, VERDICT_FILE, as_json(verdict), JSON)]
    dress(folder, result, verdict)
    write_file(Path(folder) / f"{result['uuid']}-result.json", json.dumps(result, ensure_ascii=False, allow_nan=False))


def blank(state: str, started: int) -> dict[str, Any]:
    end = max(started, int(datetime.now().timestamp() * 1000))
    return {"uuid": str(uuid.uuid4()), "status": state, "stage": "finished", "start": started, "stop": end}


def family_result(folder: str, run: Run, started: int) -> None:
    """One result for the run: the models × hypotheses table.

    Its status is `unknown`, a word no verdict uses: failed, broken, passed and skipped then count verdicts alone, and
    agree with the terminal, JUnit and evidence.jsonl. The same files are attached to the report as a whole.
    """
    name = "The run: models × hypotheses"
    page, identity = pages.run_page(run), hashlib.md5(b"seepage.run", usedforsecurity=False).hexdigest()
    files = [
        attach(folder, "models × hypotheses.html", pages.standalone(name, page), HTML),
        attach(folder, "models × hypotheses.csv", words.to_csv(words.grid_table(run.verdicts)), CSV),
        attach(folder, "effects.csv", words.to_csv(words.effect_table(run.verdicts)), CSV),
    ]
    labels = {"severity": "blocker", "framework": "pytest", "verdict": "run"}  # no epic: it stands above the models
    result = blank("unknown", started) | {
        "name": name,
        "fullName": "seepage.run",
        "testCaseId": identity,
        "historyId": identity,
        "titlePath": ["the run"],
        "labels": [{"name": key, "value": value} for key, value in labels.items()],
        "descriptionHtml": page,
        "attachments": files,
    }
    write_file(Path(folder) / f"{result['uuid']}-result.json", json.dumps(result, ensure_ascii=False, allow_nan=False))
    shared = {"attachments": [{**entry, "timestamp": result["stop"]} for entry in files]}
    write_file(Path(folder) / f"{result['uuid']}-globals.json", json.dumps(shared))


# --- the run's surroundings ---------------------------------------------------------------------------------------


def environment(run: Run) -> str:
    """environment.properties: what a reader needs to run it again. Keys without blanks, values on one line."""
    facts = {
        "verdicts": words.summary(run),
        "exit status": str(run.exit_status),
        "alpha of the run": words.figure(run.alpha),
        **{
            f"family {f.name}": f"level {words.figure(f.alpha)}, share {words.figure(f.share)}, m {f.m}"
            for f in run.families
        },
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
        **dict(sorted(run.versions.items())),
        "store": run.store,
        "command": run.command,
        "started": run.started,
        "seconds": f"{run.seconds:.1f}",
    }
    return "".join(f"{escaped_key(key)} = {value_line(value)}\n" for key, value in facts.items() if value)


def escaped_key(key: str) -> str:
    return re.sub(r"([ :=\\])", r"\\\1", words.plain(key))


def value_line(value: str) -> str:
    return words.plain(value).replace("\\", "\\\\")


def continuous_integration(env: Mapping[str, str]) -> dict[str, str] | None:
    """executor.json where the run is in a CI that says so; None elsewhere."""
    if env.get("GITHUB_ACTIONS") == "true":
        url = f"{env.get('GITHUB_SERVER_URL', 'https://github.com')}/{env.get('GITHUB_REPOSITORY', '')}"
        run = env.get("GITHUB_RUN_ID", "")
        named = {"name": "GitHub Actions", "type": "github", "buildName": f"{env.get('GITHUB_WORKFLOW', '')} #{run}"}
        return named | {"url": url, "buildUrl": f"{url}/actions/runs/{run}"}
    if env.get("GITLAB_CI") == "true":
        named = {"name": "GitLab CI", "type": "gitlab", "buildName": f"{env.get('CI_JOB_NAME', '')}"}
        return named | {"url": env.get("CI_PROJECT_URL", ""), "buildUrl": env.get("CI_JOB_URL", "")}
    if env.get("JENKINS_URL"):
        named = {"name": "Jenkins", "type": "jenkins", "buildName": env.get("BUILD_TAG", "")}
        return named | {"url": env["JENKINS_URL"], "buildUrl": env.get("BUILD_URL", "")}
    return {"name": "CI", "type": "ci"} if env.get("CI") in ("true", "1") else None


def milliseconds(started: str) -> int:
    """Start of the run, ms since 1970; 0 where the run does not say, so that every result counts as its own."""
    return int(datetime.fromisoformat(started).timestamp() * 1000) if started else 0
