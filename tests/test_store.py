"""The store: nothing is asked twice, nothing committed is lost, nothing foreign is touched."""

from __future__ import annotations

import math
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from seepage.errors import BadSpec
from seepage.records import (
    Generate,
    Generated,
    Layered,
    Layers,
    ModelInfo,
    Score,
    Scored,
    TokenStats,
    digest,
    request_digest,
)
from seepage.store import Store

STATS = TokenStats(
    ids=(5, 6),
    spans=((0, 1), (1, 3)),
    logprob=(-0.12345, -1e-05),
    rank=(0, 3),
    mean=(-2.5, -0.1),
    std=(1.0, 0.0),
)
ROWS = [
    (Score("a", ("b", "c")), Scored((-1.5, -2.0), (STATS, STATS))),
    (Score("a", ("b", "c"), detail="sums"), Scored((-1.5, -2.0))),
    (Generate("日本 \n\x00"), Generated("ünï \u2028 text", "stop", 3)),
    (Layers("a", ("b",)), Layered(((-3.0,), (-1.0,)))),
]
INFO = ModelInfo(spec="hf:x", digest="d" * 64, chat=True, end_of_turn="<e>", n_parameters=3, versions={"torch": "2"})


def keyed(rows: list[tuple] = ROWS) -> list[tuple]:  # type: ignore[type-arg]
    return [(request_digest(request), request, answer) for request, answer in rows]


