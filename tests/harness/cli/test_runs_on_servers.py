"""Runs on OpenAI-compatible servers: budgets, servers that die, keys, pools, doctor."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks.speed.loopback import Fault, LoopbackServer
from harness.pipeline import RunFolder
from harness.store import open_call_store

pytest.importorskip("openai")

KEY = "sk-planted-93c1e7d05b"
CALLS = 36 + 3 + 12


@pytest.fixture(autouse=True)
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEACHER_KEY", KEY)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


@pytest.fixture
def answers(small_task: Any) -> Callable[[Mapping[str, Any]], str]:
    """What the recording says to the body of a request."""
    lines = (small_task.folder / "teacher.jsonl").read_text(encoding="utf-8").splitlines()
    recorded = {json.dumps(row["messages"]): row["response"] for row in map(json.loads, lines)}
    return lambda body: recorded.get(json.dumps(body["messages"]), "none")


@pytest.fixture
def on_servers(small_task: Any) -> Callable[..., Path]:
    """Writes the small task's experiment with its backend on servers."""

    def write(*servers: LoopbackServer, **options: Any) -> Path:
        def change(document: dict[str, Any]) -> None:
            teacher = document["backends"]["teacher"]
            teacher["use"] = "openai"
            teacher["sampling"] = {"max_tokens": 100}
            teacher["options"] = {
                "model": "some-llm",
                "base_urls": [server.base_url for server in servers],
                "api_key_env": "TEACHER_KEY",
            } | options

        return small_task.changed(change)  # type: ignore[no-any-return]

    return write


def paid(run: Path) -> int:
    with open_call_store(RunFolder.open(run).calls) as calls:
        return sum(call.paid_by(RunFolder.open(run).manifest().run) for call in calls)


