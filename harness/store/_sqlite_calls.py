"""Every LLM call, durable: an SQLite file that several threads and processes may share."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.errors import ArtefactError
from harness.store._call import CallFailure, StoredCall
from harness.store._sqlite_database import connect, named_errors, transaction
from harness.store._sqlite_rows import (
    COLUMNS,
    call_of,
    moment_of,
    moment_text,
    row_of,
    storable,
    text_of,
)

__all__ = ["SqliteCallStore"]

_LONGEST_CLAIM_S = 120.0
_CHUNK = 500  # below SQLite's smallest default limit of 999 variables


class SqliteCallStore:
    """The completed answers of every call, by request key.

    ``put`` returns once the answer is committed: it then survives the death of the process
    (``SIGKILL`` included). A power cut may take the last answers, never the file: the journal is
    a write-ahead log with ``synchronous=NORMAL``. One object serves several threads, several
    processes may have the file open, and an object taken along by ``fork`` opens a connection of
    its own. The log needs the file on a local disk; where SQLite cannot use it, the classic
    rollback journal serves.

    Args:
        path: The file; made, with its folder, when absent.
        patience_s: How long to wait for another process's write.

    Raises:
        ArtefactError: When the file cannot be opened or is not a call store of this version.
    """

    def __init__(self, path: Path, *, patience_s: float) -> None:
        self.path = path
        self._patience_s = patience_s
        self.place = str(path)
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
                query = f"SELECT {COLUMNS} FROM calls WHERE key IN ({marks})"
                for row in database.execute(query, chunk):
                    call = call_of(row)
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
        marks = ",".join("?" * (COLUMNS.count(",") + 1))
        query = f"INSERT INTO calls ({COLUMNS}) VALUES ({marks}) ON CONFLICT (key) DO NOTHING"
        with self._database() as database, transaction(database):
            return sum(database.execute(query, row_of(call)).rowcount for call in calls)

    def record_failure(self, key: str, error: str, at: datetime | None = None) -> None:
        """Notes an attempt that came back without an answer; ``at`` defaults to now."""
        row = (storable(key), storable(error), moment_text(at or datetime.now(UTC)))
        with self._database() as database, transaction(database):
            database.execute("INSERT INTO failures (key, error, at) VALUES (?, ?, ?)", row)

    def failures(self, key: str | None = None) -> tuple[CallFailure, ...]:
        """The failed attempts at ``key``, or at any key, oldest first."""
        query = "SELECT key, error, at FROM failures"
        with self._database() as database:
            if key is None:
                rows = database.execute(f"{query} ORDER BY id").fetchall()
            else:
                rows = database.execute(f"{query} WHERE key = ? ORDER BY id", [key]).fetchall()
            return tuple(CallFailure(text_of(r[0]), text_of(r[1]), moment_of(r[2])) for r in rows)

    def claim(self, keys: Iterable[str], *, owner: str, seconds: float) -> frozenset[str]:
        """Takes the right to make calls; see ``CallStore.claim``."""
        # The clock of the machine since it was started, which all its processes share and nobody
        # sets; a claim from further ahead than any is made for is from before the last start.
        now = time.monotonic()
        horizon = now + max(seconds, _LONGEST_CLAIM_S)
        query = (
            "INSERT INTO claims (key, owner, expires) SELECT ?, ?, ?"
            " WHERE NOT EXISTS (SELECT 1 FROM calls WHERE calls.key = ?)"
            " ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, expires = excluded.expires"
            " WHERE claims.owner = excluded.owner OR claims.expires < ? OR claims.expires > ?"
        )
        with self._database() as database, transaction(database):
            return frozenset(
                key
                for key in dict.fromkeys(keys)
                if database.execute(query, [key, owner, now + seconds, key, now, horizon]).rowcount
            )

    def claimed_by(self, keys: Iterable[str]) -> dict[str, str]:
        """Who holds the claims on ``keys``; see ``CallStore.claimed_by``."""
        query = "SELECT owner FROM claims WHERE key = ?"
        with self._database() as database:
            found = {key: database.execute(query, [key]).fetchone() for key in keys}
        return {key: text_of(row[0]) for key, row in found.items() if row is not None}

    def release(self, keys: Iterable[str], *, owner: str) -> None:
        """Gives claims back; those of others are left alone."""
        rows = [(key, owner) for key in keys]
        with self._database() as database, transaction(database):
            database.executemany("DELETE FROM claims WHERE key = ? AND owner = ?", rows)

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
        query = f"SELECT {COLUMNS}, id FROM calls WHERE id > ? ORDER BY id LIMIT {_CHUNK}"
        while True:
            with self._database() as database:
                rows = database.execute(query, [last]).fetchall()
                calls = [call_of(row) for row in rows]
            if not rows:
                return
            yield from calls
            last = rows[-1][-1]

    @contextlib.contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        with self._lock, named_errors(self.path):
            if self._closed:
                raise ArtefactError(f"The call store {self.path} is closed.", hint="Open it again.")
            if self._connection is None or self._owner != os.getpid():
                if self._connection is not None:
                    # Closing it here would end the parent's use of the write-ahead log.
                    self._inherited.append(self._connection)
                self._connection = connect(self.path, patience_s=self._patience_s)
                self._owner = os.getpid()
            yield self._connection
