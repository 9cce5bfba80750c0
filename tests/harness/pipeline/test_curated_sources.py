"""Gates in an experiment: planned, run, resumed, costed, and every row accounted for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agents.backends import ScriptedBackend
from harness.cli import main
from harness.costs import token_counter
from harness.curation import CurationRecord
from harness.errors import ConfigError
from harness.pipeline import (
    CURATION,
    REJECTS,
    Plan,
    RunFolder,
    build_plan,
    estimate_plan,
    load_examples,
    load_setup,
    read_jsonl,
    run_experiment,
)
from harness.protocols import Request
from harness.registry import backends
from harness.relations import render_marked
from harness.report import report_run

Document = dict[str, Any]
LABELS = ("works_for", "lives_in", "none")


def curate(*gates: Document, system: str = "distilled") -> Callable[[Document], None]:
    def change(document: Document) -> None:
        document["systems"][system]["train_on"][0]["curate"] = list(gates)

    return change


def planned(small_task: Any, *gates: Document) -> Plan:
    return build_plan(load_setup(small_task.changed(curate(*gates))))


def problems(small_task: Any, *gates: Document) -> str:
    with pytest.raises(ConfigError) as found:
        planned(small_task, *gates)
    return str(found.value)


def rows_of(run: RunFolder, system: str, stage: str = "curate") -> Path:
    """The content of a system's first source."""
    manifest = run.manifest()
    record = next(found for found in manifest.systems if found.name == system)
    predict = manifest.node(record.repetitions[0].answers)
    source = manifest.node(manifest.node(predict.inputs["model"]).inputs["source0"])
    assert source.stage == stage
    found = run.artefacts.find(source.stage, source.key)
    assert found is not None
    return found.content


def test_an_experiment_without_gates_has_the_stages_and_keys_it_had(small_task: Any) -> None:
    before = build_plan(load_setup(small_task.experiment))
    after = planned(small_task)
    assert [node.key for node in before.nodes] == [node.key for node in after.nodes]


def test_each_gate_is_a_stage_that_systems_share(small_task: Any) -> None:
    def change(document: Document) -> None:
        spans = {"gate": "spans.v1"}
        curate(spans, {"gate": "first.v1", "options": {"n": 2}})(document)
        source = document["systems"]["distilled"]["train_on"][0]
        document["systems"]["less"] = {
            "student": "linear.v1",
            "train_on": [{**source, "curate": [spans, {"gate": "first.v1", "options": {"n": 1}}]}],
        }

    plan = build_plan(load_setup(small_task.changed(change)))
    titles = sorted(node.title for node in plan.nodes if node.stage.name == "curate")
    start = "generate with all_at_once.v1, spans.v1"
    assert titles == [start, f"{start}, first.v1 (n 1)", f"{start}, first.v1 (n 2)"]


def test_what_is_wrong_with_gates_is_told_with_its_line_and_fix(small_task: Any) -> None:
    said = problems(
        small_task,
        {"gate": "spams.v1"},
        {"gate": "first.v1"},
        {"gate": "round_trip.v1"},
        {"gate": "spans.v1", "backend": "teacher"},
        {"gate": "target.v1", "options": {"count": 4}},
        {"gate": "round_trip.v1", "backend": "nobody"},
    )
    for part in (
        "did you mean 'spans.v1'?",
        "option n of first.v1: Field required",
        "round_trip.v1 asks an LLM (add backend: NAME)",
        "spans.v1 asks no LLM (remove its backend)",
        "put it last",
        "the backend 'nobody' is not declared",
    ):
        assert part in said
    assert "other.yaml:" in said


def test_gold_is_taken_as_it_is(small_task: Any) -> None:
    with pytest.raises(ConfigError, match="gold rows are taken as they are"):
        load_setup(small_task.changed(curate({"gate": "spans.v1"}, system="gold")))


def test_every_row_that_came_in_is_kept_or_has_its_reason(small_task: Any, tmp_path: Path) -> None:
    gates = ({"gate": "near_duplicates.v1", "options": {"threshold": 0.6}}, {"gate": "balance.v1"})
    run = run_experiment(small_task.changed(curate(*gates)), folder=tmp_path / "run", jobs=1)
    manifest = run.manifest()
    curated = [node for node in manifest.nodes if node.stage == "curate"]
    assert len(curated) == 2
    for node in curated:
        content = run.artefacts.find("curate", node.key).content  # type: ignore[union-attr]
        before = manifest.node(node.inputs["rows"])
        came = load_examples(run.artefacts.find(before.stage, before.key).content)  # type: ignore[union-attr]
        kept, rejects = load_examples(content), list(read_jsonl(content / REJECTS))
        assert {r.id for r in came} == {r.id for r in kept} | {r["id"] for r in rejects}
        assert len(came) == len(kept) + len(rejects)
        assert all(r["reason"] and r["label"] in LABELS and r["text"] for r in rejects)
        record = CurationRecord.model_validate_json((content / CURATION).read_text("utf-8"))
        assert (record.written, record.kept) == (len(came), len(kept))
    table = report_run(run.folder)
    distilled = next(row for row in table.rows if row.system == "distilled")
    assert distilled.training_rows is not None
    assert distilled.training_rows.generated == len(load_examples(rows_of(run, "distilled")))
    assert distilled.gold_budget == 6


