"""The SQLite file under the call store: its tables, its journal, and errors that name the fix."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from harness.errors import ArtefactError

__all__ = ["SCHEMA_VERSION", "connect", "named_errors", "transaction"]

SCHEMA_VERSION = 3
_CLAIMS = (
    "CREATE TABLE claims (key TEXT PRIMARY KEY, owner TEXT NOT NULL, expires REAL NOT NULL)"
    " WITHOUT ROWID"
)
_CREATE = (
    "CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE calls (
        id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, model TEXT NOT NULL, weights TEXT,
        request TEXT NOT NULL, text TEXT NOT NULL, finish TEXT NOT NULL, usage TEXT NOT NULL,
        latency_s REAL, recorded INTEGER NOT NULL, run TEXT NOT NULL, created_at TEXT NOT NULL,
        log_probability REAL
    )""",
    """CREATE TABLE failures (
        id INTEGER PRIMARY KEY, key TEXT NOT NULL, error TEXT NOT NULL, at TEXT NOT NULL
    )""",
    "CREATE INDEX failures_by_key ON failures (key)",
    _CLAIMS,
)
_MIGRATIONS = {1: ("ALTER TABLE calls ADD COLUMN log_probability REAL",), 2: (_CLAIMS,)}
"""What makes a file of each earlier version one of the next."""


def connect(path: Path, *, patience_s: float) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ArtefactError(
            f"The folder of the call store {path} cannot be made: {error.strerror}.",
            hint="Choose a folder that you may write to.",
        ) from None
    database = sqlite3.connect(
        path, timeout=patience_s, isolation_level=None, check_same_thread=False
    )
    try:
        _patiently(lambda: _prepare(database, path), patience_s)
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
        with transaction(database):
            # Another process may have made the tables while this one waited for its turn.
            if not database.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]:
                for statement in _CREATE:
                    database.execute(statement)
                database.execute(
                    "INSERT INTO about VALUES ('schema_version', ?)", [str(SCHEMA_VERSION)]
                )
    if (version := _version(database)) in {str(number) for number in _MIGRATIONS}:
        with transaction(database):
            # Read again: another process may have migrated it meanwhile.
            for step in range(int(_version(database) or 0), SCHEMA_VERSION):
                for statement in _MIGRATIONS[step]:
                    database.execute(statement)
            version = str(SCHEMA_VERSION)
            database.execute("UPDATE about SET value = ? WHERE name = 'schema_version'", [version])
    if version != str(SCHEMA_VERSION):
        found = "an unknown version" if version is None else f"version {version}"
        raise ArtefactError(
            f"The call store {path} is of {found}; this calldistil reads version {SCHEMA_VERSION}.",
            hint="Use the calldistil that wrote it, or name another file for new calls.",
        )


def _version(database: sqlite3.Connection) -> str | None:
    row = database.execute("SELECT value FROM about WHERE name = 'schema_version'").fetchone()
    return None if row is None else str(row[0])


def _patiently(action: Callable[[], None], seconds: float) -> None:
    """Repeats ``action`` while the file is locked.

    Turning on the write-ahead log, and the recovery after a crash, need the file alone, and
    SQLite answers "locked" to them without waiting for its busy timeout.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            action()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


@contextlib.contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
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
def named_errors(path: Path) -> Iterator[None]:
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
