"""Broken input of every kind: one clear message, its exit code, no traceback."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

DEMO_RECORDING = "teacher.jsonl"


def replaced(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text, f"{old!r} is not in {file.name}"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


def line_with(file: Path, words: str) -> int:
    lines = file.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if words in line)


@dataclass(frozen=True)
class Broken:
    """How the small task is broken, and what is said of it.

    Attributes:
        breaks: Breaks the task in a folder.
        code: The exit code.
        says: Parts of the message.
        at: The file and words of the line that the message names.
        verb: What is called with the experiment.
    """

    breaks: Callable[[Path], object]
    code: int
    says: tuple[str, ...]
    at: tuple[str, str] | None = None
    verb: str = "plan"


def _experiment(old: str, new: str) -> Callable[[Path], object]:
    return lambda folder: replaced(folder / "experiment.yaml", old, new)


def _more_of_a_line(folder: Path) -> None:
    """A recording with another answer to its first request."""
    file = folder / DEMO_RECORDING
    first = json.loads(file.read_text(encoding="utf-8").splitlines()[0])
    first["response"] = "something else"
    with file.open("a", encoding="utf-8") as out:
        out.write(json.dumps(first) + "\n")


def _without_first_line(folder: Path) -> None:
    file = folder / DEMO_RECORDING
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join(lines[1:]), encoding="utf-8")


def _bad_data(folder: Path) -> None:
    file = folder / "train.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines()
    row = json.loads(lines[3])
    row["head"]["end"] = 900
    lines[2], lines[3] = "{", json.dumps(row)
    lines[5] = lines[5].replace('"relation": "', '"relation": "un')
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _ids(folder: Path) -> None:
    (folder / "ids.json").write_text(json.dumps({"k2-seed1": []}), encoding="utf-8")
    replaced(
        folder / "experiment.yaml",
        "  k: 2\n",
        "  k: 2\n  ids: {file: ids.json, key: 'k9-seed{seed}'}\n",
    )


BROKEN = {
    "no experiment file": Broken(
        lambda folder: (folder / "experiment.yaml").unlink(), 2, ("does not exist",)
    ),
    "YAML syntax": Broken(
        _experiment("name: ties", "name: [ties"),
        2,
        ("not valid YAML", "mend the syntax"),
        ("experiment.yaml", "schema: ties.yaml"),
    ),
    "a key twice": Broken(
        _experiment("name: ties\n", "name: ties\nname: ties\n"), 2, ("'name' stands twice",)
    ),
    "an unknown key": Broken(
        _experiment("few_shot:", "fewshot:"),
        2,
        ("fewshot: is not a known key",),
        ("experiment.yaml", "fewshot:"),
    ),
    "a missing key": Broken(_experiment("reference: llm\n", ""), 2, ("reference: is missing",)),
    "a value of the wrong kind": Broken(
        _experiment("resamples: 200", "resamples: many"),
        2,
        ("statistics.resamples", "valid integer"),
        ("experiment.yaml", "resamples"),
    ),
    "an unknown reference": Broken(
        _experiment("reference: llm", "reference: lmm"),
        2,
        ("reference: 'lmm' is not a system", "one of: llm, gold"),
        ("experiment.yaml", "reference:"),
    ),
    "a student as the reference": Broken(
        _experiment("reference: llm", "reference: gold"), 2, ("'gold' is a student",)
    ),
    "a candidate that is the reference": Broken(
        _experiment("candidate: mixed", "candidate: llm"), 2, ("'llm' is the reference",)
    ),
    "an unknown extractor": Broken(
        _experiment("extractor: zero_shot.v1", "extractor: zero_sot.v1"),
        2,
        ("'zero_sot.v1' is not a known extractor", "did you mean 'zero_shot.v1'?"),
        ("experiment.yaml", "zero_sot"),
    ),
    "an unknown backend entry": Broken(
        _experiment("backend: teacher", "backend: techer"),
        2,
        ("the backend 'techer' is not declared", "under backends: teacher"),
        ("experiment.yaml", "techer"),
    ),
    "a wrong option": Broken(
        _experiment("n: 4", "m: 4"),
        2,
        ("option m of all_at_once.v1", "options: n, demonstrations"),
        ("experiment.yaml", "options:\n        m: 4"),
    ),
    "an unknown metric": Broken(
        _experiment("reference: llm", "reference: llm\nmetric: micro_f2"),
        2,
        ("'micro_f2' is not a known metric", "did you mean 'micro_f1'?"),
    ),
    "an unknown tokenizer": Broken(
        _experiment("o200k_base", "o200k"), 2, ("'o200k' is not a known tokenizer",)
    ),
    "an unknown schema": Broken(
        _experiment("schema: ties.yaml", "schema: semeval-2010"),
        2,
        ("neither a built-in schema nor a file", "semeval-2010-task-8"),
    ),
    "NA among the relations": Broken(
        lambda folder: replaced(folder / "ties.yaml", "relations:\n", "relations:\n  none: {}\n"),
        2,
        ("ties.yaml", "NA label 'none' stands among the relations"),
    ),
    "no NA label": Broken(
        lambda folder: replaced(folder / "ties.yaml", "na_label: none\n", ""),
        2,
        ("na_label: is missing",),
    ),
    "no data file": Broken(
        lambda folder: (folder / "test.jsonl").unlink(),
        2,
        ("data.test: there is no file", "check the path"),
        ("experiment.yaml", "test:"),
    ),
    "no file of ids": Broken(
        lambda folder: replaced(folder / "experiment.yaml", "limit: 12", "ids: nowhere.json"),
        2,
        ("there is no file", "nowhere.json"),
        ("experiment.yaml", "nowhere.json"),
    ),
    "malformed lines of data": Broken(
        _bad_data,
        3,
        (
            "3 problems in the data",
            "train.jsonl:3",
            "train.jsonl:4",
            "train.jsonl:6",
            "unworks_for",
        ),
    ),
    "an unknown key of few-shot ids": Broken(_ids, 3, ("ids.json", "k9-seed1", "k2-seed1")),
    "a recording that is not there": Broken(
        lambda folder: (folder / DEMO_RECORDING).unlink(),
        3,
        (DEMO_RECORDING, "the recording does not exist"),
        verb="run",
    ),
    "a recording without a request": Broken(
        _without_first_line,
        4,
        ("1 of 36 calls", "is not in the recordings", DEMO_RECORDING),
        verb="run",
    ),
    "a recording with two answers to a request": Broken(
        _more_of_a_line, 3, ("another answer", f"{DEMO_RECORDING}:1 "), verb="run"
    ),
    "a recording that is not JSON": Broken(
        lambda folder: (folder / DEMO_RECORDING).write_text("\n{'messages'", encoding="utf-8"),
        3,
        (f"{DEMO_RECORDING}:2: not valid JSON",),
        verb="run",
    ),
}


def check(said: Any, code: int, says: tuple[str, ...]) -> None:
    """One error, each part of it, its code, nothing on stdout and no traceback."""
    assert said.code == code, said.err
    assert said.err.count("Error: ") == 1
    assert "Traceback" not in said.err
    assert "This is a bug" not in said.err
    for part in says:
        assert part in said.err, f"{part!r} is not in:\n{said.err}"


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_broken_task_gives_one_clear_message(
    broken: Broken, small_task: Any, command: Any, tmp_path: Path
) -> None:
    broken.breaks(small_task.folder)
    output = ("-o", tmp_path / "run", "-q") if broken.verb == "run" else ()
    said = command(broken.verb, small_task.experiment, *output)
    check(said, broken.code, broken.says)
    assert said.out == ""
    if broken.at is not None:
        file = small_task.folder / broken.at[0]
        words = broken.at[1].split("\n")[-1].strip()
        number = line_with(file, words) - broken.at[1].count("\n")
        assert f"{file}:{number}: " in said.err


def test_all_problems_of_an_experiment_are_told_at_once(small_task: Any, command: Any) -> None:
    def breaks(document: dict[str, Any]) -> None:
        document["reference"] = "lmm"
        document["systems"]["llm"]["extractor"] = "zero"
        document["systems"]["gold"]["options"] = {"depth": 3, "min_count": 0}
        document["data"]["test"]["file"] = "nowhere.jsonl"
        document["backends"]["teacher"].update(price="snapshot", tokenizer="mine")

    said = command("plan", small_task.changed(breaks))
    check(said, 2, ("7 problems in the configuration",))
    found = [line for line in said.err.splitlines() if line.startswith("  ")]
    assert len(found) == 7
    assert all(re.match(r"  \S+other\.yaml:\d+: ", line) for line in found)


@pytest.fixture
def student(small_task: Any, command: Any, tmp_path: Path) -> Path:
    """A saved linear student."""
    folder = tmp_path / "student"
    rows, schema = small_task.folder / "train.jsonl", small_task.folder / "ties.yaml"
    said = command("train", rows, "-s", schema, "--student", "linear", "-o", folder, "-q")
    assert said.code == 0, said.err
    return folder / "model"


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda model: _cut(model / "student.json"), "student.json cannot be read"),
        (lambda model: (model / "student.json").unlink(), "neither system.json nor student.json"),
        (lambda model: (model / "schema.yaml").unlink(), "The student's schema is broken"),
        (lambda model: _cut(next(model.glob("*.safetensors"))), "cannot be read"),
        (lambda model: next(model.glob("*.safetensors")).unlink(), "cannot be read"),
        (shutil.rmtree, "neither system.json nor student.json"),
    ],
)
def test_a_damaged_student_is_an_unreadable_artefact(
    damage: Callable[[Path], object], says: str, student: Path, small_task: Any, command: Any
) -> None:
    damage(student)
    said = command("predict", student, small_task.folder / "test.jsonl")
    check(said, 6, (says, "Hint: "))
    assert said.out == ""


def test_lines_to_predict_that_are_malformed_are_named(
    student: Path, small_task: Any, command: Any, tmp_path: Path
) -> None:
    marked = tmp_path / "marked.txt"
    marked.write_text("<h>Ada</h> works for <t>Acme</t> .\n<h>Ada</h> works .\n", encoding="utf-8")
    check(command("predict", student, marked), 3, ("marked.txt:2: there is no <t>", "mark both"))
    check(command("predict", student, tmp_path / "none.txt"), 3, ("none.txt", "cannot be read"))
    rows = small_task.folder / "test.jsonl"
    check(command("predict", student, rows, "-o", tmp_path), 1, (f"{tmp_path}: Is a directory",))


def test_a_prediction_for_an_unknown_sentence_is_an_error(
    small_task: Any, command: Any, tmp_path: Path
) -> None:
    predictions = tmp_path / "predictions.jsonl"
    predictions.write_text('{"id": "nobody", "relation": "none"}\n', encoding="utf-8")
    gold, schema = small_task.folder / "test.jsonl", small_task.folder / "ties.yaml"
    said = command("score", gold, predictions, "-s", schema)
    check(said, 3, ("'nobody'",))


def test_a_folder_that_is_no_run_is_an_unreadable_artefact(command: Any, tmp_path: Path) -> None:
    for verb in ("report", "resume"):
        check(command(verb, tmp_path), 6, ("is not a run", "calldistil run"))


def test_a_damaged_manifest_says_how_to_go_on(
    small_task: Any, command: Any, tmp_path: Path
) -> None:
    assert command("run", small_task.experiment, "-o", tmp_path / "run", "-q").code == 0
    _cut(tmp_path / "run" / "manifest.json")
    check(command("report", tmp_path / "run"), 6, ("manifest.json cannot be read", "Run the exp"))


def test_an_unknown_system_of_a_run_is_a_wrong_option(
    small_task: Any, command: Any, tmp_path: Path
) -> None:
    assert command("run", small_task.experiment, "-o", tmp_path / "run", "-q").code == 0
    said = command("report", tmp_path / "run", "--relations", "nobody")
    check(said, 2, ("no system 'nobody'", "one of: llm, gold"))


def test_a_results_folder_in_use_is_not_overwritten(
    student: Path, small_task: Any, command: Any
) -> None:
    rows, schema = small_task.folder / "train.jsonl", small_task.folder / "ties.yaml"
    said = command("train", rows, "-s", schema, "--student", "linear", "-o", student.parent)
    check(said, 6, ("holds files already", "--output"))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("run",), "Missing argument 'EXPERIMENT'"),
        (("rnu",), "No such command 'rnu'"),
        (("list", "students", "--jsn"), "No such option"),
        (("list", "people"), "'people' is not one of"),
    ],
)
def test_a_wrong_command_has_the_exit_code_2(words: Any, says: str, command: Any) -> None:
    said = command(*words)
    assert said.code == 2
    assert says in said.err


def test_a_wrong_key_value_word_is_named(small_task: Any, command: Any, tmp_path: Path) -> None:
    rows, schema = small_task.folder / "train.jsonl", small_task.folder / "ties.yaml"
    said = command(
        "train", rows, "-s", schema, "--student", "linear", "-O", "min_count", "-O", "types=[",
        "-o", tmp_path / "student",
    )  # fmt: skip
    check(said, 2, ("2 problems", "'min_count' (write KEY=VALUE)", "'types=[' is not YAML"))


def test_debug_prints_the_traceback_as_well(command: Any, tmp_path: Path) -> None:
    said = command("report", tmp_path, "--debug")
    assert said.code == 6
    assert "Traceback" in said.err and "Error: " in said.err


@pytest.mark.parametrize("kind", ["an unknown extractor", "a recording without a request"])
def test_the_real_command_says_the_same(
    kind: str, small_task: Any, calldistil: Any, tmp_path: Path
) -> None:
    broken = BROKEN[kind]
    broken.breaks(small_task.folder)
    output = ("-o", tmp_path / "run") if broken.verb == "run" else ()
    done = calldistil(broken.verb, small_task.experiment, *output)
    assert (done.returncode, done.stdout) == (broken.code, "")
    assert done.stderr.count("Error: ") == 1
    assert "Traceback" not in done.stderr
    assert all(part in done.stderr for part in broken.says)
