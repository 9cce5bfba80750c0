"""The call store on PostgreSQL, for workers on many machines."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from harness.errors import ArtefactError, ConfigError, MissingExtraError, Problem
from harness.protocols import FinishReason, ModelIdentity, Usage
from harness.store._call import CallFailure, StoredCall

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, TextClause
    from sqlalchemy.exc import DBAPIError

__all__ = ["PostgresCallStore"]

T = TypeVar("T")

_CHUNK = 500
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 2.0
_COME_BACK = ("08", "57P01", "57P02", "57P03", "40001", "40P01")
"""States after which the same may succeed: connections lost, shutdowns, deadlocks."""
_MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE calldistil_calls (
            id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key TEXT NOT NULL UNIQUE,
            model TEXT NOT NULL, weights TEXT, request BYTEA NOT NULL, text BYTEA NOT NULL,
            finish TEXT NOT NULL, usage TEXT NOT NULL, latency_s DOUBLE PRECISION,
            recorded BOOLEAN NOT NULL, run TEXT NOT NULL, created_at TIMESTAMPTZ NOT NULL,
            log_probability DOUBLE PRECISION
        )""",
        """CREATE TABLE calldistil_failures (
            id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key TEXT NOT NULL,
            error TEXT NOT NULL, at TIMESTAMPTZ NOT NULL
        )""",
        "CREATE INDEX calldistil_failures_by_key ON calldistil_failures (key)",
        """CREATE TABLE calldistil_claims (
            key TEXT PRIMARY KEY, owner TEXT NOT NULL, expires TIMESTAMPTZ NOT NULL
        )""",
    ),
)
"""What makes a database of each version one of the next; the first makes it from nothing."""
_LOCK = 0x6364  # an advisory lock, so that two workers do not migrate at once
_COLUMNS = (
    "key, model, weights, request, text, finish, usage, latency_s, recorded, run, created_at,"
    " log_probability"
)
_INSERT = (
    f"INSERT INTO calldistil_calls ({_COLUMNS}) VALUES"
    f" ({', '.join(f':{name.strip()}' for name in _COLUMNS.split(','))})"
    " ON CONFLICT (key) DO NOTHING"
)


