"""What every call store keeps, on a real SQLite file and a real PostgreSQL server."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.postgres_server import PostgresServer, server_programs
from harness.errors import ArtefactError, ConfigError
from harness.protocols import Completion, FinishReason, Message, ModelIdentity, Request, Usage
from harness.store import CallStore, StoredCall, copy_calls, open_call_store

MODEL = ModelIdentity("some-model", "weights-hash")
AT = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
_number = itertools.count()


def answered(question: str, answer: str = "yes", *, run: str = "run-1") -> StoredCall:
    completion = Completion(
        Request((Message("user", question),)),
        answer,
        FinishReason.LENGTH,
        Usage(12, 0, None, 3, source="reported"),
        0.25,
        log_probability=-0.5,
    )
    return StoredCall.of(model=MODEL, completion=completion, run=run, created_at=AT)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server of this module's own. Under CI one must be installed."""
    pytest.importorskip("psycopg")
    pytest.importorskip("sqlalchemy")
    programs = server_programs()
    if programs is None:
        if os.environ.get("CI") == "true":
            pytest.fail("there is no PostgreSQL server: apt-get install postgresql")
        pytest.skip("there is no PostgreSQL server: apt-get install postgresql")
    made = PostgresServer(programs)
    made.start()
    yield made
    made.stop()


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a store is to be made."""
    if request.param == "sqlite":
        return str(tmp_path / "calls.sqlite")
    server: PostgresServer = request.getfixturevalue("server")
    return server.make(f"calls{next(_number)}")


@pytest.fixture
def store(place: str) -> Iterator[CallStore]:
    with open_call_store(place) as opened:
        yield opened


def test_it_is_a_call_store_that_says_where_it_is(store: CallStore, place: str) -> None:
    assert isinstance(store, CallStore)
    assert place.rpartition("/")[2] in store.place


def test_what_was_put_is_found_again_after_reopening(place: str) -> None:
    call = answered("a")
    with open_call_store(place) as store:
        assert store.put(call) is True
        assert store.put(replace(call, text="another", run="run-2")) is False
    with open_call_store(place) as store:
        assert store.get_many([call.key, "0" * 64]) == {call.key: call}
        assert list(store) == [call]
        assert call.key in store
        assert store.count() == len(store) == 1


def test_many_are_stored_and_found_in_the_order_asked_for(store: CallStore) -> None:
    calls = [answered(str(n)) for n in range(1200)]
    assert store.put_many(calls) == 1200
    assert store.put_many(calls[:10]) == 0
    keys = [call.key for call in reversed(calls)]
    assert list(store.get_many(keys)) == keys
    assert {call.key for call in store} == set(keys)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.text(), question=st.text(), run=st.text(min_size=1))
def test_any_text_comes_back_as_it_was(
    store: CallStore, text: str, question: str, run: str
) -> None:
    call = answered(question + str(next(_number)), text, run=run)
    store.put(call)
    assert store.get_many([call.key])[call.key] == call


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "\ud800", "\u202e\u0301", "'; DROP TABLE x;"])
def test_characters_that_databases_dislike_are_kept(store: CallStore, text: str) -> None:
    call = replace(answered("q", text, run=text), model=ModelIdentity(text))
    store.put(call)
    store.record_failure("0" * 64, text, AT)
    assert store.get_many([call.key])[call.key] == call
    assert [failure.error for failure in store.failures()] == [text]


def test_failures_are_kept_apart(store: CallStore) -> None:
    store.record_failure("a" * 64, "first", AT)
    store.record_failure("b" * 64, "other", AT)
    store.record_failure("a" * 64, "second", AT)
    assert [failure.error for failure in store.failures("a" * 64)] == ["first", "second"]
    assert len(store.failures()) == 3 and store.failures()[0].at == AT
    assert store.count() == 0


def test_a_call_is_claimed_by_one_worker_at_a_time(store: CallStore) -> None:
    assert store.claim(["k1", "k2"], owner="a", seconds=60) == {"k1", "k2"}
    assert store.claim(["k1", "k2", "k3"], owner="b", seconds=60) == {"k3"}
    assert store.claim(["k1"], owner="a", seconds=60) == {"k1"}  # extended
    store.release(["k1", "k3"], owner="a")  # k3 is another's and stays so
    assert store.claim(["k1", "k3"], owner="b", seconds=60) == {"k1", "k3"}


def test_what_is_stored_cannot_be_claimed(store: CallStore) -> None:
    call = answered("a")
    store.put(call)
    assert store.claim([call.key], owner="a", seconds=60) == frozenset()


def test_a_claim_ends_by_itself(store: CallStore) -> None:
    assert store.claim(["k"], owner="dead", seconds=0.05) == {"k"}
    time.sleep(0.2)
    assert store.claim(["k"], owner="b", seconds=60) == {"k"}


@pytest.mark.parametrize("jump", [-86_400.0, -90.0, 90.0, 86_400.0])
def test_a_clock_that_jumps_neither_ends_a_claim_nor_prolongs_it(
    store: CallStore, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    now = time.time
    assert store.claim(["long"], owner="a", seconds=60) == {"long"}
    assert store.claim(["short"], owner="a", seconds=0.05) == {"short"}
    monkeypatch.setattr(time, "time", lambda: now() + jump)
    assert store.claim(["long"], owner="b", seconds=60) == frozenset()
    time.sleep(0.2)
    assert store.claim(["short"], owner="b", seconds=60) == {"short"}


def test_of_many_who_claim_at_once_each_call_has_one_owner(place: str) -> None:
    keys = [f"k{n}" for n in range(200)]
    won: dict[str, frozenset[str]] = {}

    def work(owner: str) -> None:
        with open_call_store(place) as store:
            won[owner] = store.claim(keys, owner=owner, seconds=60)

    open_call_store(place).close()
    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(key for mine in won.values() for key in mine) == sorted(keys)


WRITER = """
import sys
from harness.protocols import Completion, Message, ModelIdentity, Request
from harness.store import StoredCall, open_call_store
place, first = sys.argv[1], int(sys.argv[2])
with open_call_store(place) as store:
    for number in range(first, first + 90):
        request = Request((Message("user", str(number)),))
        answer = Completion(request, "x")
        store.put(StoredCall.of(model=ModelIdentity("m"), completion=answer, run="r"))
