"""Exported folders: whole, run elsewhere just as they ran in the run, and say what they are."""

import json
import shutil

import pytest

from harness.datasets import read_examples
from harness.errors import ArtefactError, ConfigError
from harness.pipeline import RunFolder, load_cascade, load_predictions
from harness.shipping import export_system, load_system, read_system_file
from harness.students import load_student


def stored(run, system):
    """What the run's first repetition of a system answered, by example id."""
    folder = RunFolder.open(run)
    record = next(r for r in folder.manifest().systems if r.name == system)
    node = folder.manifest().node(record.repetitions[0].final)
    content = folder.artefacts.find(node.stage, node.key).content
    return {p.example_id: p.label for p in load_predictions(content, folder.schema())}


def answers(folder, sentences):
    system = load_system(folder)
    try:
        found = system.answer(read_examples(sentences, schema=system.schema))
        return {answer.example_id: answer.label for answer in found}
    finally:
        system.close()


@pytest.mark.parametrize("system", ["gold", "llm", "mixed"])
def test_an_exported_system_answers_as_it_did_in_the_run(shipped_run, sentences, tmp_path, system):
    exported = export_system(shipped_run, system, tmp_path / "out")
    assert answers(exported.folder, sentences) == stored(shipped_run, system)


@pytest.mark.parametrize("system", ["gold", "llm", "mixed"])
def test_an_export_runs_without_the_run_and_its_data(
    shipped_run, sentences, tmp_path, system, monkeypatch
):
    export_system(shipped_run, system, tmp_path / "out")
    moved = tmp_path / "elsewhere" / "copy"
    shutil.copytree(tmp_path / "out", moved)
    shutil.rmtree(tmp_path / "out")
    monkeypatch.chdir(tmp_path)
    assert answers(moved, sentences) == stored(shipped_run, system)
    said = "".join(f.read_text("utf-8") for f in moved.rglob("*.json") if f.stat().st_size < 1e5)
    assert str(shipped_run.parent) not in said


def test_an_exported_student_is_loaded_in_three_lines(shipped_run, tmp_path):
    export_system(shipped_run, "gold", tmp_path / "out")
    assert load_student(tmp_path / "out").schema.name == "ties"


def test_the_exported_seed_is_the_first_declared_or_the_one_asked_for(shipped_run, tmp_path):
    assert export_system(shipped_run, "gold", tmp_path / "a").about.seeds.training == 3
    assert export_system(shipped_run, "gold", tmp_path / "b", seed=4).about.seeds.training == 4
    with pytest.raises(ConfigError, match="no training seed 7"):
        export_system(shipped_run, "gold", tmp_path / "c", seed=7)
    assert not (tmp_path / "c").exists()


def test_a_card_says_task_scores_data_cost_and_licence(shipped_run, tmp_path):
    export_system(shipped_run, "gold", tmp_path / "out", licence="CC-BY-4.0")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert card.startswith('---\nlicense: "cc-by-4.0"\n')
    for part in (
        "## Task",
        "NA label `none`",
        "## Scores",
        "`micro_f1`",
        "## Training data",
        "real sentences with human labels",
        "## Cost",
        "CC-BY-4.0",
        "not chosen by its",
    ):
        assert part in card
    table = [line for line in card.splitlines() if line.startswith("| test (36)")]
    assert len(table) == 1 and "[" in table[0]


def test_a_direct_export_holds_prompts_and_settings_and_no_key(shipped_run, tmp_path):
    export_system(shipped_run, "llm", tmp_path / "out")
    about = read_system_file(tmp_path / "out")
    assert about.direct.extractor == "zero_shot.v1"
    assert about.direct.backend_options["recordings"] == ["files/teacher.jsonl"]
    prompts = json.loads((tmp_path / "out" / "prompts.json").read_text(encoding="utf-8"))
    assert "HEAD" in prompts["first_round"][0]["messages"][-1]["content"]
    assert (tmp_path / "out" / "schema.yaml").is_file()


def test_a_cascade_export_holds_both_parts_and_the_threshold(shipped_run, tmp_path):
    export_system(shipped_run, "mixed", tmp_path / "out")
    folder = RunFolder.open(shipped_run)
    node = next(n for n in folder.manifest().nodes if n.stage == "cascade")
    facts = load_cascade(folder.artefacts.find("cascade", node.key).content)
    assert read_system_file(tmp_path / "out").threshold == facts["threshold"]
    assert read_system_file(tmp_path / "out" / "student").kind == "student"
    assert read_system_file(tmp_path / "out" / "direct").kind == "direct"


@pytest.mark.parametrize(
    ("system", "options", "said"),
    [
        ("nobody", {}, "no system 'nobody'"),
        ("curve", {}, "the cascade 'curve' has no threshold"),
        ("llm", {"onnx": True}, "'llm' is no student"),
        ("gold", {"onnx": True}, "linear.v1 cannot be written as ONNX"),
    ],
)
def test_what_cannot_be_exported_is_refused_and_leaves_nothing(
    shipped_run, tmp_path, system, options, said
):
    with pytest.raises(ConfigError, match=said):
        export_system(shipped_run, system, tmp_path / "out", **options)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_left_alone(shipped_run, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ArtefactError, match="holds files already"):
        export_system(shipped_run, "gold", tmp_path)


def test_a_folder_without_a_system_says_what_to_name(tmp_path):
    with pytest.raises(ArtefactError, match=r"neither system\.json nor student\.json"):
        load_system(tmp_path)


@pytest.mark.parametrize("broken", ['{"format": 2}', "{", '{"format": 1, "kind": "student"}'])
def test_a_broken_system_file_is_named(tmp_path, broken):
    (tmp_path / "system.json").write_text(broken)
    with pytest.raises(ArtefactError, match="not an exported system's file"):
        load_system(tmp_path)


def test_a_runtime_is_for_students_alone(shipped_run, tmp_path):
    export_system(shipped_run, "llm", tmp_path / "out")
    with pytest.raises(ConfigError, match="is for students"):
        load_system(tmp_path / "out", runtime="onnx")


def test_export_prints_nothing_to_measure_as_an_empty_list(shipped_run, tmp_path, command):
    said = command("export", shipped_run, "gold", "-o", tmp_path / "out", "--json")
    assert (said.code, said.out) == (0, "[]\n")
    assert "student gold" in said.err
