"""The benchmark by which options are chosen: on rows that nothing was trained on."""

import json

import pytest

from benchmarks.speed import student_f1
from harness.datasets import read_examples, write_examples
from harness.errors import DataError

CAUSE = '"The <e1>storm</e1> number {n} caused the <e2>flood</e2>."'
PART = '"The <e1>wheel</e1> number {n} is part of the <e2>car</e2>."'


@pytest.fixture
def semeval(tmp_path, monkeypatch):
    folder = tmp_path / "data" / "semeval2010_task8"
    folder.mkdir(parents=True)
    texts = [(CAUSE, "Cause-Effect(e1,e2)"), (PART, "Component-Whole(e1,e2)")]
    lines = []
    for n in range(1, 41):
        text, label = texts[n % 2]
        lines += [f"{n}\t{text.format(n=n)}", label, "Comment:", ""]
    (folder / "TRAIN_FILE.TXT").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "few_shot_ids.json").write_text('{"k8-seed1": [1, 2]}', encoding="utf-8")
    monkeypatch.setenv("CALLDISTIL_DATA", str(tmp_path / "data"))
    return folder


def result_of(capsys, *words):
    assert student_f1.main([*words, "--student", "linear.v1", "--seeds", "1"]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_files_of_rows_are_trained_on_and_not_scored(semeval, tmp_path, capsys):
    rows = read_examples(semeval / "TRAIN_FILE.TXT", format="semeval")
    write_examples(rows[:10], tmp_path / "rows.jsonl", format="jsonl")
    result = result_of(capsys, str(tmp_path / "rows.jsonl"), "-O", "min_count=1")
    assert result["name"].endswith("rows.jsonl, 10 rows")
    assert result["options"] == {"min_count": 1}
    assert result["held_out"] == 30  # the few-shot rows are among the ten


def test_a_set_goes_by_its_name_and_its_rows_are_not_scored(semeval, capsys):
    result = result_of(capsys, "gold_k8")
    assert result["name"] == "linear.v1 on gold_k8, 2 rows"
    assert (result["value"], result["held_out"]) == (100.0, 38)


def test_a_set_goes_with_no_files(semeval):
    with pytest.raises(SystemExit):
        student_f1.main(["gold_k8", "rows.jsonl"])


def test_a_name_that_is_neither_is_told(semeval, tmp_path):
    with pytest.raises(DataError, match="absent"):
        student_f1.main([str(tmp_path / "absent.jsonl")])
