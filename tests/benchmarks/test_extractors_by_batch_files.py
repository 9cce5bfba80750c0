"""Every extractor on SemEval sentences, round by round through batch files to its table."""

import hashlib
import json

import pytest

from benchmarks.speed.loopback import completion_body
from harness.pipeline import (
    build_plan,
    estimate_plan,
    export_batch,
    import_batch,
    load_setup,
    run_experiment,
)
from harness.report import report_run
from harness.store import open_call_store

pytest.importorskip("torch")
pytestmark = [pytest.mark.slow, pytest.mark.data]

REPLIES = (
    '{"relation": "Other"}',
    '{"relation": "Cause-Effect(e1,e2)"}',
    "Yes.",
    "I disagree: the label is Product-Producer(e2,e1).",
    '{"groups": ["Cause-Effect"]}',
    "A",
)


def stand_in(body):
    """A service without a model: some reply, the same for the same question."""
    digest = hashlib.sha256(json.dumps(body["messages"]).encode()).digest()
    return REPLIES[digest[0] % len(REPLIES)]


@pytest.fixture(scope="module")
def setup(cut_extractors):
    return load_setup(cut_extractors())


def answered(setup, requests, answers, folder):
    """Writes a round's calls, answers them and puts the answers in; returns how many there were."""
    calls = 0
    for backend in setup.experiment.backends:
        for file in (requests, answers):
            file.unlink(missing_ok=True)
        export_batch(setup, requests, folder=folder, backend=backend)
        if not requests.exists():
            continue
        rows = [json.loads(line) for line in requests.read_text(encoding="utf-8").splitlines()]
        lines = [
            {
                "custom_id": row["custom_id"],
                "error": None,
                "response": {
                    "status_code": 200,
                    "body": completion_body(row["body"]["model"], stand_in(row["body"])),
                },
            }
            for row in rows
        ]
        answers.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        import_batch(setup, answers, folder=folder)
        calls += len(rows)
    return calls


def test_every_extractor_comes_to_its_table_by_batch_files_alone(setup, tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    folder = tmp_path / "run"
    rounds = []
    while calls := answered(setup, tmp_path / "out.jsonl", tmp_path / "in.jsonl", folder):
        rounds.append(calls)
        assert len(rounds) <= 10
    assert len(rounds) >= 4  # a reflective agent that disagrees twice
    run = run_experiment(setup.file, folder=folder)  # there is no server and no key
    table = report_run(run.folder)
    assert {row.system for row in table.rows} >= set(setup.experiment.systems)
    with open_call_store(run.calls) as stored:
        assert len(stored) == sum(rounds)
    planned = estimate_plan(build_plan(setup)).stages
    # At most: what two methods ask alike is asked once.
    assert sum(rounds) <= sum(s.calls + sum(r.at_most for r in s.later) for s in planned)
