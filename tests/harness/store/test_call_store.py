"""The call store on a real file: what goes in comes out, and every fault names its fix."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import ArtefactError
from harness.protocols import Completion, FinishReason, Message, ModelIdentity, Request, Usage
from harness.store import SCHEMA_VERSION, StoredCall, open_call_store, request_key

MODEL = ModelIdentity("some-model", "weights-hash")
AT = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)


def ask(text: str) -> Request:
    return Request((Message("user", text),))


def answered(question: str, answer: str = "yes", *, run: str = "run-1") -> StoredCall:
    usage = Usage(12, 0, None, 3, source="reported")
    completion = Completion(ask(question), answer, FinishReason.LENGTH, usage, 0.25)
    return StoredCall.of(model=MODEL, completion=completion, run=run, created_at=AT)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "new folder" / "calls.sqlite"


def test_what_was_put_is_found_again_by_its_key_after_reopening(file: Path) -> None:
    call = answered("a")
    with open_call_store(file) as store:
        assert store.put(call) is True
    with open_call_store(file) as store:
        assert store.get_many([call.key]) == {call.key: call}
        assert list(store) == [call]
        assert call.key in store
        assert store.count() == len(store) == 1


def test_a_stored_call_gives_the_completion_it_was_made_of() -> None:
    completion = Completion(
        ask("a"), "x", FinishReason.REFUSAL, Usage(1), 2.0, recorded=True, log_probability=-0.5
    )
    call = StoredCall.of(model=MODEL, completion=completion, run="r")
    assert call.completion(ask("a")) == completion
    assert call.key == request_key(MODEL, ask("a"))
    assert call.created_at.tzinfo is UTC


def test_a_run_pays_for_its_own_calls_but_not_for_recorded_ones() -> None:
    call = answered("a", run="run-1")
    assert call.paid_by("run-1")
    assert not call.paid_by("run-2")
    assert not replace(call, recorded=True).paid_by("run-1")


def test_a_key_that_is_there_keeps_its_first_answer_usage_and_latency(file: Path) -> None:
    first = answered("a", "first")
    again = replace(first, text="second", usage=Usage(99), latency_s=9.0, run="run-2")
    with open_call_store(file) as store:
        assert [store.put(first), store.put(again)] == [True, False]
        assert store.get_many([first.key])[first.key] == first


def test_only_the_wanted_keys_come_back_in_the_order_they_were_asked_for(file: Path) -> None:
    calls = [answered(str(number)) for number in range(1203)]  # more than one chunk of SQLite
    with open_call_store(file) as store:
        assert store.put_many(calls) == 1203
        keys = [call.key for call in reversed(calls)]
        found = store.get_many(["absent", *keys, *keys[:3]])
        assert list(found) == keys
        assert list(store) == calls


def test_many_calls_are_stored_all_or_none(file: Path) -> None:
    naive = replace(answered("b"), created_at=datetime(2026, 1, 1))
    with open_call_store(file) as store:
        with pytest.raises(ValueError, match="time zone"):
            store.put_many([answered("a"), naive])
        assert store.count() == 0
        assert store.put(answered("a")) is True


def test_times_come_back_in_utc(file: Path) -> None:
    tokyo = timezone(timedelta(hours=9))
    with open_call_store(file) as store:
        store.put(replace(answered("a"), created_at=AT.astimezone(tokyo)))
        assert [call.created_at.isoformat() for call in store] == [AT.isoformat()]


# Lone surrogates and NUL: models write both as JSON escapes.
@settings(max_examples=60, deadline=None)
@given(text=st.text(st.characters()), prompt=st.text(st.characters()))
def test_any_text_comes_back_as_it_was(
    text: str, prompt: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    call = answered(prompt, text)
    with open_call_store(tmp_path_factory.mktemp("calls") / "calls.sqlite") as store:
        store.put(call)
        store.record_failure(call.key, text, AT)
        assert store.get_many([call.key])[call.key] == call
        assert [failure.error for failure in store.failures(call.key)] == [text]


def test_failures_are_kept_apart_from_answers_oldest_first(file: Path) -> None:
    with open_call_store(file) as store:
        store.record_failure("a", "timeout", AT)
        store.record_failure("b", "refused", AT)
        store.record_failure("a", "overloaded", AT + timedelta(seconds=1))
        assert [f.error for f in store.failures("a")] == ["timeout", "overloaded"]
        assert [f.key for f in store.failures()] == ["a", "b", "a"]
        assert [f.at for f in store.failures("b")] == [AT]
        assert (store.count(), store.get_many(["a"])) == (0, {})


def test_rows_may_be_added_while_the_store_is_being_read(file: Path) -> None:
    with open_call_store(file) as store:
        store.put_many([answered(str(number)) for number in range(600)])
        seen = 0
        for call in store:
            seen += 1
            if seen == 1:
                store.put(answered("late"))
            last = call
        assert (seen, last.key) == (601, answered("late").key)


def test_threads_share_one_store(file: Path) -> None:
    def write(first: int) -> None:
        for number in range(first, first + 50):
            store.put(answered(str(number)))
            store.get_many([answered(str(number)).key])

    with open_call_store(file) as store:
        threads = [threading.Thread(target=write, args=[first]) for first in range(0, 200, 25)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.count() == 225  # neighbours overlap by half


def test_a_closed_store_says_so_and_may_be_closed_twice(file: Path) -> None:
    store = open_call_store(file)
    store.close()
    store.close()
    with pytest.raises(ArtefactError, match="is closed"):
        store.count()


def rewrite(file: Path, *statements: str) -> None:
    with sqlite3.connect(file) as database:
        for statement in statements:
            database.execute(statement)
    database.close()


def test_a_store_of_the_first_version_is_migrated_with_its_calls(file: Path) -> None:
    call = answered("a")
    with open_call_store(file) as store:
        store.put(call)
    with sqlite3.connect(file) as database:
        database.execute("ALTER TABLE calls DROP COLUMN log_probability")
        database.execute("DROP TABLE claims")
        database.execute("UPDATE about SET value = '1' WHERE name = 'schema_version'")
    database.close()
    likely = replace(answered("b"), log_probability=-0.5)
    with open_call_store(file) as store:
        store.put(likely)
        assert list(store) == [call, likely]
    with open_call_store(file) as store:
        assert len(store) == 2


def test_a_store_of_another_version_is_refused_and_left_as_it_is(file: Path) -> None:
    open_call_store(file).close()
    rewrite(file, f"UPDATE about SET value = '{SCHEMA_VERSION + 1}'")
    before = file.read_bytes()
    with pytest.raises(ArtefactError, match=f"version {SCHEMA_VERSION + 1}.*\n.*that wrote it"):
        open_call_store(file)
    assert file.read_bytes() == before


def test_another_programs_database_is_refused_and_left_as_it_is(file: Path) -> None:
    file.parent.mkdir()
    rewrite(file, "CREATE TABLE bookmarks (url TEXT)")
    before = file.read_bytes()
    with pytest.raises(ArtefactError, match="not a call store"):
        open_call_store(file)
    assert file.read_bytes() == before


def fill_with_text(file: Path) -> None:
    file.write_text("this is no database " * 400)


def damage_pages(file: Path) -> None:
    with open_call_store(file) as store:
        store.put_many([answered(str(number), "x" * 500) for number in range(400)])
    content = bytearray(file.read_bytes())
    content[8192:] = b"\x5a" * (len(content) - 8192)
    file.write_bytes(content)


def garble_a_row(file: Path) -> None:
    with open_call_store(file) as store:
        store.put(answered("a"))
    rewrite(file, "UPDATE calls SET finish = 'bored'")


@pytest.mark.parametrize("damage", [fill_with_text, damage_pages, garble_a_row])
def test_a_damaged_file_is_an_error_that_says_how_to_go_on(
    file: Path, damage: Callable[[Path], None]
) -> None:
    file.parent.mkdir()
    damage(file)
    with (
        pytest.raises(ArtefactError, match=r"failed: .*\n.*damaged.*\.recover"),
        open_call_store(file) as store,
    ):
        list(store)


def test_a_folder_in_place_of_the_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match=r"unable to open.*\n.*is a file"):
        open_call_store(tmp_path)


def test_a_file_in_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(ArtefactError, match="cannot be made"):
        open_call_store(tmp_path / "taken" / "calls.sqlite")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_store_taken_along_by_fork_opens_a_connection_of_its_own(file: Path) -> None:
    store = open_call_store(file)
    store.put(answered("parent, before"))
    child = os.fork()
    if child == 0:
        failed = 1
        try:
            store.put(answered("child"))
            failed = int(store.count() < 2)
            store.close()
        finally:
            os._exit(failed)
    store.put(answered("parent, after"))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert store.count() == 3
    store.close()
