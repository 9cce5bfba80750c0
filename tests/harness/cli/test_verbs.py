"""Each verb as a user calls it, one after another on the same small task."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from harness.datasets import read_examples
from harness.pipeline import RunFolder
from harness.relations import load_schema, render_marked
from harness.report import load_results, parse_results


@pytest.fixture
def ask(small_task: Any) -> list[str]:
    """What an agent's verb needs to talk to the recording."""
    folder = small_task.folder
    return [
        "-s", f"{folder / 'ties.yaml'}", "-b", "recorded", "-B", "model=some-llm",
        "-B", f"recordings={folder / 'teacher.jsonl'}", "-q",
    ]  # fmt: skip


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


# -- plan ----------------------------------------------------------------------------------


def test_plan_says_what_will_be_called_and_calls_nothing(small_task: Any, command: Any) -> None:
    before = sorted(small_task.folder.iterdir())
    (small_task.folder / "teacher.jsonl").write_text("", encoding="utf-8")  # nobody could answer
    said = command("plan", small_task.experiment, "--json")
    assert said.code == 0
    plan = json.loads(said.out)
    calls = {call["stage"]: call["calls"] for call in plan["calls"]}
    assert calls == {
        "llm: ask zero_shot.v1": 36,
        "generate with all_at_once.v1": 3,
        "label with zero_shot.v1": 12,
    }
    assert len(plan["stages"]) == 22
    assert sorted(small_task.folder.iterdir()) == before


def test_plan_costs_are_ordered_and_a_recording_costs_nothing_now(
    small_task: Any, command: Any
) -> None:
    bounded = small_task.changed(
        lambda d: d["backends"]["teacher"].update(sampling={"max_tokens": 400})
    )
    plan = json.loads(command("plan", bounded, "--json").out)
    for cost in (plan["cost"], *(call["cost"] for call in plan["calls"])):
        assert 0 < cost["at_least"] <= cost["likely"] <= cost["at_most"]
    assert plan["cost_now"] == {"at_least": 0, "likely": 0, "at_most": 0}
    total = sum(call["cost"]["likely"] for call in plan["calls"])
    assert plan["cost"]["likely"] == pytest.approx(total)


def test_plan_without_a_bound_on_tokens_knows_no_upper_bound(small_task: Any, command: Any) -> None:
    plan = json.loads(command("plan", small_task.experiment, "--json").out)
    assert plan["cost"]["at_most"] is None
    assert "unknown" in command("plan", small_task.experiment).out


def test_plan_counts_what_a_paid_run_still_has_to_ask(
    small_task: Any, command: Any, tmp_path: Path
) -> None:
    def paid(document: dict[str, Any]) -> None:
        replies = ['{"relation": "works_for"}'] * 36
        teacher = document["backends"]["teacher"]
        teacher.update(use="scripted", options={"model": "some-llm", "replies": replies})
        for name in ("distilled", "mixed"):
            del document["systems"][name]
        document["candidate"] = "gold"

    file = small_task.changed(paid)
    before = json.loads(command("plan", file, "--json").out)
    assert before["cost_now"] == before["cost"]
    store = ("--store", tmp_path / "store")
    assert command("run", file, "-o", tmp_path / "run", *store, "-q").code == 0
    for words in (("-o", tmp_path / "run"), store):
        after = json.loads(command("plan", file, *words, "--json").out)
        assert [call["stored"] for call in after["calls"]] == [36]
        assert after["cost"] == before["cost"]
        assert after["cost_now"]["likely"] == 0


def test_plan_prints_a_prompt_and_with_prompts_one_of_each_stage(
    small_task: Any, command: Any
) -> None:
    one, all_ = (command("plan", small_task.experiment, *more).out for more in ((), ("--prompts",)))
    assert one.count("The first prompt of") == 1
    assert all_.count("The first prompt of") == 3
    assert "<h>Ada</h> works for <t>Acme</t> ." in one


def test_plan_warns_of_a_test_set_that_is_trained_on(small_task: Any, command: Any) -> None:
    file = small_task.changed(lambda d: d["data"]["train"].update(file="test.jsonl"))
    said = command("plan", file)
    assert said.code == 0
    assert "Warning: data.train and the test set are the same file" in said.err
    assert command("plan", small_task.experiment).err == ""


# -- init ----------------------------------------------------------------------------------


def test_init_writes_what_plan_accepts(command: Any, tmp_path: Path) -> None:
    data = tmp_path / "ties.csv"
    rows = [
        ("Ada runs Acme", "Ada", "Acme", "leads"),
        ("Acme is run by Bo", "Bo", "Acme", "leads"),
        ("Cy saw Acme", "Cy", "Acme", "none"),
    ]
    with data.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([("text", "head", "tail", "relation"), *rows])
    said = command("init", data, "--na", "none", "-o", tmp_path / "made")
    assert said.code == 0, said.err
    schema = load_schema(tmp_path / "made" / "ties.schema.yaml")
    assert (schema.label_names, schema.na_label) == (("leads", "none"), "none")
    experiment = tmp_path / "made" / "ties.experiment.yaml"
    plan = json.loads(command("plan", experiment, "--json").out)
    assert plan["calls"][0]["calls"] == 3
    assert 0 < plan["cost"]["likely"] < 1  # priced by the snapshot
    assert plan["warnings"]
    again = command("init", data, "--na", "none", "-o", tmp_path / "made")
    assert again.code == 2 and "the file is there already" in again.err


