"""Every LLM call, durable: an SQLite file that several threads and processes may share."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from harness.errors import ArtefactError
from harness.protocols import FinishReason, ModelIdentity, Usage
from harness.store._call import CallFailure, StoredCall
from harness.store._keys import canonical_json

__all__ = ["SCHEMA_VERSION", "CallStore", "open_call_store"]

SCHEMA_VERSION = 1
_WAIT_S = 60.0  # how long to wait for another process's write
_CHUNK = 500  # below SQLite's smallest default limit of 999 variables
_CREATE = (
    "CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE calls (
        id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, model TEXT NOT NULL, weights TEXT,
        request TEXT NOT NULL, text TEXT NOT NULL, finish TEXT NOT NULL, usage TEXT NOT NULL,
        latency_s REAL, recorded INTEGER NOT NULL, run TEXT NOT NULL, created_at TEXT NOT NULL
    )""",
    """CREATE TABLE failures (
        id INTEGER PRIMARY KEY, key TEXT NOT NULL, error TEXT NOT NULL, at TEXT NOT NULL
    )""",
    "CREATE INDEX failures_by_key ON failures (key)",
)
_COLUMNS = "key, model, weights, request, text, finish, usage, latency_s, recorded, run, created_at"


class CallStore:
    """The completed answers of every call, by request key.

    ``put`` returns once the answer is committed: it then survives the death of the process
    (``SIGKILL`` included). A power cut may take the last answers, never the file: the journal is
    a write-ahead log with ``synchronous=NORMAL``. One object serves several threads, several
    processes may have the file open, and an object taken along by ``fork`` opens a connection of
    its own. The log needs the file on a local disk; where SQLite cannot use it, the classic
    rollback journal serves.

    Args:
        path: The file; made, with its folder, when absent.

    Raises:
        ArtefactError: When the file cannot be opened or is not a call store of this version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._owner = 0
        self._inherited: list[sqlite3.Connection] = []
        self._closed = False
        with self._database():
            pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file. Closing twice is harmless; using a closed store is an error."""
        with self._lock:
            if self._connection is not None and self._owner == os.getpid():
                self._connection.close()
            self._connection = None
            self._closed = True

    def get_many(self, keys: Iterable[str]) -> dict[str, StoredCall]:
        """Returns the stored calls among ``keys``, in the order of ``keys``; others are absent."""
        wanted = list(dict.fromkeys(keys))
        found: dict[str, StoredCall] = {}
        with self._database() as database:
            for start in range(0, len(wanted), _CHUNK):
                chunk = wanted[start : start + _CHUNK]
                marks = ",".join("?" * len(chunk))
                query = f"SELECT {_COLUMNS} FROM calls WHERE key IN ({marks})"
                for row in database.execute(query, chunk):
                    call = _call(row)
                    found[call.key] = call
        return {key: found[key] for key in wanted if key in found}

    def put(self, call: StoredCall) -> bool:
        """Stores one answer and commits at once.

        A key that is there already is left as it is, with its first usage and latency.

        Returns:
            Whether the call is new.
        """
        return self.put_many([call]) == 1

    def put_many(self, calls: Sequence[StoredCall]) -> int:
        """Stores answers in one transaction, all or none; returns how many were new."""
        marks = ",".join("?" * (_COLUMNS.count(",") + 1))
        query = f"INSERT INTO calls ({_COLUMNS}) VALUES ({marks}) ON CONFLICT (key) DO NOTHING"
        with self._database() as database, _transaction(database):
            return sum(database.execute(query, _row(call)).rowcount for call in calls)

    def record_failure(self, key: str, error: str, at: datetime | None = None) -> None:
        """Notes an attempt that came back without an answer; ``at`` defaults to now."""
        row = (_storable(key), _storable(error), _moment_text(at or datetime.now(UTC)))
        with self._database() as database, _transaction(database):
            database.execute("INSERT INTO failures (key, error, at) VALUES (?, ?, ?)", row)

    def failures(self, key: str | None = None) -> tuple[CallFailure, ...]:
        """The failed attempts at ``key``, or at any key, oldest first."""
        query = "SELECT key, error, at FROM failures"
        with self._database() as database:
            if key is None:
                rows = database.execute(f"{query} ORDER BY id").fetchall()
            else:
                rows = database.execute(f"{query} WHERE key = ? ORDER BY id", [key]).fetchall()
        return tuple(CallFailure(_text(r[0]), _text(r[1]), _moment(r[2])) for r in rows)

    def count(self) -> int:
        """How many answers are stored."""
        with self._database() as database:
            return int(database.execute("SELECT COUNT(*) FROM calls").fetchone()[0])

    def __len__(self) -> int:
        return self.count()

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key in self.get_many([key])

    def __iter__(self) -> Iterator[StoredCall]:
        """All answers in the order in which they were stored."""
        last = 0
        query = f"SELECT {_COLUMNS}, id FROM calls WHERE id > ? ORDER BY id LIMIT {_CHUNK}"
        while True:
            with self._database() as database:
                rows = database.execute(query, [last]).fetchall()
            if not rows:
                return
            yield from (_call(row) for row in rows)
            last = rows[-1][-1]

    @contextlib.contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _named_errors(self.path):
            if self._closed:
                raise ArtefactError(f"The call store {self.path} is closed.", hint="Open it again.")
            if self._connection is None or self._owner != os.getpid():
                if self._connection is not None:
                    # Closing it here would end the parent's use of the write-ahead log.
                    self._inherited.append(self._connection)
                self._connection = _connect(self.path)
                self._owner = os.getpid()
            yield self._connection