def test_labelled_rows_go_through_gates_as_well(small_task: Any, tmp_path: Path) -> None:
    gates = ({"gate": "first.v1", "options": {"n": 2}},)
    changed = small_task.changed(curate(*gates, system="mixed"))
    run = run_experiment(changed, folder=tmp_path / "run", jobs=1)
    assert 0 < len(load_examples(rows_of(run, "mixed"))) <= 6
    table = report_run(run.folder)
    mixed = next(row for row in table.rows if row.system == "mixed")
    assert mixed.training_rows is not None
    assert mixed.training_rows.labelled == len(load_examples(rows_of(run, "mixed")))


# -- the cost of the first rows --------------------------------------------------------------


def test_first_rows_cost_the_prompt_and_the_answer_up_to_them(
    small_task: Any, tmp_path: Path
) -> None:
    def change(document: Document) -> None:
        document["prices"].update(machine_per_hour=0, human_label=0)
        curate({"gate": "first.v1", "options": {"n": 1}})(document)
        source = dict(document["systems"]["distilled"]["train_on"][0], curate=[])
        document["systems"]["whole"] = {"student": "linear.v1", "train_on": [source]}

    run = run_experiment(small_task.changed(change), folder=tmp_path / "run", jobs=1)
    costs = {row.system: row.costs for row in report_run(run.folder).rows}
    count = token_counter("o200k_base").count
    prompts, answers, starts = 0, 0, 0
    for line in (small_task.folder / "teacher.jsonl").read_text("utf-8").splitlines():
        call = json.loads(line)
        asked = call["messages"][-1]["content"]
        if "\n" not in call["response"] or call["repeat"] != 0:
            continue
        lines = call["response"].split("\n")
        here = sum(count(message["content"]) for message in call["messages"])
        wanted = [node for node in generated(run) if node == asked]
        if not wanted:
            continue
        prompts += here
        answers += count(call["response"])
        sizes = [count(sample) for sample in lines]
        starts += round(count(call["response"]) * sizes[0] / sum(sizes))
    assert costs["whole"].one_off.amount == pytest.approx((2 * prompts + 8 * answers) / 1e6)  # type: ignore[union-attr]
    assert costs["distilled"].one_off.amount == pytest.approx((2 * prompts + 8 * starts) / 1e6)  # type: ignore[union-attr]


def generated(run: RunFolder) -> list[str]:
    """The last message of each request that the run's generator made."""
    from harness.store import open_call_store

    node = next(node for node in run.manifest().nodes if node.stage == "generate")
    content = run.artefacts.find("generate", node.key).content  # type: ignore[union-attr]
    keys = [key for line in read_jsonl(content / "calls.jsonl") for key in line["calls"]]
    with open_call_store(run.calls) as calls:
        found = calls.get_many(keys).values()
    return [json.loads(call.request)["messages"][-1]["content"] for call in found]


# -- asking again ------------------------------------------------------------------------------


class Teacher:
    """Reads rows as its script says, and writes what is asked for, some of it twice.

    Attributes:
        asked: The number of samples of each request to write, in order.
    """

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.made = 0

    def __call__(self, request: Request) -> str:
        text = request.messages[-1].content
        if "Sentence" in text or "<h>" in text.rsplit("\n", 1)[-1]:
            return json.dumps({"relation": "none"})
        count = next(int(word) for word in text.split() if word.isdigit())
        self.asked.append(count)
        samples = []
        for place in range(count):
            self.made += 1
            number = self.made if place or count == 1 else 0  # the first is always the same
            samples.append(f"<h>Person{number}</h> is tied to <t>Place{number}</t> here .")
        return "\n".join(samples)


@pytest.fixture
def teacher(monkeypatch: pytest.MonkeyPatch) -> Teacher:
    """A scripted teacher in the place of the recording."""
    found = Teacher()

    class Scripted(ScriptedBackend):
        def __init__(self, *, options: Any) -> None:
            super().__init__(options=options, answer=found)

    backends.names()  # discovered before one of them is replaced
    monkeypatch.setitem(backends._objects, "scripted", Scripted)
    return found