class PostgresCallStore:
    """Stored calls in a PostgreSQL database, in tables of their own (``calldistil_...``).

    Claims are timed by the server's clock alone. Texts are kept as bytes, because PostgreSQL's
    text has no null character and no lone surrogate, both of which a model may write.

    Args:
        address: ``postgresql://user@host:port/database``. The password is read by the client from
            ``PGPASSWORD`` or ``~/.pgpass``; one in the address is refused, since addresses are
            written into manifests.
        patience_s: How long a server that was reached once may be away, as when it is restarted,
            before that is an error: an answer that is paid waits to be stored meanwhile.
        known: Whether another process of the run has reached the server, so that it is waited for
            from the start.

    Raises:
        ArtefactError: When the server cannot be reached or its tables are of another version.
        ConfigError: When the address cannot be read or holds a password.
        MissingExtraError: When the extra ``postgres`` is not installed.
    """

    def __init__(self, address: str, *, patience_s: float, known: bool = False) -> None:
        self._engine = _engine(address)
        # One statement is a transaction by itself: it needs no BEGIN and no COMMIT on the wire.
        self._single = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self.place = self._engine.url.render_as_string(hide_password=True)
        self._closed = False
        # A server that was never there is not waited for.
        self._patience_s = patience_s if known else 0.0
        self._do(lambda connection: _migrate(connection, self.place))
        self._patience_s = patience_s

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
        """Closes the connections. Closing twice is harmless; using a closed store is an error."""
        self._closed = True
        self._engine.dispose()

    def get_many(self, keys: Iterable[str]) -> dict[str, StoredCall]:
        """Returns the stored calls among ``keys``, in the order of ``keys``; others are absent."""
        wanted = list(dict.fromkeys(keys))
        query = f"SELECT {_COLUMNS} FROM calldistil_calls WHERE key = ANY(:keys)"
        found: dict[str, StoredCall] = {}
        for start in range(0, len(wanted), _CHUNK):
            rows = self._rows(query, {"keys": wanted[start : start + _CHUNK]})
            found.update((call.key, call) for call in map(_call_of, rows))
        return {key: found[key] for key in wanted if key in found}

    def put(self, call: StoredCall) -> bool:
        """Stores one answer and commits at once; returns whether the call is new."""
        return self._changed(_INSERT, _row_of(call)) == 1

    def put_many(self, calls: Sequence[StoredCall]) -> int:
        """Stores answers in one transaction, all or none; returns how many were new."""
        # In one order everywhere, so that two workers never wait for each other in a circle.
        rows = [_row_of(call) for call in sorted(calls, key=lambda call: call.key)]
        if not rows:
            return 0
        return self._do(lambda connection: int(_run(connection, _INSERT, rows).rowcount))

    def record_failure(self, key: str, error: str, at: datetime | None = None) -> None:
        """Notes an attempt that came back without an answer; ``at`` defaults to now."""
        query = "INSERT INTO calldistil_failures (key, error, at) VALUES (:key, :error, :at)"
        row = {"key": key, "error": json.dumps(error), "at": at or datetime.now(UTC)}
        self._changed(query, row)

    def failures(self, key: str | None = None) -> tuple[CallFailure, ...]:
        """The failed attempts at ``key``, or at any key, oldest first."""
        where = "" if key is None else "WHERE key = :key"
        query = f"SELECT key, error, at FROM calldistil_failures {where} ORDER BY id"
        rows = self._rows(query, {} if key is None else {"key": key})
        return tuple(
            CallFailure(row.key, json.loads(row.error), row.at.astimezone(UTC)) for row in rows
        )

    def claim(self, keys: Iterable[str], *, owner: str, seconds: float) -> frozenset[str]:
        """Takes the right to make calls; see ``CallStore.claim``."""
        query = """
            INSERT INTO calldistil_claims (key, owner, expires)
            SELECT wanted.key, :owner, now() + make_interval(secs => :seconds)
            FROM (SELECT unnest(CAST(:keys AS TEXT[])) AS key ORDER BY 1) AS wanted
            WHERE NOT EXISTS (SELECT 1 FROM calldistil_calls c WHERE c.key = wanted.key)
            ON CONFLICT (key) DO UPDATE SET owner = excluded.owner, expires = excluded.expires
            WHERE calldistil_claims.owner = excluded.owner OR calldistil_claims.expires < now()
            RETURNING key"""
        row = {"keys": list(dict.fromkeys(keys)), "owner": owner, "seconds": seconds}
        return frozenset(found.key for found in self._rows(query, row))

    def claimed_by(self, keys: Iterable[str]) -> dict[str, str]:
        """Who holds the claims on ``keys``; see ``CallStore.claimed_by``."""
        query = "SELECT key, owner FROM calldistil_claims WHERE key = ANY(:keys)"
        return {row.key: row.owner for row in self._rows(query, {"keys": list(keys)})}

    def release(self, keys: Iterable[str], *, owner: str) -> None:
        """Gives claims back; those of others are left alone."""
        query = "DELETE FROM calldistil_claims WHERE key = ANY(:keys) AND owner = :owner"
        self._changed(query, {"keys": list(keys), "owner": owner})

    def count(self) -> int:
        """How many answers are stored."""
        (row,) = self._rows("SELECT count(*) AS calls FROM calldistil_calls", {})
        return int(row.calls)

    def __len__(self) -> int:
        return self.count()

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key in self.get_many([key])

    def __iter__(self) -> Iterator[StoredCall]:
        """All answers in the order in which they were stored."""
        last = 0
        query = (
            f"SELECT {_COLUMNS}, id FROM calldistil_calls WHERE id > :last ORDER BY id"
            f" LIMIT {_CHUNK}"
        )
        while True:
            rows = self._rows(query, {"last": last})
            if not rows:
                return
            yield from map(_call_of, rows)
            last = rows[-1].id

    def _rows(self, query: str, values: Mapping[str, Any]) -> Sequence[Any]:
        """The rows of one statement, which is a transaction by itself."""
        return self._do(lambda connection: _run(connection, query, values).all(), self._single)

    def _changed(self, query: str, values: Mapping[str, Any]) -> int:
        """How many rows one statement changed, which is a transaction by itself."""
        return self._do(
            lambda connection: int(_run(connection, query, values).rowcount), self._single
        )

    def _do(self, work: Callable[[Connection], T], engine: Engine | None = None) -> T:
        """Does ``work`` in one transaction, and again while the server is away.

        All that this store does may be done twice: when a connection ends in the middle of a
        commit, nobody knows whether it took place.
        """
        from sqlalchemy.exc import DBAPIError, SQLAlchemyError

        if self._closed:
            raise ArtefactError(f"The call store {self.place} is closed.", hint="Open it again.")
        started, pause = time.monotonic(), _FIRST_PAUSE_S
        while True:
            try:
                with (engine or self._engine).begin() as connection:
                    return work(connection)
            except DBAPIError as error:
                waited = time.monotonic() - started
                if not _may_come_back(error) or waited >= self._patience_s:
                    raise _named(error, self.place) from None
            except SQLAlchemyError as error:
                raise ArtefactError(f"The call store {self.place} failed: {error}.") from error
            time.sleep(min(pause, self._patience_s))
            pause = min(2 * pause, _LONGEST_PAUSE_S)