def numbered(start: int, n: int) -> list[tuple]:  # type: ignore[type-arg]
    return [(f"{i:064d}", Generate(str(i)), Generated(str(i), "end", 1)) for i in range(start, start + n)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "answers.sqlite"


def test_answers_come_back_as_they_were_put(path: Path) -> None:
    with Store(path) as store:
        store.put_many("m", keyed())
        assert store.get_many("m", [key for key, _, _ in keyed()]) == {key: answer for key, _, answer in keyed()}
    with Store(path) as again:
        assert len(again.get_many("m", [key for key, _, _ in keyed()])) == 4
        assert again.get_many("another model", [key for key, _, _ in keyed()]) == {}
        assert again.kinds("m") == {"Score", "Generate", "Layers"}
        assert (again.count(), again.count("m"), again.count("other")) == (4, 4, 0)


def test_an_answer_already_there_is_kept(path: Path) -> None:
    with Store(path) as store:
        store.put_many("m", [("k", Generate("a"), Generated("first", "end", 1))])
        store.put_many("m", [("k", Generate("a"), Generated("second", "end", 1))])
        answer = store.get_many("m", ["k"])["k"]
    assert isinstance(answer, Generated)
    assert answer.text == "first"


def test_thousands_of_answers_are_found_at_once(path: Path) -> None:
    with Store(path) as store:
        store.put_many("m", numbered(0, 3000))
        assert len(store.get_many("m", [key for key, _, _ in numbered(0, 3500)])) == 3000


def test_what_a_model_is_lies_beside_its_answers(path: Path) -> None:
    with Store(path) as store:
        store.remember(INFO)
        store.remember(INFO)
        assert store.infos("hf:x") == [INFO]
        assert store.infos("hf:y") == []
        assert store.infos() == [INFO]


@pytest.mark.parametrize(argnames="number", argvalues=[math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_is_not_stored(path: Path, number: float) -> None:
    with Store(path) as store:
        with pytest.raises(ValueError, match="not JSON compliant"):
            store.put_many("m", [("k", Score("a", ("b",)), Scored((number,)))])
        assert store.count() == 0


# --- several processes ---------------------------------------------------------------------------------------------

WRITER = """
import sys
from seepage.records import Generate, Generated
from seepage.store import Store
path, start, n = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
with Store(path) as store:
    for i in range(start, start + n):
        store.put_many("m", [(f"{i:064d}", Generate(str(i)), Generated(str(i), "end", 1))])
        print(i, flush=True)
"""


def start_writer(path: Path, start: int, n: int) -> subprocess.Popen[str]:
    arguments = [sys.executable, "-c", textwrap.dedent(WRITER), str(path), str(start), str(n)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_processes_that_write_at_once_lose_nothing(path: Path) -> None:
    writers = [start_writer(path, start, 200) for start in (0, 150, 400)]  # two of them overlap
    for writer in writers:
        _, errors = writer.communicate(timeout=120)
        assert writer.returncode == 0, errors
    with Store(path) as store:
        assert len(store.get_many("m", [key for key, _, _ in numbered(0, 700)])) == 550


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_kill_9_loses_nothing_that_was_committed(path: Path) -> None:
    writer = start_writer(path, 0, 100_000)
    assert writer.stdout is not None
    reported = [int(writer.stdout.readline()) for _ in range(50)]
    os.kill(writer.pid, signal.SIGKILL)
    rest, _ = writer.communicate(timeout=60)
    reported += [int(line) for line in rest.splitlines()]
    with Store(path) as store:
        found = store.get_many("m", [key for key, _, _ in numbered(0, len(reported))])
        assert len(found) == len(reported)
        store.put_many("m", numbered(10**6, 1))
        assert store.count() > len(reported)


def test_a_reader_for_replay_works_beside_a_writer(path: Path) -> None:
    with Store(path) as writer:
        writer.put_many("m", numbered(0, 5))
        with Store(path, readonly=True) as reader:
            writer.put_many("m", numbered(5, 5))
            assert len(reader.get_many("m", [key for key, _, _ in numbered(0, 10)])) == 10


# --- what is refused -----------------------------------------------------------------------------------------------


def refused(path: Path, words: str, *, readonly: bool = False) -> None:
    """The file is refused, and neither its bytes nor its folder change."""
    content, names = path.read_bytes(), sorted(path.parent.iterdir())
    with pytest.raises(BadSpec, match=words):
        Store(path, readonly=readonly)
    assert path.read_bytes() == content
    assert sorted(path.parent.iterdir()) == names


@pytest.mark.parametrize(argnames="readonly", argvalues=[False, True])
def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path, readonly: bool) -> None:
    for content in (b"date,value\n2020-01,1.0\n", b"x" * 4096):
        path = tmp_path / "series.csv"
        path.write_bytes(content)
        refused(path, "not an SQLite file", readonly=readonly)


@pytest.mark.parametrize(argnames="readonly", argvalues=[False, True])
def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path, readonly: bool) -> None:
    path = tmp_path / "other.sqlite"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE t (x)")
    db.commit()
    db.close()
    refused(path, "another program", readonly=readonly)


def test_a_store_of_another_schema_is_refused_and_left_alone(path: Path) -> None:
    Store(path).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    refused(path, "schema 99")


@pytest.mark.parametrize(argnames="readonly", argvalues=[False, True])
def test_a_damaged_store_is_refused_and_left_alone(path: Path, readonly: bool) -> None:
    with Store(path) as store:
        store.put_many("m", numbered(0, 2000))
    content = bytearray(path.read_bytes())
    for page in range(2, len(content) // 4096, 3):
        content[page * 4096 : page * 4096 + 200] = os.urandom(200)
    path.write_bytes(content)
    refused(path, "damaged", readonly=readonly)


def test_a_truncated_store_is_refused_and_left_alone(path: Path) -> None:
    with Store(path) as store:
        store.put_many("m", numbered(0, 2000))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    refused(path, "damaged")


def test_a_damaged_answer_is_told_when_it_is_read(path: Path) -> None:
    with Store(path) as store:
        store.put_many("m", numbered(0, 1))
        store._db.execute("UPDATE answers SET answer = zeroblob(40)")
        with pytest.raises(BadSpec, match="damaged"):
            store.get_many("m", [numbered(0, 1)[0][0]])


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSpec, match="is a directory"):
        Store(tmp_path)


def test_a_replay_needs_a_store_that_is_there(path: Path) -> None:
    with pytest.raises(BadSpec, match="no store"):
        Store(path, readonly=True)
    assert not path.exists()


def test_a_store_opened_for_replay_is_not_written(path: Path) -> None:
    with Store(path) as store:
        store.put_many("m", numbered(0, 1))
    content = path.read_bytes()
    with Store(path, readonly=True) as replay:
        replay.remember(INFO)
        with pytest.raises(BadSpec, match="replay"):
            replay.put_many("m", numbered(1, 1))
    assert path.read_bytes() == content


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    path = tmp_path / "answers.sqlite"
    path.touch()
    with Store(path) as store:
        store.put_many("m", numbered(0, 1))
        assert store.count() == 1


def test_finding_answers_takes_little_time(path: Path) -> None:
    with Store(path) as store:
        store.put_many("m", numbered(0, 20_000))
        begun = time.perf_counter()
        store.get_many("m", [key for key, _, _ in numbered(0, 20_000)])
        assert time.perf_counter() - begun < 10


def test_answers_stored_before_a_request_could_ask_for_beams_are_found_again() -> None:
    plain = {"prompt": "a", "max_new_tokens": 12, "stop": ["\n"], "chat": False, "system": None}
    assert request_digest(Generate("a")) == digest({"kind": "Generate", **plain})
    assert request_digest(Generate("a", seed=1)) != request_digest(Generate("a"))
    assert request_digest(Generate("a", beams=2)) == digest({"kind": "Generate", **plain, "beams": 2})
