"""Every extractor on SemEval sentences, round by round through batch files to its table."""

import hashlib
import json

import pytest
from batch_service import answer_round

from harness.pipeline import (
    build_plan,
    estimate_plan,
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


def test_every_extractor_comes_to_its_table_by_batch_files_alone(setup, tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    folder = tmp_path / "run"
    rounds = []
    while calls := answer_round(setup, folder, stand_in):
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
