import json

import pytest

from agents.extractors import Rule
from benchmarks.published.rag4re import FILES, main, outcomes, outcomes_of, read_answers, table
from harness.errors import DataError
from harness.relations import Outcome


@pytest.fixture(scope="module")
def found(data_home):
    return outcomes(data_home)


@pytest.mark.data
def test_all_genuine_answers_are_read_and_none_is_dropped(found):
    assert [file.name for file in found] == list(FILES)
    assert [len(file.answers) for file in found] == [2717] * 6
    for file in found:
        assert sum(file.count(outcome) for outcome in Outcome) == 2717
        assert sum(file.count(rule) for rule in Rule) == 2717


@pytest.mark.data
def test_a_model_that_leaves_out_the_direction_has_no_answer_parsed(found):
    (llama,) = (file for file in found if file.name == "llama3-8b_query")
    assert llama.count(Rule.DIRECTION_MISSING) == 2717


@pytest.mark.data
def test_an_answer_that_is_exactly_a_label_is_that_label(data_home, found, semeval_schema):
    for file in found:
        folder = data_home / "recorded" / "rag4re_semeval" / "responses"
        for raw, parsed in zip(
            read_answers(folder / f"{file.name}.json"), file.answers, strict=True
        ):
            if raw in semeval_schema:
                assert parsed.label == raw


@pytest.mark.data
def test_the_table_adds_up(found):
    last = table(found).splitlines()[-1].split()
    assert last[0] == "all" and last[-1] == "16,302"
    assert sum(int(cell.replace(",", "")) for cell in last[1:-1]) == 16_302


def test_both_forms_of_answer_files_are_read(tmp_path):
    file = tmp_path / "a.json"
    file.write_text(json.dumps(["Other", {"predict": "other"}]), encoding="utf-8")
    assert outcomes_of("a", read_answers(file)).count(Outcome.PARSED) == 2


def test_an_answer_that_is_no_text_is_an_error_and_not_dropped(tmp_path):
    file = tmp_path / "a.json"
    file.write_text(json.dumps(["Other", {"text": "x"}, None]), encoding="utf-8")
    with pytest.raises(DataError, match="answer 1 is no text"):
        read_answers(file)


def test_absent_data_is_one_message(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CALLDISTIL_DATA", str(tmp_path))
    assert main() == 3
    assert "set CALLDISTIL_DATA" in capsys.readouterr().err
