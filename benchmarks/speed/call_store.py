"""Speed of the call stores under many writers, and of a look-up among many stored calls.

Run ``python -m benchmarks.speed.call_store``. 100,000 calls are put one by one, as a run does, by
16 processes that each have the store open: an SQLite file first, then a PostgreSQL server that is
started for it. Each writer shares half of its keys with its neighbour, so that twice as many puts
as calls are made and half of them find the call there. Then each store is filled to 1,000,000
calls, and 2,000 of them are looked up one at a time. The last line is one JSON object.

- ``value``: new calls/s of the SQLite store, each committed before ``put`` returns.
- ``peer_value``: the nearest peers, LangChain's ``SQLiteCache`` (``update``) where
  ``langchain-community`` is installed; with fewer rows, as told, and the same 16 writers. What it
  loses and how many of its writers end with an error is told beside it.
- ``postgres_value``: the same for the PostgreSQL store; None without a server.
- ``lost``, ``errors``: rows that are missing afterwards, and writers that met an error.
- ``lookup_ms``, ``postgres_lookup_ms``: milliseconds of one look-up, the median and the 99th
  percentile.

It holds when nothing is lost, no writer meets an error, and a median look-up takes less than a
millisecond.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.postgres_server import PostgresServer, server_programs
from harness.protocols import Completion, Message, ModelIdentity, Request, Usage
from harness.store import StoredCall, open_call_store

__all__ = ["Lookup", "Written", "looked_up", "main", "written"]

AIM_MS = 1.0
MODEL = ModelIdentity("some-model")
INSTRUCTIONS = "Say which relation holds between the two marked entities. " * 8
_USAGE = Usage(120, 0, 0, 12, 0, "reported")
_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Written:
    """What writers made of a store.

    Attributes:
        rate: New calls per second of wall-clock time, from the first put to the last.
        lost: Rows that should be there and are not.
        errors: What writers that ended with an error said last.
        longest_ms: The longest that a put took, in milliseconds.
    """

    rate: float
    lost: int
    errors: tuple[str, ...]
    longest_ms: float


@dataclass(frozen=True, slots=True)
class Lookup:
    """Milliseconds of one look-up: half of them, and 99 in 100, took no longer."""

    median_ms: float
    slow_ms: float


def call(number: int) -> StoredCall:
    """The n-th of the calls that writers put."""
    messages = (Message("system", INSTRUCTIONS), Message("user", f"Sentence {number}."))
    answer = Completion(Request(messages), '{"relation": "founded_by"}', usage=_USAGE, latency_s=1)
    return StoredCall.of(model=MODEL, completion=answer, run="speed")


def written(place: str, calls: int, writers: int, *, kind: str = "store") -> Written:
    """Has ``writers`` processes put ``calls`` calls; the store is made when absent.

    Args:
        place: What ``open_call_store`` takes; for a peer, its SQLite file.
        calls: How many there are; each is put by two writers.
        writers: Processes.
        kind: ``store``, or ``langchain`` for its cache.
    """
    share = calls // writers
    words = [sys.executable, "-m", "benchmarks.speed.call_store", "--write", place]
    processes = []
    for writer in range(writers):
        numbers = f"{writer * share}:{min(calls, (writer + 2) * share)}"
        more = ["--numbers", numbers, "--kind", kind]
        processes.append(
            subprocess.Popen(
                words + more,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    for process in processes:  # all are ready before any begins
        assert process.stdout is not None
        process.stdout.readline()
    started = time.perf_counter()
    for process in processes:
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write("\n")
            process.stdin.flush()
    said = []
    longest = 0.0
    for process in processes:
        out, err = process.communicate()
        if process.returncode:
            said.append(err.strip().splitlines()[-1] if err.strip() else "no word")
        else:
            longest = max(longest, float(out))
    seconds = time.perf_counter() - started
    stored = _count(place, kind)
    expected = share * writers
    return Written(stored / seconds, expected - stored, tuple(said), longest)


def _count(place: str, kind: str) -> int:
    if kind == "store":
        with open_call_store(place) as store:
            return store.count()
    import sqlite3

    with contextlib.closing(sqlite3.connect(place)) as database:
        return int(database.execute("SELECT COUNT(*) FROM full_llm_cache").fetchone()[0])


def _write(place: str, numbers: range, kind: str) -> None:
    """What one writer does; it says "ready", waits for a word, and ends with its longest put."""
    longest = 0.0
    if kind == "langchain":
        from langchain_community.cache import SQLiteCache
        from langchain_core.outputs import Generation

        _begin_together()
        cache = SQLiteCache(place)
        for number in numbers:
            each = call(number)
            before = time.perf_counter()
            cache.update(each.request, "some-model", [Generation(text=each.text)])
            longest = max(longest, time.perf_counter() - before)
    else:
        calls = (call(number) for number in numbers)
        _begin_together()
        with open_call_store(place) as store:
            for each in calls:
                before = time.perf_counter()
                store.put(each)
                longest = max(longest, time.perf_counter() - before)
    print(1000 * longest)


def _begin_together() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


def looked_up(place: str, calls: int, looks: int) -> Lookup:
    """Fills a store to ``calls`` calls and looks ``looks`` of them up, one at a time."""
    with open_call_store(place) as store:
        for first in range(0, calls, _CHUNK):
            store.put_many([call(n) for n in range(first, min(calls, first + _CHUNK))])
    chosen = random.Random(7).choices(range(calls), k=looks)
    keys = [call(number).key for number in chosen]
    taken = []
    with open_call_store(place) as store:  # as a run that is begun later
        for key in keys:
            before = time.perf_counter()
            found = store.get_many([key])
            taken.append(1000 * (time.perf_counter() - before))
            assert found[key].text
    return Lookup(statistics.median(taken), statistics.quantiles(taken, n=100)[98])


@contextlib.contextmanager
def _databases() -> Iterator[list[str]]:
    """Addresses of two databases on a server that commits as servers do; none without one."""
    programs = server_programs()
    if programs is None or importlib.util.find_spec("psycopg") is None:
        yield []
        return
    server = PostgresServer(programs, fsync=True)
    try:
        server.start()
        yield [server.make("writers"), server.make("lookup")]
    finally:
        server.stop()


def _told(name: str, side: Written) -> str:
    return (
        f"{name}: {side.rate:.0f} calls/s, {side.lost} lost, {len(side.errors)} errors,"
        f" the longest put {side.longest_ms:.0f} ms"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the comparison and prints it as one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.call_store")
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--writers", type=int, default=16)
    parser.add_argument("--stored", type=int, default=1_000_000, help="calls to look up among")
    parser.add_argument("--looks", type=int, default=2000)
    parser.add_argument("--peer-calls", type=int, default=2000)
    parser.add_argument("--write", help=argparse.SUPPRESS)
    parser.add_argument("--numbers", help=argparse.SUPPRESS)
    parser.add_argument("--kind", default="store", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.write:
        first, last = map(int, chosen.numbers.split(":"))
        _write(chosen.write, range(first, last), chosen.kind)
        return 0

    sides: dict[str, Written] = {}
    looks: dict[str, Lookup] = {}
    with tempfile.TemporaryDirectory() as name, _databases() as databases:
        folder = Path(name)
        places = {"sqlite": (str(folder / "writers.sqlite"), str(folder / "lookup.sqlite"))}
        if databases:
            places["postgres"] = (databases[0], databases[1])
        for kind, (for_writers, for_looks) in places.items():
            sides[kind] = written(for_writers, chosen.calls, chosen.writers)
            print(_told(kind, sides[kind]), file=sys.stderr)
            looks[kind] = looked_up(for_looks, chosen.stored, chosen.looks)
            print(
                f"{kind}: a look-up among {chosen.stored} takes {looks[kind].median_ms:.3f} ms,"
                f" 99 in 100 less than {looks[kind].slow_ms:.3f} ms",
                file=sys.stderr,
            )
        peer = None
        if importlib.util.find_spec("langchain_community") is not None:
            place = str(folder / "langchain.sqlite")
            peer = written(place, chosen.peer_calls, chosen.writers, kind="langchain")
            print(_told("LangChain's SQLiteCache", peer), file=sys.stderr)
    value, other = sides["sqlite"], sides.get("postgres")
    lookup, other_lookup = looks["sqlite"], looks.get("postgres")
    lost = sum(side.lost for side in sides.values())
    errors = sum(len(side.errors) for side in sides.values())
    slowest = max(look.median_ms for look in looks.values())
    result = {
        "name": f"{chosen.calls} calls by {chosen.writers} writers, look-ups among {chosen.stored}",
        "value": round(value.rate, 1),
        "unit": "calls/s",
        "peer": None if peer is None else "LangChain's SQLiteCache",
        "peer_value": None if peer is None else round(peer.rate, 1),
        "ratio": None if peer is None or not peer.rate else round(value.rate / peer.rate, 2),
        "peer_lost": None if peer is None else peer.lost,
        "peer_errors": None if peer is None else len(peer.errors),
        "postgres_value": None if other is None else round(other.rate, 1),
        "lost": lost,
        "errors": errors,
        "lookup_ms": [round(lookup.median_ms, 3), round(lookup.slow_ms, 3)],
        "postgres_lookup_ms": None
        if other_lookup is None
        else [round(other_lookup.median_ms, 3), round(other_lookup.slow_ms, 3)],
        "aim": f"nothing lost, no error, a look-up under {AIM_MS:g} ms",
        "holds": lost == 0 and errors == 0 and slowest < AIM_MS,
    }
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
