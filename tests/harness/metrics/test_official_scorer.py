"""Agreement with the official scorer's own cases, byte for byte."""

from pathlib import Path

import pytest

from harness.errors import DataError
from harness.metrics import (
    format_official,
    join_labels,
    read_official_answers,
    score,
    semeval_official,
)
from harness.relations import Schema

CASES = ("1", "2", "3", "5")


@pytest.fixture
def cases(data_home: Path) -> Path:
    """The official scorer's inputs and printed results."""
    return data_home / "semeval2010_task8" / "scorer_cases"


@pytest.mark.data
@pytest.mark.parametrize("case", CASES)
def test_the_printed_report_equals_the_official_one_byte_for_byte(cases: Path, case: str) -> None:
    gold = read_official_answers(cases / f"answer_key{case}.txt")
    predicted = read_official_answers(cases / f"proposed_answer{case}.txt")
    printed = format_official(semeval_official(gold, predicted))
    expected = (cases / f"result_scores{case}.txt").read_bytes()  # made on Windows
    assert printed.replace("\n", "\r\n").encode() == expected


@pytest.mark.data
@pytest.mark.parametrize("case", CASES)
def test_the_vectorised_macro_f1_equals_the_official_score(
    cases: Path, case: str, semeval_schema: Schema
) -> None:
    gold = read_official_answers(cases / f"answer_key{case}.txt")
    predicted = read_official_answers(cases / f"proposed_answer{case}.txt")
    report = semeval_official(gold, predicted)
    answers = join_labels(gold, predicted, semeval_schema)
    assert score(answers, "semeval_macro_f1") == pytest.approx([report.score], abs=1e-9)
    assert score(answers, "semeval_macro_f1_undirected") == pytest.approx(
        [report.undirected.macro_f1], abs=1e-9
    )


@pytest.mark.data
@pytest.mark.parametrize("case", ["2"])  # the key has every label, so no answer is dropped
def test_micro_f1_with_skipped_as_na_equals_the_official_micro_f1(
    cases: Path, case: str, semeval_schema: Schema
) -> None:
    gold = read_official_answers(cases / f"answer_key{case}.txt")
    predicted = read_official_answers(cases / f"proposed_answer{case}.txt")
    report = semeval_official(gold, predicted)
    answers = join_labels(gold, predicted, semeval_schema)
    found = score(answers, "micro_f1@unparsed=na")
    assert found == pytest.approx([report.directed.micro.f1], abs=1e-9)
    undirected = score(answers, "micro_f1_undirected@unparsed=na")
    assert undirected == pytest.approx([report.undirected.micro.f1], abs=1e-9)


@pytest.mark.data
def test_a_malformed_answer_file_names_each_line_and_its_fix(cases: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_official_answers(cases / "proposed_answer4.txt")
    problems = {problem.line: problem for problem in caught.value.problems}
    assert sorted(problems) == [2, 3, 5, 7]
    assert problems[2].fix == "did you mean 'Message-Topic(e1,e2)'?"
    assert problems[3].fix == "write 'Cause-Effect(e1,e2)', without spaces"
    assert problems[5].fix == "write 'Instrument-Agency(e2,e1)', without spaces"
    assert problems[7].what == "the id 1 stands twice"


def test_a_wrong_direction_costs_precision_and_recall_of_its_relation() -> None:
    gold = {"1": "Cause-Effect(e1,e2)", "2": "Cause-Effect(e1,e2)"}
    report = semeval_official(gold, {**gold, "2": "Cause-Effect(e2,e1)"})
    (cause,) = report.official.scores
    assert (cause.right, cause.answered, cause.wrong_direction) == (1, 1, 1)
    assert (cause.precision, cause.recall) == (50.0, 50.0)
    assert report.undirected.macro_f1 == 100.0


def test_nothing_answered_scores_zero_and_prints() -> None:
    report = semeval_official({"1": "Other", "2": "Cause-Effect(e1,e2)"}, {})
    assert report.score == 0.0
    assert "Coverage = 0/2 =  0.00%" in format_official(report)


def test_a_key_of_other_alone_has_an_official_score_of_zero() -> None:
    assert semeval_official({"1": "Other"}, {"1": "Other"}).score == 0.0


def test_foreign_labels_and_ids_and_an_empty_key_are_all_told() -> None:
    with pytest.raises(DataError) as caught:
        semeval_official({"1": "Cause-Effect"}, {"2": "Other"})
    told = str(caught.value)
    assert "add the direction: Cause-Effect(e1,e2) or Cause-Effect(e2,e1)" in told
    assert "'2' is for no example of gold" in told
    with pytest.raises(DataError, match="gold has no example"):
        semeval_official({}, {})


@pytest.mark.parametrize("line", ["7 Other", "x\tOther", "", "7\t"])
def test_a_line_without_id_tab_label_is_rejected(tmp_path: Path, line: str) -> None:
    file = tmp_path / "answers.txt"
    file.write_text(f"1\tOther\n{line}\n3\tOther\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"answers\.txt:2: not an answer"):
        read_official_answers(file)


def test_an_absent_file_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_official_answers(tmp_path / "no.txt")
