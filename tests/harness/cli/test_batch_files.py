"""Calls out to a batch file and answers back, as a user does it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks.speed.loopback import completion_body
from harness.pipeline import RunFolder
from harness.store import open_call_store


@pytest.fixture
def answers(small_task: Any) -> Callable[[Mapping[str, Any]], str]:
    """What the recording says to the body of a request."""
    lines = (small_task.folder / "teacher.jsonl").read_text(encoding="utf-8").splitlines()
    recorded = {json.dumps(row["messages"]): row["response"] for row in map(json.loads, lines)}
    return lambda body: recorded[json.dumps(body["messages"])]


@pytest.fixture
def experiment(small_task: Any) -> Path:
    """The small task, asked of an OpenAI-compatible server that is not there."""

    def change(document: dict[str, Any]) -> None:
        teacher = document["backends"]["teacher"]
        teacher["use"] = "openai"
        teacher["options"] = {"model": "some-llm", "base_url": "http://127.0.0.1:9/v1"}
        teacher["sampling"] = {"max_tokens": 400, "temperature": 0}
        teacher["price"]["batch_discount"] = 0.5

    return small_task.changed(change)  # type: ignore[no-any-return]


def requests_in(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def answer_line(request: Mapping[str, Any], text: str, model: str = "some-llm") -> dict[str, Any]:
    return {
        "id": "batch_req_1",
        "custom_id": request["custom_id"],
        "response": {"status_code": 200, "body": completion_body(model, text)},
        "error": None,
    }


def write(file: Path, lines: list[dict[str, Any]]) -> Path:
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return file


@pytest.fixture
def exported(experiment: Path, command: Any, tmp_path: Path) -> list[dict[str, Any]]:
    words = ("--output", tmp_path / "run", "--json")
    said = command("batch", "export", experiment, "-o", tmp_path / "requests.jsonl", *words)
    assert said.code == 0, said.err
    return requests_in(tmp_path / "requests.jsonl")


def test_export_writes_every_call_in_the_openai_batch_format_and_makes_none(
    experiment: Path, exported: list[dict[str, Any]], command: Any, tmp_path: Path
) -> None:
    assert len(exported) == 36 + 3 + 12
    assert len({line["custom_id"] for line in exported}) == len(exported)
    for line in exported:
        assert set(line) == {"custom_id", "method", "url", "body"}
        assert (line["method"], line["url"]) == ("POST", "/v1/chat/completions")
        assert len(line["custom_id"]) == 64
        assert line["body"]["model"] == "some-llm"
        assert line["body"]["max_tokens"] == 400
        assert line["body"]["messages"][-1]["role"] == "user"
    said = command(
        "batch", "export", experiment, "-o", tmp_path / "again.jsonl",
        "--output", tmp_path / "run", "--json",
    )  # fmt: skip
    told = json.loads(said.out)
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "requests.jsonl").read_bytes()
    assert told["calls"] == 51
    by_stage = {stage["stage"]: stage for stage in told["stages"]}
    direct = by_stage["llm: ask zero_shot.v1"]
    assert direct["calls"] == 36 and direct["input_tokens"] > 36 * 50
    assert direct["batch_cost"]["at_most"] == pytest.approx(direct["cost"]["at_most"] / 2)
    assert "36 calls to some-llm" in said.err


def test_imported_answers_carry_the_run_without_another_call(
    experiment: Path,
    exported: list[dict[str, Any]],
    answers: Callable[[Mapping[str, Any]], str],
    command: Any,
    small_task: Any,
    tmp_path: Path,
) -> None:
    lines = [answer_line(line, answers(line["body"])) for line in reversed(exported)]
    file = write(tmp_path / "answers.jsonl", lines)
    run = tmp_path / "run"
    said = command("batch", "import", experiment, file, "--output", run, "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out) == {"new": 51, "known": 0, "failures": [], "waiting": 0}
    said = command("run", experiment, "--output", run, "--json", "-q")
    assert said.code == 0, said.err  # nobody listens at its address
    batch = json.loads(said.out)
    said = command("run", small_task.experiment, "--output", tmp_path / "plain", "--json", "-q")
    recorded = json.loads(said.out)
    scores = [
        [(row["system"], row["score"]) for row in table["rows"]] for table in (batch, recorded)
    ]
    assert scores[0] == scores[1]
    with open_call_store(RunFolder.open(run).calls) as calls:
        assert {call.run for call in calls} == {RunFolder.open(run).manifest().run}
        assert {call.usage.source for call in calls} == {"reported"}
    said = command("batch", "export", experiment, "-o", tmp_path / "x.jsonl", "--output", run)
    assert "needs no call" in said.err
    assert not (tmp_path / "x.jsonl").exists()
    # The same file again changes nothing.
    said = command("batch", "import", experiment, file, "--output", run, "--json")
    assert json.loads(said.out)["new"] == 0


def test_wrong_lines_are_told_all_at_once_and_nothing_is_stored(
    experiment: Path, exported: list[dict[str, Any]], command: Any, tmp_path: Path
) -> None:
    good = answer_line(exported[0], "none")
    unknown = answer_line({"custom_id": "0" * 64}, "none")
    file = write(tmp_path / "answers.jsonl", [good, unknown, good, {"id": "no custom id"}])
    file.write_text(file.read_text(encoding="utf-8") + "{broken\n", encoding="utf-8")
    words = ("batch", "import", experiment, file, "--output", tmp_path / "run")
    said = command(*words)
    assert said.code == 3
    for line, what in (
        (2, "no call that the run waits for"),
        (3, "stands at line 1 already"),
        (4, "an object with a custom_id"),
        (5, "not valid JSON"),
    ):
        assert f"answers.jsonl:{line}: " in said.err and what in said.err
    run = RunFolder.open(tmp_path / "run")
    with open_call_store(run.calls) as calls:
        assert calls.count() == 0
    said = command(*words, "--partial")
    assert said.code == 3 and "1 answers were stored" in said.err
    with open_call_store(run.calls) as calls:
        assert calls.count() == 1


def test_lines_without_an_answer_are_recorded_and_asked_again(
    experiment: Path, exported: list[dict[str, Any]], command: Any, tmp_path: Path
) -> None:
    expired = {
        "custom_id": exported[1]["custom_id"],
        "response": None,
        "error": {"code": "batch_expired", "message": "not run in time"},
    }
    refused = {
        "custom_id": exported[2]["custom_id"],
        "response": {"status_code": 400, "body": {"error": {"message": "too long"}}},
        "error": None,
    }
    other = answer_line(exported[3], "none", model="another-llm")
    file = write(
        tmp_path / "answers.jsonl", [answer_line(exported[0], "none"), expired, refused, other]
    )
    said = command("batch", "import", experiment, file, "--output", tmp_path / "run", "--json")
    assert said.code == 0
    told = json.loads(said.out)
    assert (told["new"], len(told["failures"]), told["waiting"]) == (1, 3, 50)
    for what in ("not run in time", "too long", "'another-llm' instead of 'some-llm'"):
        assert what in said.err
    with open_call_store(RunFolder.open(tmp_path / "run").calls) as calls:
        assert len(calls.failures()) == 3
    again = tmp_path / "again.jsonl"
    command("batch", "export", experiment, "-o", again, "--output", tmp_path / "run")
    left = {line["custom_id"] for line in requests_in(again)}
    assert left == {line["custom_id"] for line in exported[1:]}


def test_calls_to_two_models_are_not_mixed_in_one_file(
    small_task: Any, experiment: Path, command: Any, tmp_path: Path
) -> None:
    def two(document: dict[str, Any]) -> None:
        options = {"model": "some-llm", "base_url": "http://127.0.0.1:9/v1"}
        document["backends"]["teacher"].update(use="openai", options=options)
        other = {"use": "openai", "options": options | {"model": "other-llm"}}
        document["backends"]["other"] = other
        document["systems"]["other"] = {"extractor": "zero_shot.v1", "backend": "other"}

    file = small_task.changed(two, "two.yaml")
    words = ("-o", tmp_path / "r.jsonl", "--output", tmp_path / "two")
    said = command("batch", "export", file, *words)
    assert said.code == 2 and "other-llm (other)" in said.err
    assert command("batch", "export", file, *words, "--backend", "other").code == 0
    assert {line["body"]["model"] for line in requests_in(tmp_path / "r.jsonl")} == {"other-llm"}


def test_a_backend_without_batch_files_is_refused(
    small_task: Any, command: Any, tmp_path: Path
) -> None:
    def scripted(document: dict[str, Any]) -> None:
        document["backends"]["teacher"].update(use="scripted", options={"model": "some-llm"})

    file = small_task.changed(scripted)
    said = command("batch", "export", file, "-o", tmp_path / "r.jsonl", "--output", tmp_path / "r")
    assert said.code == 2 and "knows no batch files" in said.err


def test_a_recording_needs_no_batch_file(small_task: Any, command: Any, tmp_path: Path) -> None:
    said = command(
        "batch", "export", small_task.experiment, "-o", tmp_path / "r.jsonl",
        "--output", tmp_path / "run",
    )  # fmt: skip
    assert said.code == 0 and "needs no call" in said.err
