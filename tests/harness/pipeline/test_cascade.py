"""Cascades: a student first, an LLM where it is not confident, from stored answers alone."""

import json

import numpy as np
import pytest

from harness.datasets import read_examples, write_examples
from harness.errors import CalldistilError, ConfigError
from harness.pipeline import load_cascade, load_predictions, load_setup, run_experiment
from harness.pipeline.stages import ALWAYS, TwoAnswers
from harness.relations import Prediction, load_schema
from harness.report import load_results, parse_results, render, report_run
from harness.store import open_call_store


def with_cascades(task, **cascades):
    """The small task with a plain student ``gold`` and cascades of it and the LLM."""

    def change(document):
        document["systems"] = {
            "llm": document["systems"]["llm"],
            "gold": {"student": "linear.v1", "train_on": [{"gold": "few_shot"}]},
            **{
                name: {"cascade": {"student": "gold", "direct": "llm", **more}}
                for name, more in cascades.items()
            },
        }
        document["few_shot"] = {"source": "train", "k": 2}
        document["seeds"] = {"split": [1], "training": [1, 2]}
        document.pop("candidate", None)
        document["prices"]["human_label"] = 0.5
        if any("choose" in more for more in cascades.values()):
            document["data"]["dev"] = {"file": "dev.jsonl"}

    return task.changed(change)


def hold_out(task, *, few_shot):
    """Writes dev.jsonl: training sentences within, or all of them outside, the few-shot set."""
    from harness.datasets import FewShotPlan, draw_few_shot

    schema = load_schema(task.folder / "ties.yaml")
    train = read_examples(task.folder / "train.jsonl", schema=schema)
    drawn = draw_few_shot(train, schema=schema, plan=FewShotPlan(k=2, seed=1)).train
    taken = {example.id for example in drawn}
    dev = [example for example in train if (example.id in taken) == few_shot]
    write_examples(dev, task.folder / "dev.jsonl", format="jsonl")
    return len(dev)


@pytest.fixture
def both(make_example):
    examples = tuple(make_example(id=str(n)) for n in range(4))
    first = tuple(Prediction(str(n), "student") for n in range(4))
    second = tuple(Prediction(str(n), "llm") for n in range(4))
    return TwoAnswers(examples, first, np.array([0.9, 0.5, 0.7, 0.5]), second)


def test_the_llm_answers_what_is_under_the_threshold_alone(both):
    assert [p.label for p in both.answers(0.7)] == ["student", "llm", "student", "llm"]
    assert both.share(0.7) == 0.5
    assert both.share(0.0) == 0
    assert both.share(ALWAYS) == 1


def test_thresholds_run_from_never_to_always(both):
    found = both.thresholds(4)
    assert found == (0.5, 0.5, 0.7, 0.9, ALWAYS)
    assert [both.share(t) for t in found] == [0, 0, 0.5, 0.75, 1]


def test_a_declared_threshold_makes_a_row_and_no_new_call(small_task, tmp_path):
    file = with_cascades(small_task, mixed={"threshold": 0.8})
    run = run_experiment(file, folder=tmp_path / "run", jobs=1)
    table = report_run(run.folder)
    rows = {row.system: row for row in table.rows}
    assert rows["mixed"].kind == "cascade"
    assert rows["mixed"].seeds == 2
    with open_call_store(tmp_path / "run" / "calls.sqlite") as store:
        assert len(store) == 36  # the direct system's alone
    node = next(n for n in run.manifest().nodes if n.stage == "cascade")  # both seeds agree
    facts = load_cascade(run.artefacts.find("cascade", node.key).content)
    share = facts["share"]
    assert 0 < share < 1
    student, llm, mixed = (rows[name].costs for name in ("gold", "llm", "mixed"))
    expected = student.per_1000["list"].amount + share * llm.per_1000["list"].amount
    assert mixed.per_1000["list"].amount == pytest.approx(expected)
    assert mixed.per_1000["batch"].amount is None  # as the LLM's: not declared
    assert mixed.one_off.amount == pytest.approx(student.one_off.amount)