def asking_again(count: int, attempts: int) -> Callable[[Document], None]:
    def change(document: Document) -> None:
        document["backends"]["teacher"]["use"] = "scripted"
        document["backends"]["teacher"]["options"] = {"model": "fake"}
        document["systems"] = {name: document["systems"][name] for name in ("llm", "distilled")}
        document["candidate"] = "distilled"
        curate(
            {"gate": "duplicates.v1", "options": {"pairs": False}},
            {"gate": "target.v1", "options": {"count": count, "attempts": attempts}},
        )(document)

    return change


def test_only_what_gates_took_is_asked_for_again(
    small_task: Any, tmp_path: Path, teacher: Teacher
) -> None:
    # All labels get the same first sample, so that the gate takes it from two of the three.
    changed = small_task.changed(asking_again(count=4, attempts=2))
    run = run_experiment(changed, folder=tmp_path / "run", jobs=1)
    assert teacher.asked == [4, 4, 4, 1, 1]  # the second attempt has nothing to ask for
    rows = load_examples(rows_of(run, "distilled"))
    assert {label: sum(row.relation == label for row in rows) for label in LABELS} == {
        "works_for": 4, "lives_in": 4, "none": 4,
    }  # fmt: skip
    assert len({row.id for row in rows}) == 12
    assert len({render_marked(row, run.schema().markers) for row in rows}) == 12
    assert sorted({row.meta["repeat"] for row in rows}) == ["0", "1000"]


def test_attempts_are_bounded_and_what_is_short_shows(
    small_task: Any, tmp_path: Path, teacher: Teacher
) -> None:
    changed = small_task.changed(asking_again(count=6, attempts=1))
    run = run_experiment(changed, folder=tmp_path / "run", jobs=1)
    assert teacher.asked == [4, 4, 4, 2, 3, 3]
    rows = load_examples(rows_of(run, "distilled"))
    assert 9 <= len(rows) < 18


def test_a_plan_says_what_reviews_and_refills_may_call(small_task: Any) -> None:
    plan = planned(
        small_task,
        {"gate": "round_trip.v1", "backend": "teacher"},
        {"gate": "target.v1", "options": {"count": 4, "attempts": 1}},
    )
    found = {stage.node.title: stage for stage in estimate_plan(plan).stages}
    review = found["generate with all_at_once.v1, round_trip.v1"]
    assert (review.calls, review.stored) == (12, 0)
    assert review.input_tokens > 0
    refill = found["ask all_at_once.v1 again for what is missing, attempt 1"]
    assert refill.calls == 0
    assert [(r.at_least, r.at_most) for r in refill.later] == [(0, 3)]


# -- describe ------------------------------------------------------------------------------------


def test_describe_accounts_for_every_row_and_exports_cards(
    small_task: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = small_task.changed(curate({"gate": "first.v1", "options": {"n": 3}}))
    words = [
        "describe",
        str(changed),
        "-o",
        str(tmp_path / "run"),
        "--encoder",
        "none",
        "--at",
        "5",
    ]
    with pytest.raises(SystemExit) as done:
        main([*words, "--json", "--quiet", "--export", str(tmp_path / "sets"), "-j", "1"])
    assert not done.value.code
    reports = json.loads(capsys.readouterr().out)
    first = next(report for report in reports if "first.v1" in report["name"])
    assert [step["came"] for step in first["steps"]] == [12, 12]
    assert first["profile"]["rows"] == 9
    assert first["steps"][1]["rejected"]["after_first"] == dict.fromkeys(LABELS, 1)
    assert first["cost"]["per_kept_row"] == pytest.approx(first["cost"]["total"] / 9)
    whole = next(report for report in reports if report["name"] == "all_at_once.v1")
    assert first["cost"]["total"] < whole["cost"]["total"]
    for folder in (tmp_path / "sets").iterdir():
        assert (folder / "README.md").read_text(encoding="utf-8").startswith("---\n")
        assert (folder / "rows.jsonl").is_file()
    with pytest.raises(SystemExit) as again:
        main([*words, "--quiet", "--export", str(tmp_path / "sets"), "-j", "1"])
    assert again.value.code == 6
    assert "is there already" in capsys.readouterr().err


def test_describe_names_the_sets_there_are(
    small_task: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["describe", str(small_task.experiment), "-o", str(tmp_path / "run"), "--set", "nope"]
    with pytest.raises(SystemExit) as done:
        main(words)
    assert done.value.code == 2
    assert "the names are: all_at_once.v1, label with zero_shot.v1" in capsys.readouterr().err
