"""Answers on disk: one SQLite file that remembers what was asked of which model, so that nothing is asked twice.

    answers    (model digest, request digest) -> answer, as zlib-compressed JSON
    models     digest -> ModelInfo, as JSON: a store can be replayed without the model
    trainings  intent (all that decides a training) -> what came out, as JSON: its weights are the key of its answers

The file is in WAL mode and every `put_many` is one committed transaction: a process killed with -9 loses nothing that
was committed, and two processes may write at the same time (an answer that is already there is kept). A file of
another schema, or a damaged one, is refused and not touched.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sqlite3
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from .errors import BadSpec
from .finetune import Training, from_plain, to_plain
from .records import Answer, Generated, Layered, ModelInfo, Request, Scored, TokenStats

APPLICATION_ID = 0x53454550  # "SEEP"
SCHEMA = 1
BUSY_SECONDS = 60.0

_TABLES = """
CREATE TABLE answers (
    model TEXT NOT NULL, request TEXT NOT NULL, kind TEXT NOT NULL, answer BLOB NOT NULL,
    PRIMARY KEY (model, request)
) WITHOUT ROWID;
CREATE TABLE models (
    digest TEXT NOT NULL, spec TEXT NOT NULL, info TEXT NOT NULL,
    PRIMARY KEY (digest, spec)
) WITHOUT ROWID;
"""
# later than the schema: a store without it is read, and gets it when it is written
_TRAININGS = """
CREATE TABLE IF NOT EXISTS trainings (
    intent TEXT NOT NULL PRIMARY KEY, what TEXT NOT NULL, training TEXT NOT NULL
) WITHOUT ROWID
"""


class Store:
    """An open store. Raises BadSpec where the file is not a seepage store of this schema, or is damaged.

    readonly: the file must exist and is never written (replay).
    """

    def __init__(self, path: str | Path, *, readonly: bool = False) -> None:
        self.path = Path(path)
        self.readonly = readonly
        if self.path.is_dir():
            raise BadSpec(f"{self.path} is a directory: a store is one SQLite file, such as .seepage/answers.sqlite.")
        if self.path.exists() and self.path.stat().st_size:
            _refuse_foreign(self.path)
            _refuse_damaged(self.path)
        elif readonly:
            raise BadSpec(
                f"no store at {self.path}: a replay needs the file that an earlier run wrote (option `store`)."
            )
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._db = _connect(self.path, readonly=readonly)
        if not readonly:
            self._prepare()

    def _prepare(self) -> None:
        """Make the tables in a new file. Two processes may do this at the same time: the second finds them made."""
        _switch_to_wal(self._db)
        self._db.execute("PRAGMA synchronous = NORMAL")
        with _transaction(self._db):
            if self._db.execute("PRAGMA user_version").fetchone()[0] == SCHEMA:
                self._db.execute(_TRAININGS)
                return
            if self._db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]:
                raise BadSpec(f"{self.path} is an SQLite file of another program. Name another store.")
            for statement in _TABLES.strip().split(";\n"):
                self._db.execute(statement)
            self._db.execute(_TRAININGS)
            self._db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self._db.execute(f"PRAGMA user_version = {SCHEMA}")

    def get_many(self, model_digest: str, request_digests: Iterable[str]) -> dict[str, Answer]:
        """The stored answers among those asked for, by request digest."""
        found: dict[str, Answer] = {}
        wanted = list(dict.fromkeys(request_digests))
        for start in range(0, len(wanted), 500):  # SQLite limits the number of variables of a statement
            chunk = wanted[start : start + 500]
            marks = ",".join("?" * len(chunk))
            query = f"SELECT request, kind, answer FROM answers WHERE model = ? AND request IN ({marks})"  # noqa: S608
            try:
                for request, kind, blob in self._db.execute(query, (model_digest, *chunk)):
                    found[request] = answer_from_json(kind, zlib.decompress(blob).decode())
            except (sqlite3.DatabaseError, zlib.error, ValueError) as error:
                raise BadSpec(_damaged(self.path, error)) from error
        return found

    def put_many(self, model_digest: str, rows: Sequence[tuple[str, Request, Answer]]) -> None:
        """Commit (request digest, request, answer) rows. An answer already there is kept."""
        if self.readonly:
            raise BadSpec(
                f"the store {self.path} is open for replay, and this answer is not in it: run without the replay."
            )
        values = [
            (model_digest, key, type(request).__name__, zlib.compress(answer_to_json(answer).encode(), 6))
            for key, request, answer in rows
        ]
        with _transaction(self._db):
            self._db.executemany("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?)", values)

    def remember(self, info: ModelInfo) -> None:
        """Write down what a model is, beside its answers."""
        if self.readonly:
            return
        plain = dataclasses.asdict(info) | {"versions": dict(info.versions)}
        with _transaction(self._db):
            self._db.execute(
                "INSERT OR REPLACE INTO models VALUES (?, ?, ?)",
                (info.digest, info.spec, json.dumps(plain, sort_keys=True, allow_nan=False)),
            )

    def infos(self, spec: str | None = None) -> list[ModelInfo]:
        """Models whose answers may be here: all, or those remembered under one spec. Sorted by spec, then digest."""
        rows = self._db.execute("SELECT spec, info FROM models ORDER BY spec, digest").fetchall()
        return [_info_from_json(text) for name, text in rows if spec is None or name == spec]

    def holds(self, model_digest: str, request_digests: Iterable[str]) -> bool:
        """Whether all of these answers are here, without reading them."""
        query = "SELECT 1 FROM answers WHERE model = ? AND request = ?"
        return all(self._db.execute(query, (model_digest, key)).fetchone() for key in request_digests)

    def put_training(self, what: str, training: Training) -> None:
        """Write down what a training gave. The same intent again replaces it: its answers have another key."""
        text = json.dumps(to_plain(training), sort_keys=True, allow_nan=False)
        with _transaction(self._db):
            self._db.execute("INSERT OR REPLACE INTO trainings VALUES (?, ?, ?)", (training.intent, what, text))

    def training(self, intent: str) -> Training | None:
        """What the training of this intent gave, None where it is not known."""
        rows = self._db.execute("SELECT training FROM trainings WHERE intent = ?", (intent,))
        return next((from_plain(json.loads(text)) for (text,) in rows), None)

    def trainings(self, what: str) -> list[Training]:
        """What the trainings of one kind gave, one for all versions that computed it. A store from before there were
        trainings has none."""
        if not self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'trainings'").fetchone():
            return []
        rows = self._db.execute("SELECT training FROM trainings WHERE what = ? ORDER BY intent", (what,))
        return [from_plain(json.loads(text)) for (text,) in rows]

    def kinds(self, model_digest: str) -> set[str]:
        """Kinds of request that have answers: "Score", "Generate", "Layers"."""
        rows = self._db.execute("SELECT DISTINCT kind FROM answers WHERE model = ?", (model_digest,))
        return {kind for (kind,) in rows}

    def count(self, model_digest: str | None = None) -> int:
        """Number of stored answers, of one model or of all."""
        query = "SELECT COUNT(*) FROM answers WHERE model = ?1 OR ?1 IS NULL"
        return int(self._db.execute(query, (model_digest,)).fetchone()[0])

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


# --- opening -------------------------------------------------------------------------------------------------------


def _refuse_foreign(path: Path) -> None:
    """Read the 100-byte header ourselves: SQLite would change a file that it opens for writing."""
    with path.open("rb") as file:
        header = file.read(100)
    if len(header) < 100 or not header.startswith(b"SQLite format 3\0"):
        raise BadSpec(f"{path} is not an SQLite file; it was left as it is. Name another store, or move it away.")
    schema, application = (int.from_bytes(header[at : at + 4], "big") for at in (60, 68))
    # A store that another process is making has one page, or its stamp is still in the write-ahead log.
    one_page = int.from_bytes(header[28:32], "big") <= 1
    making = schema == application == 0 and (one_page or path.with_name(path.name + "-wal").exists())
    if not making and (application, schema) != (APPLICATION_ID, SCHEMA):
        whose = (
            f"a seepage store of schema {schema}"
            if application == APPLICATION_ID
            else "an SQLite file of another program"
        )
        raise BadSpec(
            f"{path} is {whose}, this version reads schema {SCHEMA}; it was left as it is. Name another store."
        )


def _connect(path: Path, *, readonly: bool) -> sqlite3.Connection:
    uri = path.resolve().as_uri()
    # Explicit transactions only: the module's implicit ones hold locks longer than a flush.
    db = _open(f"{uri}?mode={'ro' if readonly else 'rwc'}")
    if readonly:
        try:
            db.execute("PRAGMA schema_version").fetchone()
        except sqlite3.OperationalError:  # a WAL file in a folder that we may not write to has no room for its index
            db.close()
            db = _open(f"{uri}?mode=ro&immutable=1")
    return db


def _open(uri: str) -> sqlite3.Connection:
    db = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    db.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
    return db


def _switch_to_wal(db: sqlite3.Connection) -> None:
    """SQLite does not wait for a lock here, whatever the timeout: two processes that make one store must take turns."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _refuse_damaged(path: Path) -> None:
    """Checked as an immutable file first: any other way of opening leaves two files beside a file that is refused."""
    log = path.with_name(path.name + "-wal")
    report = "" if log.exists() else _check(path, immutable=True)
    if report != "ok" and (not report or log.exists()):  # in use: what is committed is partly in the write-ahead log
        report = _check(path, immutable=False)
    if report != "ok":
        raise BadSpec(_damaged(path, report))