def test_a_run_stops_before_its_budget_is_exceeded_and_goes_on_with_a_higher_one(
    answers: Any, on_servers: Any, command: Any, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    with LoopbackServer(answers, key=KEY) as server:
        file = on_servers(server)
        said = command("run", file, "-o", run, "--max-calls", "20", "-q")
        assert said.code == 7
        assert "20 of 20 calls" in said.err and "Raise the budget" in said.err
        assert (paid(run), server.count) == (20, 20)
        # The budget is the run's, over all its sittings.
        assert command("resume", run, "--max-calls", "20", "-q").code == 7
        assert server.count == 20
        assert command("resume", run, "--max-calls", "45", "-q").code == 7
        assert (paid(run), server.count) == (45, 45)
        assert command("resume", run, "--max-calls", str(CALLS), "-q").code == 0
        assert (paid(run), server.count) == (CALLS, CALLS)


def test_a_cost_budget_is_never_exceeded(
    answers: Any, on_servers: Any, command: Any, tmp_path: Path
) -> None:
    with LoopbackServer(answers, key=KEY) as server:
        said = command("run", on_servers(server), "-o", tmp_path / "r", "--max-cost", "0.002", "-q")
    assert said.code == 7
    one = (10 * 2 + 2 * 8) / 1_000_000  # what the server reports, at the experiment's price
    assert 0 < server.count < CALLS
    assert server.count * one <= 0.002


def test_verbs_without_an_experiment_have_budgets_as_well(
    answers: Any, small_task: Any, command: Any, tmp_path: Path
) -> None:
    with LoopbackServer(answers, key=KEY) as server:
        words = (
            "extract", small_task.folder / "test.jsonl", "-s", small_task.folder / "ties.yaml",
            "-b", "openai", "-B", "model=some-llm", "-B", f"base_url={server.base_url}",
            "-B", "api_key_env=TEACHER_KEY", "-o", tmp_path / "out", "-q",
        )  # fmt: skip
        assert command(*words, "--max-calls", "10").code == 7
        assert server.count == 10
        said = command(*words, "--max-cost", "1")
        assert said.code == 2 and "some-llm" in said.err  # no price is known for it
        assert command(*words).code == 0
        assert server.count == 36


def test_a_server_that_dies_in_mid_run_leaves_a_run_that_resumes(
    answers: Any, on_servers: Any, command: Any, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    with LoopbackServer(key=KEY) as server:

        def answer(body: Mapping[str, Any]) -> str:
            if server.count > 15:
                server.stop_soon()
            return str(answers(body))

        server.answer = answer
        file = on_servers(server, max_retries=1, concurrency=4)
        said = command("run", file, "-o", run, "-q")
    assert said.code == 4
    assert "connection" in said.err and "Traceback" not in said.err
    kept = paid(run)
    assert 10 <= kept < CALLS
    with LoopbackServer(answers, key=KEY, port=server.port) as again:
        assert command("resume", run, "-q").code == 0
        assert again.count == CALLS - kept
    assert paid(run) == CALLS


def test_the_key_is_in_nothing_that_a_run_writes_or_says(
    answers: Any, on_servers: Any, calldistil: Any, tmp_path: Path
) -> None:
    env = {"TEACHER_KEY": KEY, "OPENAI_LOG": "info"}
    with LoopbackServer(key="another") as server:  # echoes the wrong key in its refusal
        refused = calldistil("--debug", "run", on_servers(server), "-o", tmp_path / "a", **env)
    assert refused.returncode == 4
    assert "HTTP 401" in refused.stderr and "[key]" in refused.stderr
    fault = {3: Fault.SERVER_ERROR, 5: Fault.BROKEN_JSON, 9: Fault.CUT}

    def echo(body: Mapping[str, Any]) -> str:
        return f"{answers(body)} {KEY}"

    with LoopbackServer(echo, fault=fault.get, key=KEY) as server:
        done = calldistil("--debug", "run", on_servers(server), "-o", tmp_path / "b", **env)
        assert done.returncode in (0, 1), done.stderr
        doctor = calldistil("doctor", on_servers(server), **env)
    packed = calldistil("bundle", tmp_path / "b", "-o", tmp_path / "b.zip", "--artefacts", **env)
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    for said in (refused, done, doctor, packed):
        assert KEY not in said.stdout + said.stderr
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert any(file.name == "calls.sqlite" for file in files)
    for file in files:
        assert KEY.encode() not in file.read_bytes(), file


def test_a_key_in_a_file_is_refused_and_not_repeated(
    on_servers: Any, command: Any, tmp_path: Path
) -> None:
    with LoopbackServer() as server:
        for options in (
            {"api_key": KEY},
            {"api_key_env": "sk_planted_as_a_name"},
            {"extra_body": {"api_key": KEY}},
            {"base_urls": [f"http://user:{KEY}@127.0.0.1:9/v1"]},
        ):
            said = command("run", on_servers(server, **options), "-o", tmp_path / "run")
            assert said.code == 2
            assert KEY not in said.err + said.out
            assert "planted_as" not in said.err
    assert not (tmp_path / "run").exists()


def test_a_missing_key_is_one_message_where_the_address_needs_one(
    small_task: Any, command: Any, tmp_path: Path
) -> None:
    def change(document: dict[str, Any]) -> None:
        document["backends"]["teacher"].update(use="openai", options={"model": "gpt-4.1"})

    said = command("run", small_task.changed(change), "-o", tmp_path / "run", "-q")
    assert said.code == 4
    assert "OPENAI_API_KEY is not set" in said.err and "export OPENAI_API_KEY" in said.err


def test_doctor_tells_what_each_server_offers(on_servers: Any, command: Any) -> None:
    def answer(body: Mapping[str, Any]) -> Any:
        kind = body.get("response_format", {}).get("type")
        if kind == "json_schema":
            return 500, {"error": {"message": "no such thing"}}
        if "schema" in body.get("response_format", {}):
            return '{"relation": "calldistil"}'
        return '{"relation": "none"}' if kind else "none"

    with LoopbackServer(answer, models=["some-llm"], key=KEY) as server:
        said = command("doctor", on_servers(server), "--json")
    found = {f["about"].split(": ")[-1]: f for f in json.loads(said.out)}
    assert said.code == 0
    assert found["models"]["said"] == "some-llm is listed"
    assert found["json_schema"]["state"] == "note" and "HTTP 500" in found["json_schema"]["said"]
    assert found["json_object+schema"]["said"] == "works"
    assert found["json_object"]["said"] == "works"
    assert found["grammar"]["said"] == "taken, but the answer does not follow it"
    assert found["usage"]["said"] == "reported"
    assert found["log-probabilities"]["said"] == "not offered"


def test_doctor_names_a_server_that_is_not_there(command: Any) -> None:
    with LoopbackServer() as server:
        pass
    said = command("doctor", "--backend", "openai", "-B", "model=m", "-B",
                   f"base_url={server.base_url}")  # fmt: skip
    assert said.code == 1
    assert f"127.0.0.1:{server.port}" in said.out and "connection" in said.out
