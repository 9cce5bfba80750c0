"""Every extractor on SemEval sentences through llama.cpp: its plumbing, on random weights."""

import pytest

from benchmarks.speed.random_gguf import GgufShape, write_random_gguf
from harness.pipeline import load_predictions, run_experiment
from harness.relations import Outcome
from harness.report import report_run
from harness.store import open_call_store

pytest.importorskip("torch")
pytest.importorskip("llama_cpp")
pytest.importorskip("gguf")
pytestmark = [pytest.mark.slow, pytest.mark.data]

WRITTEN = {"constrained JSON": {"constrained": True},
           "constrained label": {"constrained": True, "form": "text"}}  # fmt: skip
SCORED = {"sum": {"form": "scores"}, "mean": {"form": "scores", "normalisation": "mean"},
          "constrained": {"form": "scores", "normalisation": "constrained"}}  # fmt: skip


@pytest.fixture(scope="module")
def run(cut_extractors, tmp_path_factory):
    model = tmp_path_factory.mktemp("model") / "random.gguf"
    write_random_gguf(model, shape=GgufShape(layers=1, context=32768))

    def local(document):
        for temperature, entry in ((0.0, "llm"), (0.7, "sampled")):
            document["backends"][entry] = {
                "use": "llama_cpp",
                "options": {"model": str(model), "context": 32768},
                "sampling": {"max_tokens": 12, "temperature": temperature, "seed": 1},
                "price": "machine",
            }
        base = {"extractor": "zero_shot.v1", "backend": "llm"}
        for name, options in {**WRITTEN, **SCORED}.items():
            # Room for the longest label, one token to a character.
            document["systems"][name] = {**base, "options": options}
        document["systems"]["batch-calibrated"] = {
            **base, "options": SCORED["sum"], "calibrate": {"method": "batch"},
        }  # fmt: skip
        document["systems"]["contextually calibrated"] = {
            **base, "options": SCORED["sum"], "calibrate": {"method": "contextual"},
        }  # fmt: skip

    return run_experiment(cut_extractors(local), folder=tmp_path_factory.mktemp("run") / "run")


def answers_of(run, system):
    record = next(record for record in run.manifest().systems if record.name == system)
    (repetition,) = record.repetitions
    node = run.manifest().node(repetition.final)
    return load_predictions(run.artefacts.find(node.stage, node.key).content, run.schema())


def test_all_of_them_come_to_a_table_and_every_call_is_in_the_ledger(run):
    rows = {row.system: row for row in report_run(run.folder).rows}
    assert set(rows) >= {record.name for record in run.manifest().systems}
    assert rows["zero-shot"].costs.seconds_per_1000 > 0
    with open_call_store(run.calls) as calls:
        stored = list(calls)
    assert all(call.usage.source == "reported" and call.latency_s > 0 for call in stored)
    assert all(call.model.weights.startswith("sha256:") for call in stored)


@pytest.mark.parametrize("system", WRITTEN)
def test_a_constrained_answer_of_random_weights_is_a_label_or_was_cut_off(run, system):
    outcomes = {prediction.outcome for prediction in answers_of(run, system)}
    assert outcomes <= {Outcome.PARSED, Outcome.CUT_OFF}


@pytest.mark.parametrize("system", [*SCORED, "batch-calibrated", "contextually calibrated"])
def test_scores_answer_every_sentence_with_a_label(run, system):
    predictions = answers_of(run, system)
    assert len(predictions) == 4
    assert all(prediction.outcome is Outcome.PARSED for prediction in predictions)


def test_normalisations_share_their_calls(run):
    by_stage = [{tuple(p.answer or "" for p in answers_of(run, system))} for system in SCORED]
    assert by_stage[0] == by_stage[1] == by_stage[2]