def test_init_does_not_guess_the_na_label(command: Any, tmp_path: Path) -> None:
    data = tmp_path / "ties.csv"
    data.write_text("text,head,tail,relation\nAda runs Acme,Ada,Acme,no_relation\n")
    said = command("init", data, "-o", tmp_path)
    assert said.code == 2
    assert "pass --na LABEL; the labels are: no_relation" in said.err


# -- single verbs --------------------------------------------------------------------------


def test_extract_then_score(small_task: Any, ask: list[str], command: Any, tmp_path: Path) -> None:
    test, schema = small_task.folder / "test.jsonl", small_task.folder / "ties.yaml"
    said = command("extract", test, *ask, "-o", tmp_path / "answers")
    assert (said.code, said.out) == (0, "")
    assert "36 results from 36 calls, 0 of them paid now" in said.err
    predictions = tmp_path / "answers" / "predictions.jsonl"
    said = command("score", test, predictions, "-s", schema, "--json")
    assert said.code == 0
    scored = json.loads(said.out)
    assert "micro_f1" in json.dumps(scored)
    text = command("score", test, predictions, "-s", schema).out
    assert "works_for" in text and "lives_in" in text
    confusion = command("score", test, predictions, "-s", schema, "--table", "confusion").out
    assert "none" in confusion


def test_generate_train_and_predict_in_a_chain(
    small_task: Any, ask: list[str], command: Any, calldistil: Any, tmp_path: Path
) -> None:
    folder = small_task.folder
    schema = load_schema(folder / "ties.yaml")
    split = RunFolder(tmp_path / "run", tmp_path / "run")
    assert command("run", small_task.experiment, "-o", split.folder, "-q").code == 0
    (few_shot,) = [a.content / "examples.jsonl" for a in split.artefacts if a.stage == "split"]
    said = command("generate", *ask, "-O", "n=4", "--few-shot", few_shot, "-o", tmp_path / "rows")
    assert said.code == 0, said.err
    rows = tmp_path / "rows" / "examples.jsonl"
    assert len(read_examples(rows, schema=schema)) == 12
    said = command(
        "train", rows, few_shot, "-s", folder / "ties.yaml", "--student", "linear",
        "-o", tmp_path / "student", "-q",
    )  # fmt: skip
    assert said.code == 0 and "linear.v1 trained on 18 rows" in said.err
    model = tmp_path / "student" / "model"

    test = read_examples(folder / "test.jsonl", schema=schema)
    from_file = command("predict", model, folder / "test.jsonl")
    answers = lines_of(from_file.out)
    assert [answer["id"] for answer in answers] == [example.id for example in test]
    assert {answer["relation"] for answer in answers} <= set(schema.label_names)
    assert all(0 < answer["probability"] <= 1 for answer in answers)

    marked = "\n".join(render_marked(example, schema.markers) for example in test) + "\n"
    piped = calldistil("predict", model, stdin=marked)
    assert piped.returncode == 0, piped.stderr
    assert [answer["relation"] for answer in lines_of(piped.stdout)] == [
        answer["relation"] for answer in answers
    ]
    jsonl = (folder / "test.jsonl").read_text(encoding="utf-8")
    assert calldistil("predict", model, "-", stdin=jsonl).stdout == from_file.out

    said = command(
        "predict", model, folder / "test.jsonl", "--probabilities", "-o", tmp_path / "out.jsonl"
    )
    assert (said.code, said.out) == (0, "")
    written = lines_of((tmp_path / "out.jsonl").read_text(encoding="utf-8"))
    assert all(sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-4) for row in written)


def test_an_interrupted_extract_pays_only_for_the_rest(
    small_task: Any, command: Any, tmp_path: Path
) -> None:
    def extract(replies: int) -> Any:
        return command(
            "extract", small_task.folder / "test.jsonl", "-s", small_task.folder / "ties.yaml",
            "-b", "scripted", *("-B", "replies=none") * replies, "-o", tmp_path / "out", "-q",
        )  # fmt: skip

    first = extract(20)
    assert first.code == 4 and "16 of 36 calls" in first.err
    assert not (tmp_path / "out" / "predictions.jsonl").exists()
    second = extract(16)
    assert second.code == 0, second.err
    predictions = (tmp_path / "out" / "predictions.jsonl").read_text(encoding="utf-8")
    assert len(predictions.splitlines()) == 36


SEMEVAL = """\
1\t"The <e1>cup</e1> held <e2>tea</e2>."
Content-Container(e2,e1)
Comment:

2\t"The <e1>rain</e1> caused a <e2>flood</e2>."
Cause-Effect(e1,e2)
Comment:

"""


