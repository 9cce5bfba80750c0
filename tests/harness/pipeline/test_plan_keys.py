"""A stage's key changes exactly with what decides its content."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.pipeline import Node, Plan, build_plan, load_setup

Change = Callable[[dict[str, Any]], object]


def plan_of(file: Path) -> Plan:
    return build_plan(load_setup(file))


def keys(plan: Plan, stage: str) -> set[str]:
    return {node.key for node in plan.nodes if node.stage.name == stage}


def all_keys(plan: Plan) -> dict[str, set[str]]:
    return {node.stage.name: keys(plan, node.stage.name) for node in plan.nodes}


def kept_stages(before: Plan, after: Plan) -> set[str]:
    """Names of the stages of which every key stayed."""
    old, new = all_keys(before), all_keys(after)
    return {name for name in old if old[name] == new.get(name)}


def teacher(document: dict[str, Any]) -> dict[str, Any]:
    return document["backends"]["teacher"]


ALL = {"read", "extract", "split", "generate", "subset", "label", "train", "predict", "overlap"}
DATA = {"read", "split", "subset"}
CALLS = {"extract", "label", "generate"}


@pytest.mark.parametrize(
    ("what", "change", "kept"),
    [
        (
            "training seeds",
            lambda d: d["seeds"].update(training=[7, 8]),
            ALL - {"train", "predict"},
        ),
        (
            "the split's seed",
            lambda d: d["seeds"].update(split=[2]),
            {"read", "extract", "subset", "label"},
        ),
        (
            "the generation seed",
            lambda d: d["seeds"].update(generation=[1]),
            DATA | {"extract", "label"},
        ),
        (
            "k of the few-shot set",
            lambda d: d["few_shot"].update(k=1),
            {"read", "extract", "subset", "label"},
        ),
        ("the model's name", lambda d: teacher(d)["options"].update(model="another"), DATA),
        ("decoding", lambda d: teacher(d).update(sampling={"temperature": 0.5}), DATA),
        ("the backend's price", lambda d: teacher(d).update(price="machine"), ALL),
        ("the tokenizer that counts", lambda d: teacher(d).update(tokenizer="cl100k_base"), ALL),
        ("the machine's price", lambda d: d["prices"].update(machine_per_hour=9), ALL),
        ("the verdict's rule", lambda d: d.update(verdict={"tolerance": 5, "volume": 10}), ALL),
        ("the number of resamples", lambda d: d["statistics"].update(resamples=500), ALL),
        ("the title and notes", lambda d: d.update(title="Ties", notes=["look"]), ALL),
        ("the name of the experiment", lambda d: d.update(name="another"), ALL),
        ("the reference and candidate", lambda d: d.update(candidate="gold"), ALL),
        (
            "the name of a backend entry",
            lambda d: (
                d["backends"].update(llm=d["backends"]["teacher"]),
                d["systems"]["llm"].update(backend="llm"),
            ),
            ALL,
        ),
        (
            "a student's option",
            lambda d: d["systems"]["gold"].update(options={"min_count": 2}),
            ALL - {"train", "predict"},
        ),
        (
            "a default, said aloud",
            lambda d: d["systems"]["gold"].update(options={"min_count": 1}),
            ALL,
        ),
        (
            "how many sentences are labelled",
            lambda d: d["systems"]["mixed"]["train_on"][0]["labelled"].update(limit=13),
            {"read", "extract", "split", "generate"},
        ),
        (
            "a version left out",
            lambda d: d["systems"]["llm"].update(extractor="zero_shot"),
            ALL,
        ),
    ],
)
def test_a_change_gives_new_keys_to_what_depends_on_it_alone(
    small_task: Any, what: str, change: Change, kept: set[str]
) -> None:
    before = plan_of(small_task.experiment)
    assert set(all_keys(before)) == ALL
    assert kept_stages(before, plan_of(small_task.changed(change))) == kept, what


def test_a_description_in_the_schema_changes_what_prompts_say_and_so_the_calls(
    small_task: Any,
) -> None:
    before = plan_of(small_task.experiment)
    schema = small_task.folder / "ties.yaml"
    text = schema.read_text(encoding="utf-8")
    schema.write_text(text.replace("works for the tail", "is paid by the tail"), encoding="utf-8")
    kept = kept_stages(before, plan_of(small_task.experiment))
    assert kept.isdisjoint(CALLS | {"train", "predict"})


def test_the_folder_of_the_files_does_not_matter(small_task: Any, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(small_task.folder, elsewhere)
    before = plan_of(small_task.experiment)
    assert kept_stages(before, plan_of(elsewhere / "experiment.yaml")) == ALL


def test_the_name_of_a_data_file_does_not_matter(small_task: Any) -> None:
    shutil.copy(small_task.folder / "train.jsonl", small_task.folder / "renamed.jsonl")
    file = small_task.changed(lambda d: d["data"]["train"].update(file="renamed.jsonl"))
    assert kept_stages(plan_of(small_task.experiment), plan_of(file)) == ALL


def test_the_content_of_a_data_file_matters(small_task: Any) -> None:
    before = plan_of(small_task.experiment)
    train = small_task.folder / "train.jsonl"
    lines = train.read_text(encoding="utf-8").splitlines()
    train.write_text("\n".join(reversed(lines)) + "\n", encoding="utf-8")
    after = plan_of(small_task.experiment)
    assert kept_stages(before, after) == {"extract"}
    assert before.test.key == after.test.key


def test_the_content_of_a_recording_matters_and_its_name_does_not(small_task: Any) -> None:
    before = plan_of(small_task.experiment)
    recording = small_task.folder / "teacher.jsonl"
    shutil.copy(recording, small_task.folder / "renamed.jsonl")
    file = small_task.changed(lambda d: teacher(d)["options"].update(recordings=["renamed.jsonl"]))
    assert kept_stages(before, plan_of(file)) == ALL
    text = recording.read_text(encoding="utf-8")
    recording.write_text(text.replace("wages", "money"), encoding="utf-8")
    assert kept_stages(before, plan_of(small_task.experiment)) == DATA


def test_what_several_systems_stand_on_appears_once(small_task: Any) -> None:
    plan = plan_of(small_task.experiment)
    names = [node.stage.name for node in plan.nodes]
    assert len({node.key for node in plan.nodes}) == len(plan.nodes)
    assert {name: names.count(name) for name in names} == {
        "read": 2,
        "extract": 1,
        "split": 1,
        "generate": 1,
        "subset": 1,
        "label": 1,
        "train": 6,
        "predict": 6,
        "overlap": 3,
    }


def test_inputs_come_before_what_reads_them(small_task: Any) -> None:
    done: set[str] = set()
    for node in plan_of(small_task.experiment).nodes:
        assert {source.key for source in node.inputs.values()} <= done
        done.add(node.key)


def test_data_is_read_and_split_before_anything_is_asked_or_trained(small_task: Any) -> None:
    names = [node.stage.name for node in plan_of(small_task.experiment).nodes]
    assert set(names[: sum(name in DATA for name in names)]) == DATA


def test_a_system_is_repeated_over_the_seeds_that_it_depends_on_alone(small_task: Any) -> None:
    def seeds(d: dict[str, Any]) -> None:
        d["seeds"] = {"split": [1, 2], "generation": [0, 1], "training": [1, 2, 3]}
        d["systems"]["all gold"] = {"student": "linear.v1", "train_on": [{"gold": "train"}]}

    plan = plan_of(small_task.changed(seeds))
    assert {system.name: len(system.repetitions) for system in plan.systems} == {
        "llm": 1,
        "gold": 2 * 3,
        "distilled": 2 * 2 * 3,  # the generator shows few-shot examples
        "mixed": 2 * 2 * 3,
        "all gold": 3,
    }


def test_a_source_in_another_place_is_another_training_set(small_task: Any) -> None:
    file = small_task.changed(lambda d: d["systems"]["mixed"]["train_on"].reverse())
    before, after = plan_of(small_task.experiment), plan_of(file)
    # Of two rows with one id that of the earlier source stays.
    assert kept_stages(before, after) == ALL - {"train", "predict"}


def test_planning_reads_nothing_and_writes_nothing(small_task: Any) -> None:
    before = sorted(small_task.folder.iterdir())
    for name in ("test.jsonl", "train.jsonl"):
        (small_task.folder / name).write_text("this is not data", encoding="utf-8")
    plan = plan_of(small_task.experiment)
    assert all(isinstance(node, Node) for node in plan.nodes)
    assert sorted(small_task.folder.iterdir()) == before
