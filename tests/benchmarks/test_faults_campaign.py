"""Ten SIGKILLs at random moments: of drivers, workers, an LLM server and a PostgreSQL server."""

import importlib.util
import json
import time

import pytest

from benchmarks.faults import KINDS, LOCAL, Stand, strike_all
from benchmarks.faults.__main__ import main, shared_out
from benchmarks.generated_section import write_section
from benchmarks.postgres_server import server_programs

needs_openai = pytest.mark.skipif(
    importlib.util.find_spec("openai") is None, reason="could not import openai"
)


def without_servers():
    there = server_programs() is not None and importlib.util.find_spec("psycopg") is not None
    return [name for name, kind in KINDS.items() if there or not kind.on_server]


@pytest.mark.slow
@needs_openai
def test_ten_kills_repeat_no_paid_call_lose_none_and_change_no_table(tmp_path):
    kills = shared_out(10, without_servers())
    assert sum(kills.values()) == 10
    with Stand(tmp_path, latency_s=0.02) as stand:
        seed = time.time_ns()  # other moments every time
        outcomes = list(strike_all(stand, kills=kills, executor=LOCAL, seed=seed))
    assert sum(outcome.kills for outcome in outcomes) == 10
    for outcome in outcomes:
        assert outcome.holds, (seed, outcome)
        if KINDS[outcome.kind].on_server and KINDS[outcome.kind].driver_lives:
            assert outcome.in_flight == 0  # what came while the server was away is kept
        assert outcome.in_flight <= 4 * outcome.kills


@pytest.mark.slow
@needs_openai
def test_the_command_writes_its_table_between_the_marks_of_a_page(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text(
        "# Faults\n\n<!-- begin kills-local -->\nold\n<!-- end kills-local -->\n\nend\n"
    )
    words = ["--kills", "1", "--kinds", "driver, SQLite", "--write", str(page)]
    assert main(words) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (result["value"], result["repeated"], result["lost"]) == (1, 0, 0)
    text = page.read_text(encoding="utf-8")
    assert "| driver, SQLite | local" in text and "old" not in text
    assert text.endswith("<!-- end kills-local -->\n\nend\n")


def test_kills_are_shared_out_whole():
    for kills in (5, 10, 50, 51):
        assert sum(shared_out(kills, list(KINDS)).values()) == kills
    assert shared_out(50, list(KINDS)) == {name: kind.share for name, kind in KINDS.items()}


def test_a_page_without_the_marks_gets_the_section_at_its_end(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Page\n", encoding="utf-8")
    write_section(page, "one", "first")
    write_section(page, "one", "second")
    assert page.read_text(encoding="utf-8") == (
        "# Page\n\n<!-- begin one -->\nsecond\n<!-- end one -->\n"
    )
