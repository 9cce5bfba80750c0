"""Every LLM call, durable: what a call store is, and how one is opened."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from harness.store._call import CallFailure, StoredCall
from harness.store._sqlite_calls import SqliteCallStore

__all__ = ["CallStore", "copy_calls", "is_server", "open_call_store"]

_SERVER = re.compile(r"postgres(ql)?(\+psycopg)?://", re.IGNORECASE)
_CHUNK = 500
_PATIENCE_S = 60.0


@runtime_checkable
class CallStore(Protocol):
    """The completed answers of every call, by request key.

    ``put`` returns once the answer is committed. Several threads may use one object and several
    processes one store. Use it in a ``with`` block.

    Attributes:
        place: Where it is, for messages; never a password.
    """

    place: str

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def close(self) -> None:
        """Closes it. Closing twice is harmless; using a closed store is an error."""
        ...

    def get_many(self, keys: Iterable[str]) -> dict[str, StoredCall]:
        """Returns the stored calls among ``keys``, in the order of ``keys``; others are absent."""
        ...

    def put(self, call: StoredCall) -> bool:
        """Stores one answer and commits at once; returns whether the call is new.

        A key that is there already is left as it is, with its first usage and latency.
        """
        ...

    def put_many(self, calls: Sequence[StoredCall]) -> int:
        """Stores answers in one transaction, all or none; returns how many were new."""
        ...

    def record_failure(self, key: str, error: str, at: datetime | None = None) -> None:
        """Notes an attempt that came back without an answer; ``at`` defaults to now."""
        ...

    def failures(self, key: str | None = None) -> tuple[CallFailure, ...]:
        """The failed attempts at ``key``, or at any key, oldest first."""
        ...

    def claim(self, keys: Iterable[str], *, owner: str, seconds: float) -> frozenset[str]:
        """Takes the right to make calls, so that nobody else pays for them meanwhile.

        A call that is stored cannot be claimed, nor one that somebody else has claimed and not
        yet let go; claiming again extends the owner's own.

        Args:
            keys: Request keys.
            owner: Who will make the calls; one worker.
            seconds: After which the claim ends by itself, as when its owner was killed.

        Returns:
            The keys that are the owner's now.
        """
        ...

    def claimed_by(self, keys: Iterable[str]) -> dict[str, str]:
        """Who holds each claim on ``keys``, ended ones included; others are absent."""
        ...

    def release(self, keys: Iterable[str], *, owner: str) -> None:
        """Gives claims back; those of others are left alone."""
        ...

    def count(self) -> int:
        """How many answers are stored."""
        ...

    def __len__(self) -> int: ...

    def __contains__(self, key: object) -> bool: ...

    def __iter__(self) -> Iterator[StoredCall]:
        """All answers in the order in which they were stored."""
        ...


def open_call_store(
    place: Path | str, *, patience_s: float = _PATIENCE_S, known: bool = False
) -> CallStore:
    """Opens a call store, making it when absent.

    Args:
        place: An SQLite file, or ``postgresql://user@host:port/database`` for a PostgreSQL
            server, which many machines may share; its password comes from ``PGPASSWORD`` or
            ``~/.pgpass``.
        patience_s: How long to wait for another process's write to a file, or for a server that
            went away, before that is an error.
        known: Whether another process of the run has opened it, so that a server which is away
            now is waited for.

    Raises:
        ArtefactError: When it cannot be opened or is not a call store of this version.
        MissingExtraError: When it is a server and the extra ``postgres`` is not installed.
    """
    if isinstance(place, str) and is_server(place):
        from harness.store._postgres_calls import PostgresCallStore

        return PostgresCallStore(place, patience_s=patience_s, known=known)
    return SqliteCallStore(Path(place), patience_s=patience_s)


def is_server(place: object) -> bool:
    """Whether ``place`` names a server rather than a file."""
    return isinstance(place, str) and _SERVER.match(place) is not None


def copy_calls(source: CallStore, target: CallStore) -> int:
    """Copies every answer into another store; returns how many were new there.

    What the target has stays as it is. Stopped in the middle, it goes on when run again.
    """
    new = 0
    chunk: list[StoredCall] = []
    for call in source:
        chunk.append(call)
        if len(chunk) == _CHUNK:
            new += target.put_many(chunk)
            chunk = []
    return new + (target.put_many(chunk) if chunk else 0)