def open_call_store(path: Path | str) -> CallStore:
    """Opens the call store at ``path``, making it when absent. Use it in a ``with`` block."""
    return CallStore(Path(path))


def _connect(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ArtefactError(
            f"The folder of the call store {path} cannot be made: {error.strerror}.",
            hint="Choose a folder that you may write to.",
        ) from None
    database = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
    try:
        _patiently(lambda: _prepare(database, path))
    except BaseException:
        database.close()
        raise
    return database


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master")}
    if tables and "about" not in tables:
        raise ArtefactError(
            f"{path} is an SQLite file, but not a call store.",
            hint="Name another file for the call store.",
        )
    if database.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    if not tables:
        with _transaction(database):
            # Another process may have made the tables while this one waited for its turn.
            if not database.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]:
                for statement in _CREATE:
                    database.execute(statement)
                database.execute(
                    "INSERT INTO about VALUES ('schema_version', ?)", [str(SCHEMA_VERSION)]
                )
    row = database.execute("SELECT value FROM about WHERE name = 'schema_version'").fetchone()
    if row is None or row[0] != str(SCHEMA_VERSION):
        found = "an unknown version" if row is None else f"version {row[0]}"
        raise ArtefactError(
            f"The call store {path} is of {found}; this calldistil reads version {SCHEMA_VERSION}.",
            hint="Use the calldistil that wrote it, or name another file for new calls.",
        )


def _patiently(action: Callable[[], None]) -> None:
    """Repeats ``action`` while the file is locked.

    Turning on the write-ahead log, and the recovery after a crash, need the file alone, and
    SQLite answers "locked" to them without waiting for its busy timeout.
    """
    deadline = time.monotonic() + _WAIT_S
    while True:
        try:
            action()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


@contextlib.contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    # IMMEDIATE: a transaction that turns from reading to writing could not wait its turn.
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                database.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    """Turns SQLite's errors into ours, each with what to do."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        what = str(error)
        if "readonly" in what:
            hint = "Make the file and its folder writable, or name another file."
        elif "full" in what or "disk I/O" in what:
            hint = "Free some space on the disk, then resume; answers stored so far are kept."
        elif "unable to open" in what:
            hint = "Check that the path is a file in a folder that you may write to."
        elif "locked" in what or "busy" in what:
            hint = "Another process holds the file; end it or wait, then resume."
        else:
            hint = (
                "The file is damaged or not a call store. Save what is left with "
                f"`sqlite3 {path} .recover`, or move it away and run again."
            )
        raise ArtefactError(f"The call store {path} failed: {what}.", hint=hint) from error


def _row(call: StoredCall) -> tuple[Any, ...]:
    usage = {name: value for name, value in asdict(call.usage).items() if value is not None}
    return (
        _storable(call.key),
        _storable(call.model.name),
        call.model.weights,
        call.request,
        _storable(call.text),
        call.finish.value,
        canonical_json(usage),
        call.latency_s,
        int(call.recorded),
        _storable(call.run),
        _moment_text(call.created_at),
    )


def _call(row: Sequence[Any]) -> StoredCall:
    try:
        return StoredCall(
            key=_text(row[0]),
            model=ModelIdentity(_text(row[1]), row[2]),
            request=row[3],
            text=_text(row[4]),
            finish=FinishReason(row[5]),
            usage=Usage(**json.loads(row[6])),
            latency_s=row[7],
            recorded=bool(row[8]),
            run=_text(row[9]),
            created_at=_moment(row[10]),
        )
    except (TypeError, ValueError) as error:
        raise sqlite3.DatabaseError(
            f"the row of the call {row[0]!r} is malformed: {error}"
        ) from None


def _storable(text: str) -> str | bytes:
    """Text with a lone surrogate has no UTF-8 form, and SQLite takes it only as bytes."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return text


def _text(stored: str | bytes) -> str:
    return stored if isinstance(stored, str) else stored.decode("utf-8", "surrogatepass")


def _moment_text(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError("a time needs a time zone, e.g. datetime.now(UTC)")
    return at.astimezone(UTC).isoformat()


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
