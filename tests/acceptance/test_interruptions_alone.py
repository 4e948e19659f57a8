"""What ends a run early is seen though nothing else is wrong in it, and two runs that meet in one store both finish."""

import json
import os
import signal
import xml.etree.ElementTree as ET

import pytest
from house import CONFTEST

WAITS = "p=.5&slow_at=2000-02&waits_at=2000-03"  # six requests: two are committed, the third never ends
MEETS = """open(f"here-{os.getpid()}", "w").close()
                    end = time.monotonic() + 40
                    while len([name for name in os.listdir() if name.startswith("here-")]) < 2:
                        assert time.monotonic() < end, "the other run never came"
                        time.sleep(.05)"""


def messages(folder):
    """(JUnit's, Allure's) message of every cell that is broken."""
    junit = [node.get("message", "") for node in ET.parse(folder / "junit.xml").getroot().iter("error")]
    results = [json.loads(path.read_text()) for path in (folder / "allure").glob("*-result.json")]
    return junit, [r["statusDetails"]["message"] for r in results if r["status"] == "broken"]


def test_a_killed_worker_fails_a_run_in_which_all_else_is_quiet(house):
    if house.xdist[0] != "-n":
        pytest.skip("a run in one process is that process")
    house.configure({"victim": WAITS, "mine": "p=.5", "theirs": "p=.5"})
    run = house.start()
    os.kill(int(house.wait_for("waiting")), signal.SIGKILL)
    read = house.finish(run)
    assert read.exit_code == 1
    assert read.words == {"victim-a": "broken", "mine-a": "no-evidence", "theirs-a": "no-evidence"}
    assert read.agree() == {"error": 1, "passed": 2}
    for (message,) in messages(house.pytester.path):
        assert "died while it ran this cell" in message


def test_two_runs_that_ask_the_same_at_the_same_time_both_finish_and_agree(house):
    house.write(
        "conftest.py", CONFTEST.replace('open("waiting", "w").write(str(os.getpid()))', MEETS).replace("60", "0")
    )
    house.configure({"mine": "p=.5&waits_at=2000-03", "theirs": "p=.0001&effect=.5"})
    runs = [
        house.start("--seepage-out", name, "--junitxml", f"{name}.xml", "--alluredir", f"{name}-allure")
        for name in ("one", "two")
    ]
    assert [run.wait(timeout=80) for run in runs] == [1, 1]
    both = [line for line in house.asked() if line.endswith("2000-03") and "p=.5&" in line]
    assert len(both) == 2  # each asked: neither waited for the other's answer
    verdicts = []
    for name in ("one", "two"):
        rows = map(json.loads, (house.pytester.path / name / "evidence.jsonl").read_text().splitlines())
        verdicts.append({row["key"]: (row["word"], row["statistic"]) for row in rows if row["kind"] == "verdict"})
    assert verdicts[0] == verdicts[1]
    assert {key: word for key, (word, _) in verdicts[0].items()} == {
        "toy.echo[mine-a]": "no-evidence",
        "toy.echo[theirs-a]": "leak",
    }
    asked = len(house.asked())
    assert house.run().agree() == {"passed": 1, "failed": 1}
    assert len(house.asked()) == asked  # everything was stored
