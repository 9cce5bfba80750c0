"""Systems that answer a part of the test set, and students under type constraints."""

import json

import numpy as np

from harness.pipeline import Extract, build_plan, estimate_plan, load_setup, run_experiment
from harness.pipeline.stages import constrain_probabilities
from harness.report import report_run


def part(task, count):
    """An experiment whose second direct system answers the first test sentences alone."""
    rows = [json.loads(line) for line in (task.folder / "test.jsonl").read_text().splitlines()]
    ids = [row["id"] for row in rows][:count]
    (task.folder / "part.json").write_text(json.dumps(ids), encoding="utf-8")

    def change(document):
        part = {"extractor": "zero_shot.v1", "backend": "teacher", "ids": "part.json"}
        document["systems"] = {"llm": document["systems"]["llm"], "part": part}
        document.pop("candidate")

    return task.changed(change)


def test_a_part_is_compared_with_the_reference_on_the_same_sentences(small_task, tmp_path):
    run = run_experiment(part(small_task, 12), folder=tmp_path / "run")
    table = report_run(run.folder)
    by_name = {row.system: row for row in table.rows}
    assert table.test.examples == 36
    assert by_name["part"].difference.value == 0  # the same answers to the same sentences
    assert "answers 12 of the 36 test sentences" in by_name["part"].notes


def test_only_a_direct_system_other_than_the_reference_answers_a_part(small_task, command):
    def of_student(document):
        document["systems"]["gold"]["ids"] = "test.jsonl"

    said = command("plan", small_task.changed(of_student))
    assert said.code == 2 and "only a direct system has ids" in said.err

    def of_reference(document):
        document["systems"]["llm"]["ids"] = "test.jsonl"

    said = command("plan", small_task.changed(of_reference))
    assert said.code == 2 and "the reference must answer all of it" in said.err


def test_an_extractor_that_shows_sentences_needs_them(small_task, command):
    def change(document):
        document["systems"]["llm"]["extractor"] = "few_shot.v1"
        document["systems"] = {"llm": document["systems"]["llm"]}
        document.pop("few_shot")
        document.pop("candidate")

    said = command("plan", small_task.changed(change))
    assert said.code == 2 and "few_shot.v1 shows labelled sentences (add few_shot:)" in said.err


def test_a_plan_counts_the_calls_of_later_rounds(small_task):
    def change(document):
        reflective = {"extractor": "reflective.v1", "backend": "teacher", "options": {"turns": 2}}
        document["systems"] = {"llm": document["systems"]["llm"], "reflective": reflective}
        document.pop("candidate")

    plan = build_plan(load_setup(small_task.changed(change)))
    later = {
        stage.node.stage.agent.component: stage.later
        for stage in estimate_plan(plan).stages
        if isinstance(stage.node.stage, Extract)
    }
    assert later["zero_shot.v1"] == ()
    rounds = [(r.at_least, r.at_most) for r in later["reflective.v1"]]
    assert rounds == [(36, 36), (0, 36), (0, 36), (0, 36)]


def test_a_retrieval_extractor_is_planned_with_its_encodings(small_task):
    def change(document):
        near = {"extractor": "retrieval.v1", "backend": "teacher", "options": {"count": 2}}
        document["systems"] = {"llm": document["systems"]["llm"], "near": near}
        document.pop("candidate")

    plan = build_plan(load_setup(small_task.changed(change)))
    (node,) = (n for n in plan.nodes if n.title == "near: ask retrieval.v1")
    assert set(node.inputs) == {"examples", "pool", "features", "pool_features"}
    assert {n.stage.name for n in node.ancestors()} == {"read", "encode"}
    estimate = next(s for s in estimate_plan(plan).stages if s.node is node)
    assert estimate.calls == 36 and len(estimate.sample.messages) == 2 + 2 * 2


def test_excluded_labels_have_no_probability_and_rows_sum_to_one(demo_schema, make_example):
    labels = demo_schema.label_names
    examples = [make_example(head_type="PER", tail_type="LOC"), make_example()]
    uniform = np.full((2, len(labels)), 1 / len(labels))
    found = constrain_probabilities(uniform, examples, demo_schema, labels)
    allowed = [label for label, p in zip(labels, found[0], strict=True) if p > 0]
    assert allowed == ["born_in", "no_relation"]
    assert np.allclose(found.sum(axis=1), 1) and np.allclose(found[1], uniform[1])


def test_a_row_with_nothing_left_is_na(demo_schema, make_example):
    labels = demo_schema.label_names
    certain = np.zeros((1, len(labels)))
    certain[0, labels.index("acquired")] = 1.0
    example = make_example(head_type="PER", tail_type="LOC")
    found = constrain_probabilities(certain, [example], demo_schema, labels)
    assert found[0, labels.index("no_relation")] == 1.0