def test_score_official_prints_what_the_official_scorer_prints(
    command: Any, tmp_path: Path
) -> None:
    gold, answers = tmp_path / "gold.txt", tmp_path / "answers.txt"
    gold.write_text(SEMEVAL, encoding="utf-8")
    answers.write_text("1\tContent-Container(e2,e1)\n2\tCause-Effect(e2,e1)\n", encoding="utf-8")
    said = command(
        "score", gold, answers, "-s", "semeval-2010-task-8", "--gold-format", "semeval",
        "--official",
    )  # fmt: skip
    assert said.code == 0, said.err
    assert "macro-averaged F1 = 50.00%" in said.out  # one of the key's two relations


@pytest.mark.data
def test_data_fetch_takes_the_files_from_a_folder(
    data_home: Path, command: Any, tmp_path: Path
) -> None:
    said = command(
        "data", "fetch", "semeval-2010-task-8", "--from", data_home / "semeval2010_task8",
        "--to", tmp_path,
    )  # fmt: skip
    assert said.code == 0, said.err
    folder = Path(said.out.strip())
    assert folder.parent == tmp_path
    assert (folder / "TEST_FILE_FULL.TXT").is_file()
    assert f"export CALLDISTIL_DATA={tmp_path}" in said.err


def test_data_fetch_from_an_empty_folder_is_one_clear_error(command: Any, tmp_path: Path) -> None:
    said = command("data", "fetch", "semeval-2010-task-8", "--from", tmp_path, "--to", tmp_path)
    assert said.code == 3
    assert said.err.count("Error: ") == 1 and "Traceback" not in said.err


# -- list and report -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "has"),
    [
        ("backends", "recorded"),
        ("extractors", "zero_shot.v1"),
        ("generators", "all_at_once.v1"),
        ("students", "linear.v1"),
        ("datasets", "semeval"),
        ("metrics", "micro_f1"),
        ("tokenizers", "o200k_base"),
        ("schemas", "newsroom-demo"),
        ("experiments", "newsroom-demo"),
    ],
)
def test_list_tells_name_version_source_and_one_line(kind: str, has: str, command: Any) -> None:
    rows = json.loads(command("list", kind, "--json").out)
    names = [row["name"] for row in rows]
    assert has in names and names == sorted(names)
    for row in rows:
        assert set(row) == {"name", "version", "about", "source"}
        assert row["about"] and "\n" not in row["about"] and row["source"]
        version = row["name"].rpartition(".v")[2] if ".v" in row["name"] else None
        assert row["version"] == (f"v{version}" if version else None)
    assert has in command("list", kind).out


@pytest.fixture
def done(small_task: Any, command: Any, tmp_path: Path) -> Path:
    """The folder of a finished run."""
    assert command("run", small_task.experiment, "-o", tmp_path / "run", "-q").code == 0
    return tmp_path / "run"


def test_run_prints_the_table_and_keeps_it(small_task: Any, command: Any, done: Path) -> None:
    said = command("run", small_task.experiment, "-o", done, "-q")
    assert (said.code, said.err) == (0, "")
    assert "Verdict: " in said.out
    as_json = command("run", small_task.experiment, "-o", done, "--json").out
    assert parse_results(as_json) == load_results(done / "results.json")
    assert command("resume", done, "-q").out == said.out


def test_progress_goes_to_stderr_and_not_with_quiet(
    small_task: Any, command: Any, tmp_path: Path
) -> None:
    said = command("run", small_task.experiment, "-o", tmp_path / "run", "--format", "csv")
    assert "22 stages done, 0 found done" in said.err
    assert "stages" not in said.out


@pytest.mark.parametrize("how", ["terminal", "markdown", "csv", "json", "latex"])
def test_report_prints_every_format(how: str, command: Any, done: Path) -> None:
    said = command("report", done, "--format", how)
    assert said.code == 0
    for system in ("llm", "gold", "distilled", "mixed"):
        assert system in said.out
    if how == "json":
        assert [row.system for row in parse_results(said.out).rows][:2] == ["llm", "gold"]
        assert command("report", done, "--json").out == said.out
    if how == "csv":
        rows = list(csv.DictReader(io.StringIO(said.out)))
        assert len(rows) == 6


def test_report_shows_one_systems_relations_and_confusion(command: Any, done: Path) -> None:
    relations = command("report", done, "--relations", "llm").out
    assert "lives_in" in relations
    confusion = command("report", done, "--confusion", "llm").out
    assert "lives_in" in confusion and confusion != relations
    assert json.loads(command("report", done, "--relations", "mixed", "--json").out)


def test_report_needs_neither_the_data_nor_the_recording(
    small_task: Any, command: Any, done: Path
) -> None:
    before = command("report", done).out
    for file in small_task.folder.iterdir():
        file.unlink()
    assert command("report", done).out == before


def test_help_names_every_verb_and_the_exit_codes(calldistil: Any) -> None:
    said = calldistil("--help")
    assert said.returncode == 0
    for verb in ("quickstart", "init", "plan", "run", "resume", "report", "score", "predict"):
        assert f"  {verb} " in said.stdout
    assert "7 the budget is reached" in " ".join(said.stdout.split())
    assert "130 interrupted" in " ".join(said.stdout.split())