def _check(path: Path, *, immutable: bool) -> str:
    options = "mode=ro&immutable=1" if immutable else "mode=ro"
    try:
        with contextlib.closing(_open(f"{path.resolve().as_uri()}?{options}")) as db:
            return str(db.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        return str(error)


def _damaged(path: Path, reason: object) -> str:
    return f"the store {path} is damaged ({reason}); it was left as it is. Restore a copy, or name another store."


@contextlib.contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    """BEGIN IMMEDIATE takes the write lock at once, so that two writers queue instead of failing half-way."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


# --- answers as text -----------------------------------------------------------------------------------------------


def answer_to_json(answer: Answer) -> str:
    """Plain JSON; a NaN or an infinity raises ValueError: such a number is a fault, not an answer."""
    return json.dumps(_plain(answer), separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _plain(answer: Answer) -> dict[str, Any]:
    if isinstance(answer, Scored):
        return {
            "sums": answer.sums,
            "tokens": [[s.ids, s.spans, s.logprob, s.rank, s.mean, s.std] for s in answer.tokens],
        }
    if isinstance(answer, Generated):
        one = {"text": answer.text, "stopped": answer.stopped, "n_tokens": answer.n_tokens}
        return one | {"others": answer.others} if answer.others else one
    return {"logprob": answer.logprob}


def answer_from_json(kind: str, text: str) -> Answer:
    """The answer to a request of this kind ("Score", "Generate", "Layers"), equal to the one that was stored."""
    plain = json.loads(text)
    if kind == "Score":
        tokens = tuple(
            TokenStats(
                ids=tuple(ids),
                spans=tuple((start, end) for start, end in spans),
                logprob=tuple(logprob),
                rank=tuple(rank),
                mean=tuple(mean),
                std=tuple(std),
            )
            for ids, spans, logprob, rank, mean, std in plain["tokens"]
        )
        return Scored(sums=tuple(plain["sums"]), tokens=tokens)
    if kind == "Generate":
        return Generated(**(plain | {"others": tuple(plain.get("others", ()))}))
    if kind == "Layers":
        return Layered(logprob=tuple(tuple(row) for row in plain["logprob"]))
    raise BadSpec(f"a stored answer is of unknown kind {kind!r}; known: Score, Generate, Layers.")


def _info_from_json(text: str) -> ModelInfo:
    plain = json.loads(text)
    return ModelInfo(**(plain | {"access": tuple(plain["access"])}))
