"""A task of BIG-bench opens from a checked archive in the cache; what is left out is counted, nothing is fetched."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from seepage.benchmarks import Benchmark, bigbench_archive, open_benchmark
from seepage.benchmarks.from_bigbench import items_of, main, open_task
from seepage.errors import BadSpec

DATES = {
    "name": "dates",
    "keywords": ["common sense"],
    "task_prefix": "Choose the right date.\n",
    "example_input_prefix": "\nQuery: ",
    "examples": [
        {"input": "Query: Tomorrow is 1 May. What is today? ", "target_scores": {"29 April": 0, " 30 April": 1}},
        {"input": "Tomorrow is 1 May. What is today?", "target_scores": {"29 April": 0, "30 April": 1.0}},
        {"input": "Either?", "target_scores": {"a": 1, "b": 1, "c": 0}},
        {"input": " ", "target_scores": {"a": 1, "b": 0}},
        {"input": "Blank?", "target_scores": {"a": 1, " ": 0}},
        {"input": "Wrong?", "target": "b", "target_scores": {"a": 1, "b": 0}},
        {"input": "Silent?", "target": []},
        {"input": "Whose?", "target_scores": {"x": 1, "y": 0}},
        {"input": "Whose?", "target_scores": {"x": 0, "y": 1}},
        {"input": "Graded?", "target_scores": {"x": 0.2, "y": 0.7, "z": 0.1}},
    ],
}
FACTS = {
    "keywords": ["common sense"],
    "examples": [
        {"input": "Q: The capital of Chad is\nA:", "target": ["N'Djamena", "Ndjamena"]},
        {"input": "The capital of Chad is", "target": "Fort-Lamy"},
        {"input": "Two and two is", "target": "4", "target_scores": {"4": 1, "5": 0, "six": 0}},
        {"input": "Ten thousand and a half is", "target": ["10000.5", "10,000.5"]},
        {"input": "Q: 1 + 1\nA: 2\n\nQ: 2 + 2\nA:", "target": "4"},
    ],
}
OBJECTS = {"keywords": [], "examples": [{"input": "Which is left?", "target_scores": {"the owl": 1, "the jay": 0}}]}
TASKS: dict[str, Mapping[str, Any]] = {
    "dates": DATES,
    "facts": FACTS,
    "deduction": {"keywords": [], "description": "subtasks"},
    "deduction/three_objects": OBJECTS,
    "empty": {"keywords": [], "examples": [{"input": "", "target": "x"}]},
}


def archived(folder: Path, tasks: Mapping[str, Mapping[str, Any]] = TASKS) -> tuple[Path, str]:
    """(a small archive laid out as the published one, its SHA-256)."""
    root = f"bigbench-{bigbench_archive.VERSION}"
    texts = {f"{root}/bigbench/benchmark_tasks/{name}/task.json": json.dumps(task) for name, task in tasks.items()}
    texts[f"{root}/setup.py"] = "raise SystemExit('run')"
    texts[f"{root}/bigbench/benchmark_tasks/../../../../outside/task.json"] = "{}"
    path = folder / "given.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name, text in texts.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
        link = tarfile.TarInfo(f"{root}/bigbench/benchmark_tasks/linked/task.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))


@pytest.fixture
def cached(tmp_path: Path) -> tuple[Path, str]:
    """(folder of a fetched archive, the archive's SHA-256)."""
    file, sha256 = archived(tmp_path)
    bigbench_archive.fetch(folder=tmp_path / "cache", file=file, sha256=sha256)
    return tmp_path / "cache", sha256


def opened(cached: tuple[Path, str], task: str, **options: str) -> Benchmark:
    return open_task(f"bigbench:{task}", task, options, folder=cached[0], sha256=cached[1])


def test_options_keep_their_order_and_gold_is_the_one_best(cached: tuple[Path, str]) -> None:
    bench = opened(cached, "dates")
    first, graded = bench.items
    assert (first.id, first.question) == ("dates-0", "Tomorrow is 1 May. What is today?")
    assert (first.options, first.gold, first.accepted) == (("29 April", "30 April"), 1, ("30 April",))
    assert (first.lang, first.answer_type) == ("en", "other")
    assert (graded.id, graded.accepted) == ("dates-9", ("y",))
    assert (bench.id, bench.licence) == ("dates", "Apache-2.0")


def test_what_is_left_out_is_counted_in_the_source(cached: tuple[Path, str]) -> None:
    source = opened(cached, "dates").source
    assert source.startswith("bigbench 1.0.0 dates sha256 ")
    for count in (
        "2 repeated",
        "1 contradicted by a repetition",
        "1 without exactly one best option",
        "1 without a question",
        "1 with options that repeat, are empty or fewer than two",
        "1 with a target that is a wrong option",
        "1 without an answer",
    ):
        assert count in source
    items, left_out = items_of(DATES, name="dates")
    assert len(items) + left_out.total() == len(DATES["examples"])


def test_an_open_question_asked_twice_accepts_the_answers_of_both(cached: tuple[Path, str]) -> None:
    chad, two, half, shots = opened(cached, "facts").items
    assert (chad.question, chad.options, chad.gold) == ("The capital of Chad is", (), None)
    assert chad.accepted == ("N'Djamena", "Ndjamena", "Fort-Lamy")
    assert [item.answer_type for item in (chad, two, half)] == ["other", "number", "number"]
    assert (two.id, two.accepted) == ("facts-2", ("4",))
    assert shots.question == "Q: 1 + 1\nA: 2\n\nQ: 2 + 2\nA:"


def test_a_subtask_is_named_by_its_path(cached: tuple[Path, str]) -> None:
    bench = opened(cached, "deduction/three_objects")
    assert (bench.id, bench.items[0].id) == ("deduction_three_objects", "deduction_three_objects-0")
    with pytest.raises(BadSpec, match="has subtasks, not items; name one: bigbench:deduction/three_objects"):
        opened(cached, "deduction")


def test_items_are_taken_evenly_and_a_language_can_be_stated(cached: tuple[Path, str]) -> None:
    bench = opened(cached, "facts", items="2", lang="de")
    assert [(item.id, item.lang) for item in bench.items] == [("facts-0", "de"), ("facts-3", "de")]
    assert "2 not among the evenly spaced" in bench.source
    assert bench.digest != opened(cached, "facts").digest
    assert opened(cached, "facts", items="99").digest == opened(cached, "facts").digest


def test_questions_about_one_passage_belong_together_where_asked(tmp_path: Path) -> None:
    asked = ("Today is 1.5. of May. What is tomorrow?", "Today is 1.5. of May. What was yesterday?", "What is today?")
    file, sha256 = archived(tmp_path, {"days": {"examples": [{"input": text, "target": "x"} for text in asked]}})
    bigbench_archive.fetch(folder=tmp_path / "cache", file=file, sha256=sha256)
    cached = (tmp_path / "cache", sha256)
    assert [item.cluster for item in opened(cached, "days").items] == ["", "", ""]
    together = [item.cluster for item in opened(cached, "days", cluster="passage").items]
    assert together == ["Today is 1.5. of May.", "Today is 1.5. of May.", "What is today?"]


@pytest.mark.parametrize(
    ("keywords", "question", "lang"),
    [
        (["common sense"], "Which city?", "en"),
        (["common sense", "non-English"], "Which city?", ""),
        (["translation"], "Which city?", ""),
        ([], "کدام شهر", ""),
        ([], "👵🌂", "en"),
    ],
)
def test_a_language_is_english_only_where_nothing_speaks_against_it(
    keywords: list[str], question: str, lang: str
) -> None:
    items, _ = items_of({"keywords": keywords, "examples": [{"input": question, "target": "x"}]}, name="q")
    assert items[0].lang == lang


def test_the_digest_covers_the_answers() -> None:
    digests = set()
    for scores in ({"x": 1, "y": 0}, {"x": 0, "y": 1}, {"y": 0, "x": 1}):
        items, _ = items_of({"examples": [{"input": "?", "target_scores": scores}]}, name="q")
        digests.add(Benchmark(id="q", items=tuple(items)).digest)
    assert len(digests) == 3


@pytest.mark.parametrize(
    ("task", "options", "message"),
    [
        ("date", {}, r"no JSON task 'date' .*Close: bigbench:dates\."),
        ("deduction/four_objects", {}, "Close: .*bigbench:deduction/three_objects"),
        ("qqqqqq", {}, r"It has 5; their names are in .*contents\.json"),
        ("../../dates", {}, "no JSON task"),
        ("linked", {}, "no JSON task 'linked'"),
        ("empty", {}, "no item that can be used; left out: 1 without a question"),
        ("dates", {"cluster": "day"}, r"cluster='day' in .*Known: passage"),
        ("dates", {"item": "3"}, r"unknown option 'item'.*Known: items, lang, cluster\. Did you mean items\?"),
        ("dates", {"items": "0"}, "items=0 in .*; accepted: 1 or more"),
    ],
)
def test_faults_are_refused_by_name(cached: tuple[Path, str], task: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(BadSpec, match=message):
        opened(cached, task, **options)


# --- the archive ---------------------------------------------------------------------------------------------------


def test_opening_without_the_archive_names_the_command_and_asks_no_network() -> None:
    with pytest.raises(BadSpec, match=r"python -m seepage\.benchmarks\.from_bigbench"):
        open_benchmark("bigbench:date_understanding")
    assert not bigbench_archive.cache().exists()


def test_only_the_task_that_was_opened_is_taken_out(cached: tuple[Path, str]) -> None:
    opened(cached, "facts")
    folder = cached[0]
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files == {bigbench_archive.ARCHIVE, "contents.json", "tasks/facts/task.json"}
    assert set(bigbench_archive.contents(folder, sha256=cached[1])) == set(TASKS)
    assert not (folder.parent / "outside").exists()


def test_a_task_once_taken_out_needs_the_archive_no_more(cached: tuple[Path, str]) -> None:
    digest = opened(cached, "facts").digest
    (cached[0] / bigbench_archive.ARCHIVE).unlink()
    assert opened(cached, "facts").digest == digest
    with pytest.raises(BadSpec, match=r"is gone or was changed, and dates is not taken out of it yet; type: python -m"):
        opened(cached, "dates")


def test_a_task_file_that_was_changed_is_taken_out_again(cached: tuple[Path, str]) -> None:
    digest = opened(cached, "facts").digest
    (cached[0] / "tasks/facts/task.json").write_text(json.dumps(DATES))
    assert opened(cached, "facts").digest == digest


def test_an_archive_with_another_checksum_is_not_kept(tmp_path: Path) -> None:
    file, sha256 = archived(tmp_path)
    with pytest.raises(BadSpec, match=rf"has SHA-256 {sha256}, not 1bb398a5.*it was not kept"):
        bigbench_archive.fetch(folder=tmp_path / "cache", file=file)
    assert list((tmp_path / "cache").iterdir()) == []


def test_another_archive_in_the_cache_is_refused(cached: tuple[Path, str]) -> None:
    with pytest.raises(BadSpec, match=r"lists archive .*, not 1bb398a5512c; fetch it again: python -m"):
        open_task("bigbench:facts", "facts", {}, folder=cached[0])


def test_fetching_twice_changes_nothing_and_mends_a_damaged_archive(cached: tuple[Path, str]) -> None:
    folder, sha256 = cached
    bigbench_archive.fetch(folder=folder, sha256=sha256)
    (folder / bigbench_archive.ARCHIVE).write_bytes(b"cut")
    bigbench_archive.fetch(folder=folder, file=folder.parent / "given.tar.gz", sha256=sha256)
    assert len(opened(cached, "facts")) == 4


class Answer(io.BytesIO):
    """An HTTP answer: a body and its headers."""

    def __init__(self, body: bytes, kind: str) -> None:
        super().__init__(body)
        self.headers = self
        self.kind = kind

    def get_content_type(self) -> str:
        return self.kind

    def get(self, name: str) -> str:
        return str(len(self.getvalue()))


def index_of(monkeypatch: pytest.MonkeyPatch, file: Path, stated: str, *, kind: str = "application/json") -> list[str]:
    """An index with that file; returns the addresses that are asked for."""
    asked: list[str] = []
    listed = {"filename": bigbench_archive.ARCHIVE, "url": "../../files/it.tar.gz", "hashes": {"sha256": stated}}

    def urlopen(request: urllib.request.Request, timeout: float) -> Answer:
        asked.append(request.full_url)
        page = request.full_url.endswith("/bigbench/")
        return Answer(json.dumps({"files": [listed]}).encode(), kind) if page else Answer(file.read_bytes(), "x/gzip")

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    return asked


def test_the_archive_is_fetched_from_the_address_the_index_states(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file, sha256 = archived(tmp_path)
    asked = index_of(monkeypatch, file, sha256)
    bigbench_archive.fetch(folder=tmp_path / "cache", index="https://index.example/simple", sha256=sha256)
    assert asked == ["https://index.example/simple/bigbench/", "https://index.example/files/it.tar.gz"]
    assert len(open_task("bigbench:facts", "facts", {}, folder=tmp_path / "cache", sha256=sha256)) == 4


def test_an_index_that_offers_another_file_is_refused_before_the_download(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file, sha256 = archived(tmp_path)
    asked = index_of(monkeypatch, file, "0" * 64)
    with pytest.raises(BadSpec, match=r"offers .* with SHA-256 0000.*nothing was downloaded"):
        bigbench_archive.fetch(folder=tmp_path / "cache", sha256=sha256)
    index_of(monkeypatch, file, sha256, kind="text/html")
    with pytest.raises(BadSpec, match=r"answers text/html, not JSON \(PEP 691\)"):
        bigbench_archive.fetch(folder=tmp_path / "cache", sha256=sha256)
    assert len(asked) == 1
    assert list((tmp_path / "cache").iterdir()) == []


def test_an_index_without_encryption_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSpec, match=r"http://index\.example/bigbench/ is no https:// address"):
        bigbench_archive.fetch(folder=tmp_path / "cache", index="http://index.example")


def test_a_lost_connection_is_told_with_the_way_around_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def lost(*args: object, **kwargs: object) -> None:
        raise ConnectionResetError("connection lost")

    monkeypatch.setattr(urllib.request, "urlopen", lost)
    with pytest.raises(BadSpec, match=r"connection lost; or get bigbench-1\.0\.0\.tar\.gz another way and type"):
        bigbench_archive.fetch(folder=tmp_path / "cache")


def test_the_command_says_what_is_wrong_without_a_traceback(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"--file '.*nowhere\.tar\.gz' does not exist"):
        main(["--file", str(tmp_path / "nowhere.tar.gz"), "--folder", str(tmp_path / "cache")])