"""


def test_processes_that_start_and_write_at_once_lose_nothing(place: str) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, place, str(30 * n)], stderr=subprocess.PIPE, text=True
        )
        for n in range(4)
    ]
    for writer in writers:
        _, errors = writer.communicate(timeout=120)
        assert (writer.returncode, errors) == (0, "")
    with open_call_store(place) as store:
        assert store.count() == 180  # neighbours overlap


def test_calls_are_copied_between_stores_and_copied_again_harmlessly(
    store: CallStore, tmp_path: Path
) -> None:
    calls = [answered(str(n)) for n in range(700)]
    store.put_many(calls)
    with open_call_store(tmp_path / "other.sqlite") as other:
        other.put(replace(calls[0], text="its own"))
        assert copy_calls(store, other) == 699
        assert copy_calls(store, other) == 0
        assert other.get_many([calls[0].key])[calls[0].key].text == "its own"
        assert copy_calls(other, store) == 0


def test_a_closed_store_says_so(store: CallStore) -> None:
    store.close()
    store.close()
    with pytest.raises(ArtefactError, match="is closed"):
        store.count()


# -- a server's own faults ---------------------------------------------------------------------


def test_a_password_in_the_address_is_refused_and_not_repeated() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(ConfigError) as caught:
        open_call_store("postgresql://me:sk-planted-77@127.0.0.1:1/calls")
    assert "PGPASSWORD" in str(caught.value) and "sk-planted-77" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        (lambda place: place.rpartition("/")[0] + "/nowhere", "createdb"),
        (lambda place: "postgresql://127.0.0.1:1/calls", "server runs"),
    ],
)
def test_a_server_that_is_not_there_is_an_error_that_says_what_to_do(
    server: PostgresServer, change: Callable[[str], str], hint: str
) -> None:
    address = change(f"postgresql://postgres@127.0.0.1:{server.port}/calls")
    with pytest.raises(ArtefactError) as caught:
        open_call_store(address)
    assert hint in caught.value.hint


def test_a_database_of_a_later_version_is_refused(server: PostgresServer) -> None:
    from sqlalchemy import create_engine, text

    place = server.make(f"calls{next(_number)}")
    open_call_store(place).close()
    engine = create_engine(place.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("UPDATE calldistil_about SET value = '99'"))
    engine.dispose()
    with pytest.raises(ArtefactError, match="version 99"):
        open_call_store(place)


@pytest.mark.slow
def test_a_server_that_is_killed_loses_no_answer_and_is_used_again_when_it_is_back(
    server: PostgresServer,
) -> None:
    place = server.make(f"calls{next(_number)}")
    with open_call_store(place, patience_s=0.5) as store:
        for number in range(50):
            store.put(answered(str(number)))
        server.kill()
        with pytest.raises(ArtefactError, match="failed"):
            for number in range(50, 60):
                store.put(answered(str(number)))
        server.start()
        assert store.count() == 50
        assert store.put(answered("after"))


@pytest.mark.slow
def test_an_answer_waits_for_a_server_that_is_started_again(server: PostgresServer) -> None:
    place = server.make(f"calls{next(_number)}")
    with open_call_store(place) as store:
        assert store.claim(["k"], owner="a", seconds=60) == {"k"}
        server.kill()
        again = threading.Timer(1.0, server.start)
        again.start()
        assert store.put(answered("paid while it was away"))
        again.join()
        assert store.count() == 1
        assert store.claim(["k"], owner="b", seconds=60) == frozenset()


def test_a_run_keeps_its_calls_on_the_server_and_resume_finds_them(
    server: PostgresServer, small_task: Any, command: Any, tmp_path: Path
) -> None:
    place = server.make(f"calls{next(_number)}")
    run = tmp_path / "run"
    said = command("run", small_task.experiment, "--calls", place, "-o", run, "-q")
    assert said.code == 0, said.err
    assert not (run / "calls.sqlite").exists()
    with open_call_store(place) as store:
        count = len(store)
        assert count == 51
    for folder in (run / "artefacts").iterdir():
        if folder.name.startswith(("extract", "generate")):
            shutil.rmtree(folder)
    said = command("resume", run, "-q")
    assert said.code == 0, said.err
    with open_call_store(place) as store:
        assert len(store) == count
    said = command("store", "copy", place, tmp_path / "copy.sqlite")
    assert said.code == 0 and "51 answers copied" in said.err
    assert command("store", "count", tmp_path / "copy.sqlite").out == "51\n"
    assert command("store", "count", tmp_path / "nowhere.sqlite").code == 6


@pytest.mark.slow
def test_only_a_server_that_was_reached_before_is_waited_for(server: PostgresServer) -> None:
    place = server.make(f"calls{next(_number)}")
    open_call_store(place).close()
    server.kill()
    with pytest.raises(ArtefactError, match="failed"):
        open_call_store(place)
    again = threading.Timer(1.0, server.start)
    again.start()
    with open_call_store(place, known=True) as store:  # as a task of a run does
        assert store.count() == 0
    again.join()
