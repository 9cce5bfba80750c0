"""Sixteen writers on each store, and the benchmark of call stores at its smallest."""

import json

import pytest

from benchmarks.postgres_server import PostgresServer, server_programs
from benchmarks.speed import call_store
from harness.store import open_call_store

pytestmark = pytest.mark.slow


def test_sixteen_writers_on_one_file_lose_no_row_and_meet_no_error(tmp_path):
    place = str(tmp_path / "calls.sqlite")
    side = call_store.written(place, 1600, 16)
    assert (side.lost, side.errors) == (0, ())
    with open_call_store(place) as store:
        assert {call.key for call in store} == {call_store.call(n).key for n in range(1600)}


def test_sixteen_writers_on_one_server_lose_no_row_and_meet_no_error():
    pytest.importorskip("psycopg")
    pytest.importorskip("sqlalchemy")
    programs = server_programs()
    if programs is None:
        pytest.skip("there is no PostgreSQL server: apt-get install postgresql")
    server = PostgresServer(programs)
    try:
        server.start()
        place = server.make("calls")
        side = call_store.written(place, 1600, 16)
        assert (side.lost, side.errors) == (0, ())
        with open_call_store(place) as store:
            assert {call.key for call in store} == {call_store.call(n).key for n in range(1600)}
    finally:
        server.stop()


def test_the_last_line_is_one_object_with_both_sides(capsys):
    words = ["--calls", "64", "--stored", "2000", "--looks", "200", "--peer-calls", "16"]
    assert call_store.main(words) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {"name", "value", "unit", "peer", "peer_value", "ratio", "aim", "holds"} <= set(result)
    assert (result["lost"], result["errors"]) == (0, 0)
    looks = [result["lookup_ms"], result["postgres_lookup_ms"] or [0.0]]
    assert result["holds"] == all(median < 1 for median, *_ in looks)
