"""Systems whose label bias is taken out: rows of their own, never silently."""

import json
import math

import numpy as np
import pytest

from agents.backends import ScriptedBackend
from harness.pipeline import build_plan, load_setup, run_experiment
from harness.pipeline.stages import ContentFree, load_predictions
from harness.protocols import LabelScore, scores_text
from harness.registry import backends
from harness.report import report_run
from harness.store import open_call_store


@backends.register("biased-for-tests")
class BiasedBackend(ScriptedBackend):
    """Favours the first label whatever it reads, and knows the answer a little."""

    def __init__(self, *, options=None):
        super().__init__(options=options, answer=self._scores)

    def _scores(self, request):
        content = request.messages[-1].content
        hint = len(content) % len(request.labels)
        weights = np.ones(len(request.labels))
        weights[0] += 8
        if "N/A" not in content and "MASK" not in content and "- -" not in content:
            weights[hint] += 5
        shares = weights / weights.sum()
        return scores_text(
            {
                label: LabelScore(math.log(share), 1, math.log(share))
                for label, share in zip(request.labels, shares, strict=True)
            }
        )


def corrected(task, *methods, form="scores", wanted=None):
    """The small task with a biased scorer, alone and with each correction."""

    def change(document):
        document["backends"]["teacher"] = {"use": "biased-for-tests", "price": "machine"}
        scorer = {
            "extractor": "zero_shot.v1",
            "backend": "teacher",
            "options": {"form": form} if form else {},
        }
        document["systems"] = {"llm": scorer}
        for method in methods:
            how = {"method": method} | ({"wanted": wanted} if wanted else {})
            document["systems"][method] = {**scorer, "calibrate": how}
        document.pop("candidate", None)

    return task.changed(change)


def test_a_correction_is_a_row_of_its_own_on_the_same_answers(small_task, tmp_path):
    file = corrected(small_task, "batch", "contextual")
    run = run_experiment(file, folder=tmp_path / "run")
    rows = {row.system: row for row in report_run(run.folder).rows}
    assert set(rows) >= {"llm", "batch", "contextual"}
    assert any("label bias is taken out (batch)" in note for note in rows["batch"].notes)
    assert rows["llm"].notes == ()
    with open_call_store(tmp_path / "run" / "calls.sqlite") as store:
        assert len(store) == 36 + len(ContentFree().examples())


def test_contextual_calibration_takes_out_what_is_said_of_nothing(small_task, tmp_path):
    run = run_experiment(corrected(small_task, "contextual"), folder=tmp_path / "run")
    schema = run.schema()
    first = schema.label_names[0]
    answers = {}
    for node in build_plan(load_setup(run.experiment_file, base=small_task.folder)).nodes:
        if node.stage.name in ("extract", "calibrate") and "about nothing" not in node.title:
            content = run.artefacts.find(node.stage.name, node.key).content
            found = load_predictions(content, schema)
            answers.setdefault(node.stage.name, [p.label for p in found])
    assert set(answers["extract"]) == {first}
    assert len(set(answers["calibrate"])) > 1


def test_wanted_frequencies_move_answers_towards_a_frequent_label(small_task, tmp_path):
    def most(frequency):
        file = corrected(small_task, "prior", wanted={"none": frequency})
        run = run_experiment(file, folder=tmp_path / f"run{frequency}")
        node = next(n for n in run.manifest().nodes if n.stage == "calibrate")
        content = run.artefacts.find("calibrate", node.key).content
        return sum(p.label == "none" for p in load_predictions(content, run.schema()))

    assert most(0.01) < most(0.9)


def test_a_student_can_be_corrected_too(small_task, tmp_path):
    def change(document):
        student = document["systems"]["gold"]
        document["systems"]["gold, batch"] = {**student, "calibrate": {"method": "batch"}}

    run = run_experiment(small_task.changed(change), folder=tmp_path / "run")
    rows = {row.system: row for row in report_run(run.folder).rows}
    assert rows["gold, batch"].costs.one_off == rows["gold"].costs.one_off


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"method": "prior"}, "wanted holds the label frequencies"),
        ({"method": "batch", "wanted": {"none": 0.5}}, "wanted holds the label frequencies"),
        ({"method": "prior", "wanted": {"none": 1.5}}, "together at most 1"),
        ({"method": "prior", "wanted": {"nobody": 0.5}}, "'nobody' is not a label of the schema"),
        ({"method": "magic"}, "calibrate.method"),
    ],
)
def test_a_wrong_declaration_is_refused_with_its_line(small_task, command, how, said):
    def change(document):
        document["systems"]["gold"]["calibrate"] = how

    result = command("plan", small_task.changed(change))
    assert result.code == 2
    assert said in result.err


def test_written_answers_cannot_be_corrected(small_task, command):
    result = command("plan", corrected(small_task, "batch", form=None))
    assert result.code == 2
    assert "calibrate needs a probability of every label (options: {form: scores}" in result.err


def test_a_backend_that_cannot_score_is_refused_before_anything_is_paid(small_task, command):
    def change(document):
        document["backends"]["teacher"] = {"use": "openai", "options": {"model": "m"}}
        document["systems"]["llm"]["options"] = {"form": "scores"}

    result = command("plan", small_task.changed(change))
    assert result.code == 2
    assert "it needs label scoring" in result.err


def test_sentences_without_content_are_examples_like_others():
    for example in ContentFree().examples():
        assert example.head.surface == example.tail.surface == example.text.split()[0]
        assert json.dumps(example.text)


def test_a_students_prior_is_estimated_from_the_test_sentences(small_task, tmp_path):
    def change(document):
        student = document["systems"]["gold"]
        document["systems"]["gold, estimated"] = {**student, "calibrate": {"method": "estimated"}}

    file = small_task.changed(change)
    run = run_experiment(file, folder=tmp_path / "run")
    rows = {row.system: row for row in report_run(run.folder).rows}
    assert rows["gold, estimated"].costs.one_off == rows["gold"].costs.one_off
    node = next(n for n in build_plan(load_setup(file)).nodes if n.stage.name == "calibrate")
    assert {name for name in node.inputs if name != "answers"} == {"source0"}


def test_an_extractor_has_no_frequencies_to_begin_at(small_task, command):
    result = command("plan", corrected(small_task, "estimated"))
    assert result.code == 2
    assert "take batch, or prior with wanted" in result.err
