"""The experiments that put every student side by side on SemEval-2010 Task 8."""

import json
from collections import Counter

import pytest

from benchmarks import experiments
from harness.pipeline import Train, build_plan, estimate_plan, load_setup
from harness.students import students

NAMES = (
    "STUDENTS_SEMEVAL",
    "STUDENTS_SEMEVAL_FULL",
    "STUDENTS_SEMEVAL_GOLD_8",
    "STUDENTS_SEMEVAL_GOLD_16",
    "STUDENTS_SEMEVAL_GOLD_32",
)


@pytest.fixture
def plan_of(data_home, monkeypatch):
    monkeypatch.setenv("CALLDISTIL_DATA", str(data_home))
    return lambda name: build_plan(load_setup(getattr(experiments, name)))


def _trainings(plan, *, soup=1):
    stages = [node.stage for node in plan.nodes if isinstance(node.stage, Train)]
    return Counter(stage.student for stage in stages if getattr(stage.options, "soup", 1) == soup)


@pytest.mark.data
@pytest.mark.parametrize("name", NAMES)
def test_every_student_is_trained_equally_often_with_three_seeds(plan_of, name):
    trainings = _trainings(plan_of(name))
    ours = {each for each in students if students.get(each).__module__.startswith("harness.")}
    assert set(trainings) == ours
    assert len(set(trainings.values())) == 1
    assert set(trainings.values()) == {12 if name == "STUDENTS_SEMEVAL" else 3}


@pytest.mark.data
def test_soups_stand_beside_single_trainings(plan_of):
    assert _trainings(plan_of("STUDENTS_SEMEVAL_SOUP"), soup=3) == {"entity_marker.v1": 9}


@pytest.mark.data
def test_the_same_draws_are_taken_as_published(plan_of, data_home):
    estimate_plan(plan_of("STUDENTS_SEMEVAL_GOLD_32"))  # reads the ids, asks nobody
    shipped = (experiments.STUDENTS_SEMEVAL.parent / "semeval_few_shot_ids.json").read_text("utf-8")
    published = (data_home / "semeval2010_task8" / "few_shot_ids.json").read_text("utf-8")
    assert json.loads(shipped) == json.loads(published)


@pytest.mark.data
def test_each_fine_tuned_student_stands_with_and_without_tkre(plan_of, llm_recordings):
    trainings = _trainings(plan_of("STUDENTS_SEMEVAL_TKRE"))
    assert trainings == dict.fromkeys(("entity_marker.v1", "knowprompt.v1", "retrieval_re.v1"), 12)
