"""evidence.jsonl: the run as a buyer keeps it, one JSON object a line.

    {"kind":"run","schema":"seepage-evidence/1","exit_status":1,"alpha":0.05,"store":".seepage/answers.sqlite",...}
    {"kind":"verdict","key":"numleak.recall[vendor-qo]","word":"leak","sentence":"vendor gives 46 % ...",...}
    {"kind":"family","name":"leakage","alpha":0.05,"share":1.0,"m":4,"leaks":["numleak.recall[vendor-qo]"]}

Beside the verdicts it names what judging again takes: the store of answers, digests of model, target and policy, seeds,
versions and the command. `pytest suites --seepage-replay STORE` then judges the same cells from the answers alone.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seepage import verdicts
from seepage.errors import BadSpec
from seepage.records import Family, Run, Verdict

from . import words

if TYPE_CHECKING:
    import pytest

SCHEMA = "seepage-evidence/1"
FILE = "evidence.jsonl"


def pytest_seepage_summary(run: Run, config: pytest.Config) -> None:
    write(path_of(run, config), run)


def path_of(run: Run, config: pytest.Config) -> Path:
    """In the run's folder; where the run does not say, in --seepage-out, else in .seepage."""
    folder = run.out or config.getoption("seepage_out", None) or ".seepage"
    return Path(config.invocation_params.dir) / folder / FILE


def write(path: Path, run: Run) -> None:
    """Whole or not at all. Raises ValueError on a number that is not finite: no evidence holds one."""
    body = "".join(line(record) + "\n" for record in records(run))
    path.parent.mkdir(parents=True, exist_ok=True)
    waiting = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    waiting.write_text(body, encoding="utf-8")
    os.replace(waiting, path)


def records(run: Run) -> list[dict[str, Any]]:
    about = {f.name: getattr(run, f.name) for f in dataclasses.fields(run) if f.name not in ("verdicts", "families")}
    about["versions"] = dict(run.versions)
    head = {"kind": "run", "schema": SCHEMA, "counts": words.counts(run.verdicts), **about}
    said = [{"kind": "verdict", "key": v.cell.key, **json.loads(verdicts.to_json(v))} for v in run.verdicts]
    return [head, *said, *({"kind": "family", **dataclasses.asdict(family)} for family in run.families)]


def line(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def read(path: Path) -> Run:
    """The run that was written. Raises BadSpec where the file is not evidence of this schema, or was cut short."""
    lines = [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]
    if not lines or lines[0].get("schema") != SCHEMA:
        given = lines[0].get("schema") if lines else "an empty file"
        raise BadSpec(f"{path} is {given!r}; this version of seepage reads {SCHEMA!r}")
    found = [without(record, "kind", "key") for record in lines if record["kind"] == "verdict"]
    kept = tuple(verdicts.from_json(json.dumps(record), Verdict) for record in found)
    if words.counts(kept) != lines[0]["counts"]:
        raise BadSpec(f"{path} was changed or cut short: it announces {lines[0]['counts']}, holds {words.counts(kept)}")
    families = [without(record, "kind") for record in lines if record["kind"] == "family"]
    made = tuple(Family(**{**record, "leaks": tuple(record["leaks"])}) for record in families)
    return Run(kept, made, **without(lines[0], "kind", "schema", "counts"))


def without(record: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in keys}