def test_the_curve_runs_from_the_student_alone_to_the_llm_alone(small_task, tmp_path):
    run = run_experiment(with_cascades(small_task, mixed={}), folder=tmp_path / "run", jobs=1)
    table = report_run(run.folder)
    assert "mixed" not in {row.system for row in table.rows}
    (curve,) = table.cascades
    rows = {row.system: row for row in table.rows}
    assert curve.points[0].share == 0
    assert curve.points[0].score == pytest.approx(rows["gold"].score.value)
    assert curve.points[0].by_seed == pytest.approx(rows["gold"].score.by_seed)
    assert curve.points[-1].share == 1
    assert curve.points[-1].score == pytest.approx(rows["llm"].score.value)
    shares = [point.share for point in curve.points]
    assert shares == sorted(shares)
    assert parse_results(render(table, "json")) == table
    assert "gold first, llm where it is not confident" in render(table, "markdown")


@pytest.mark.parametrize("rule", ["dev", "dev_within_tolerance"])
def test_a_threshold_is_chosen_on_dev_and_its_labels_count(small_task, tmp_path, rule):
    dev = hold_out(small_task, few_shot=False)
    run = run_experiment(
        with_cascades(small_task, mixed={"choose": rule}), folder=tmp_path / "run", jobs=1
    )
    rows = {row.system: row for row in report_run(run.folder).rows}
    assert rows["mixed"].gold_budget == rows["gold"].gold_budget + dev
    assert f"chosen on {dev} dev sentences ({rule})" in " ".join(rows["mixed"].notes)
    extra = rows["mixed"].costs.one_off.amount - rows["gold"].costs.one_off.amount
    assert extra > dev * 0.5  # the labels, and the LLM's answers to them


def test_a_dev_set_that_the_student_was_trained_on_is_refused(small_task, tmp_path):
    hold_out(small_task, few_shot=True)
    file = with_cascades(small_task, mixed={"choose": "dev"})
    with pytest.raises(CalldistilError, match="among the rows that the student was trained on"):
        run_experiment(file, folder=tmp_path / "run", jobs=1)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"student": "llm"}, "'llm' is direct"),
        ({"direct": "gold"}, "'gold' is gold"),
        ({"student": "nobody"}, "'nobody' is not a system"),
        ({"threshold": 0.5, "choose": "dev"}, "a threshold or chooses one, not both"),
        ({"threshold": -1}, "greater than or equal to 0"),
    ],
)
def test_a_cascade_of_the_wrong_parts_is_refused_with_its_place(small_task, entry, said):
    with pytest.raises(ConfigError, match=said):
        load_setup(with_cascades(small_task, mixed=entry))


def test_choosing_needs_a_dev_set(small_task):
    file = with_cascades(small_task, mixed={"choose": "dev"})
    text = file.read_text().replace("  dev:\n    file: dev.jsonl\n", "")
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"systems\.mixed\.cascade: it needs data\.dev"):
        load_setup(file)


def test_a_result_file_without_cascades_stays_readable(small_task, tmp_path):
    run = run_experiment(small_task.experiment, folder=tmp_path / "run", jobs=1)
    document = json.loads(render(report_run(run.folder), "json"))
    assert document.pop("cascades") == []
    file = tmp_path / "old.json"
    file.write_text(json.dumps(document))
    assert load_results(file).cascades == ()


def test_what_the_llm_left_unread_stays_unread(small_task, tmp_path):
    recording = small_task.folder / "teacher.jsonl"
    text = recording.read_text()
    recording.write_text(text.replace('{\\"relation\\": \\"none\\"}', "who knows", 1))
    run = run_experiment(
        with_cascades(small_task, all={"threshold": ALWAYS}), folder=tmp_path / "run", jobs=1
    )
    node = next(n for n in run.manifest().nodes if n.stage == "cascade")
    answers = load_predictions(run.artefacts.find("cascade", node.key).content, run.schema())
    assert sum(p.label is None for p in answers) == 1
