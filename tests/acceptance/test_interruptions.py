"""Runs that end early: a worker killed in the middle of scoring, Ctrl-C, and two runs over one store."""

import os
import signal

import pytest

WAITS = "p=.5&slow_at=2000-02&waits_at=2000-03"  # six requests: two are committed, the third never ends


def prompts(lines, model):
    return [line.split(" toy ")[1] for line in lines if model in line]


def test_a_killed_worker_breaks_its_cell_in_every_reading_and_the_rest_keeps_its_results(house):
    if house.xdist[0] != "-n":
        pytest.skip("a run in one process is that process")
    house.configure({"victim": WAITS, "mine": "p=.5", "theirs": "p=.0001&effect=.5"}, series=("a", "b"))
    run = house.start()
    os.kill(int(house.wait_for("waiting")), signal.SIGKILL)
    (house.pytester.path / "go").touch()  # the victim's second series is answered by the next worker
    read = house.finish(run)
    assert read.words == {
        "victim-a": "broken",
        "victim-b": "no-evidence",
        "mine-a": "no-evidence",
        "mine-b": "no-evidence",
        "theirs-a": "leak",
        "theirs-b": "leak",
    }
    assert read.agree() == {"error": 1, "passed": 3, "failed": 2}
    assert "died" in read.evidence["toy.echo[victim-a]"]["reason"]
    assert read.exit_code == 1

    asked = len(house.asked())
    read = house.run("-k", "victim-a")
    assert read.words == {"victim-a": "no-evidence"}
    again = house.asked()[asked:]
    assert [line.split()[-1] for line in again] == ["2000-03", "2000-04", "2000-05", "2000-06"]


def test_ctrl_c_keeps_what_was_scored_and_writes_what_was_judged(house):
    house.configure({"before": "p=.5", "victim": WAITS})
    run = house.start()
    house.wait_for("waiting")
    os.killpg(run.pid, signal.SIGINT)
    read = house.finish(run)
    assert read.exit_code == 2
    assert read.words == {"before-a": "no-evidence"}
    assert read.terminal == read.junit == read.allure == {"passed": 1}

    (house.pytester.path / "go").touch()
    asked = len(house.asked())
    assert house.run().words == {"before-a": "no-evidence", "victim-a": "no-evidence"}
    assert [line.split()[-1] for line in house.asked()[asked:]] == ["2000-03", "2000-04", "2000-05", "2000-06"]


def test_two_runs_that_share_a_store_lose_nothing(house):
    models = {f"m{i}": f"p=.5&effect=.{i}" for i in range(4)}
    house.configure(models, series=("a", "b"))
    first = house.start("--seepage-out", "one", "--junitxml", "one.xml", "--alluredir", "one-allure")
    second = house.start("--seepage-out", "two", "--junitxml", "two.xml", "--alluredir", "two-allure")
    assert (first.wait(timeout=60), second.wait(timeout=60)) == (0, 0)
    (house.pytester.path / "asked.txt").unlink()
    read = house.run()
    assert house.asked() == []  # everything was stored
    assert read.agree() == {"passed": 8}