def _engine(address: str) -> Engine:
    try:
        import psycopg  # noqa: F401
        from sqlalchemy import create_engine, make_url
        from sqlalchemy.exc import ArgumentError
    except ImportError as error:
        raise MissingExtraError(
            package=error.name or "sqlalchemy",
            extra="postgres",
            feature="A call store on PostgreSQL",
        ) from None
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise ConfigError(
            [Problem("the address of the call store cannot be read",
                     "write postgresql://user@host:port/database")]
        ) from None  # fmt: skip
    if url.password is not None:
        raise ConfigError(
            [Problem("the address of the call store holds a password",
                     "put it into PGPASSWORD or ~/.pgpass: addresses are written into manifests")]
        )  # fmt: skip
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={"connect_timeout": 10, "application_name": "calldistil"},
    )


def _may_come_back(error: DBAPIError) -> bool:
    """Whether the server was away, or in another's way, so that the same may succeed later."""
    from sqlalchemy.exc import OperationalError

    state = getattr(error.orig, "sqlstate", None)
    if error.connection_invalidated or (isinstance(error, OperationalError) and state is None):
        return True
    return state is not None and state.startswith(_COME_BACK)


def _run(
    connection: Connection, query: str, values: Mapping[str, Any] | Sequence[Mapping[str, Any]]
) -> Any:
    return connection.execute(_clause(query), values)


@functools.cache
def _clause(query: str) -> TextClause:
    from sqlalchemy import text

    return text(query)


def _migrate(connection: Connection, place: str) -> None:
    _run(connection, "SELECT pg_advisory_xact_lock(:lock)", {"lock": _LOCK})
    _run(
        connection,
        "CREATE TABLE IF NOT EXISTS calldistil_about (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
        {},
    )
    asked = "SELECT value FROM calldistil_about WHERE name = 'schema_version'"
    version = int(_run(connection, asked, {}).scalar() or 0)
    if version > len(_MIGRATIONS):
        raise ArtefactError(
            f"The call store {place} is of version {version}; this calldistil reads version"
            f" {len(_MIGRATIONS)}.",
            hint="Use the calldistil that wrote it, or name another database for new calls.",
        )
    for statements in _MIGRATIONS[version:]:
        for statement in statements:
            _run(connection, statement, {})
    if version < len(_MIGRATIONS):
        _run(
            connection,
            "INSERT INTO calldistil_about VALUES ('schema_version', :version)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            {"version": str(len(_MIGRATIONS))},
        )


def _row_of(call: StoredCall) -> dict[str, Any]:
    usage = {name: value for name in Usage.__slots__
             if (value := getattr(call.usage, name)) is not None}  # fmt: skip
    return {
        "key": call.key,
        "model": json.dumps(call.model.name),
        "weights": call.model.weights,
        "request": call.request.encode("utf-8", "surrogatepass"),
        "text": call.text.encode("utf-8", "surrogatepass"),
        "finish": call.finish.value,
        "usage": json.dumps(usage),
        "latency_s": call.latency_s,
        "recorded": call.recorded,
        "run": json.dumps(call.run),
        "created_at": call.created_at,
        "log_probability": call.log_probability,
    }


def _call_of(row: Any) -> StoredCall:
    call = StoredCall(
        key=row.key,
        model=ModelIdentity(json.loads(row.model), row.weights),
        request=bytes(row.request).decode("utf-8", "surrogatepass"),
        text=bytes(row.text).decode("utf-8", "surrogatepass"),
        finish=FinishReason(row.finish),
        usage=Usage(**json.loads(row.usage)),
        latency_s=row.latency_s,
        recorded=row.recorded,
        run=json.loads(row.run),
        created_at=row.created_at,
        log_probability=row.log_probability,
    )
    return replace(call, created_at=call.created_at.astimezone(UTC))


def _named(error: Any, place: str) -> ArtefactError:
    """The error of a server as ours, with what to do."""
    said = str(error.orig).strip().splitlines()
    what = said[0] if said else type(error.orig).__name__
    lowered = " ".join(said).lower()
    if "password" in lowered or "authentication" in lowered:
        hint = "Put the password into PGPASSWORD or ~/.pgpass."
    elif "does not exist" in lowered:
        hint = "Make the database first: createdb NAME."
    elif "permission denied" in lowered or "read-only" in lowered:
        hint = "Give the user the right to make and write tables there."
    elif "no space" in lowered or "could not extend" in lowered:
        hint = "Free some space on the server's disk, then resume; stored answers are kept."
    else:
        hint = "Check that the server runs and is reached, then resume; what is stored is kept."
    return ArtefactError(f"The call store {place} failed: {what}.", hint=hint)
