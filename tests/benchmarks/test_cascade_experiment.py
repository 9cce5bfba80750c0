"""The experiment that puts a cascade together on SemEval-2010 Task 8."""

import json

import pytest

from benchmarks.experiments import CASCADE_SEMEVAL
from harness.pipeline import build_plan, load_setup

RECORDINGS = CASCADE_SEMEVAL.parents[1] / "recordings" / "semeval-2010-task-8"


def ids(name):
    return json.loads((RECORDINGS / name).read_text(encoding="utf-8"))


def test_the_dev_sentences_are_the_labelled_ones_that_no_student_is_trained_on():
    labelled, dev = ids("label_train_ids.json"), ids("label_dev_ids.json")
    assert dev == labelled[1600:]
    assert set(dev).isdisjoint(labelled[:1600])
    shown = {str(i) for drawn in ids("few_shot_ids.json").values() for i in drawn}
    assert set(dev).isdisjoint(shown)


@pytest.mark.data
def test_the_plan_asks_the_llm_about_test_and_dev_alone(data_home, monkeypatch):
    monkeypatch.setenv("CALLDISTIL_DATA", str(data_home))
    plan = build_plan(load_setup(CASCADE_SEMEVAL))
    asked = {node.inputs["examples"].title for node in plan.nodes if node.stage.name == "extract"}
    assert asked == {"read data.test", "read data.dev"}
    kinds = {system.name: system.kind for system in plan.systems}
    assert [name for name, kind in kinds.items() if kind == "cascade"] == [
        "linear-then-llm",
        "best-on-dev",
        "within-tolerance",
    ]
