"""The scores of published answers agree with those that are known for them."""

import json

import pytest

from benchmarks.published.rag4re_scores import (
    METRICS,
    chatgpt,
    main,
    plain_reading,
    score_table,
    systems,
    tolerant_reading,
    undirected_systems,
)
from harness.errors import DataError
from harness.metrics import score
from harness.relations import Outcome

KNOWN = {
    "Flan-T5-XL plain": (666, 16.84, 13.17),
    "Flan-T5-XL retrieval": (297, 6.23, 5.02),
    "Flan-T5-XXL plain": (68, 12.49, 7.65),
    "Flan-T5-XXL retrieval": (330, 15.15, 10.54),
}


@pytest.fixture(scope="module")
def found(data_home):
    return {(system.name, system.reading): system.answers for system in systems(data_home)}


def value(answers, metric):
    return round(float(score(answers, metric)[0]), 2)


@pytest.mark.data
@pytest.mark.parametrize("name", KNOWN)
def test_the_plain_reading_gives_the_known_figures(name, found, data_home):
    answers = found[name, "plain"]
    unparsed, micro, macro = KNOWN[name]
    assert answers.unparsed_count == unparsed
    assert value(answers, "micro_f1@unparsed=na") == micro
    assert value(answers, "semeval_macro_f1@unparsed=na") == macro


@pytest.mark.data
def test_unparsed_answers_that_count_as_wrong_cost_the_known_points(found, data_home):
    assert value(found["Flan-T5-XXL plain", "plain"], "micro_f1") == 12.30
    assert value(found["Flan-T5-XXL retrieval", "plain"], "micro_f1") == 14.04


@pytest.mark.data
def test_the_tolerant_reading_reads_all_that_the_plain_one_reads_and_more(found, data_home):
    for (name, reading), plain in found.items():
        if reading != "plain":
            continue
        tolerant = found[name, "tolerant"]
        read = plain.parsed[0]
        assert tolerant.parsed[0][read].all()
        assert (tolerant.predicted[0][read] == plain.predicted[0][read]).all()
        assert tolerant.unparsed_count <= plain.unparsed_count
    gained = found["Flan-T5-XL plain", "plain"].unparsed_count
    assert gained - found["Flan-T5-XL plain", "tolerant"].unparsed_count == 338


@pytest.mark.data
def test_answers_without_direction_are_scored_on_relations_alone(data_home):
    rows = [*undirected_systems(data_home), *chatgpt(data_home)]
    assert all(not row.answers.schema.directed and len(row.answers) == 2717 for row in rows)
    llama = next(row for row in rows if row.name == "Llama-3-8B plain")
    assert llama.answers.unparsed_count < 2717
    plain, tolerant = (row for row in rows if row.name.startswith("ChatGPT"))
    assert (plain.answers.unparsed_count, tolerant.answers.unparsed_count) == (2, 0)


@pytest.mark.data
def test_a_table_has_a_row_per_system_and_an_interval_per_score(data_home):
    rows = systems(data_home)[:2]
    lines = score_table(rows, ("micro_f1",)).splitlines()
    assert len(lines) == 2 + len(rows)
    assert "14.59 [" in lines[2]


def test_the_plain_reading_folds_case_and_nothing_else(semeval_schema):
    assert plain_reading(semeval_schema, "1", "cause-effect(E1,E2)").label == "Cause-Effect(e1,e2)"
    assert plain_reading(semeval_schema, "1", " Other").outcome is Outcome.INVALID_LABEL
    assert tolerant_reading(semeval_schema, "1", " Other").label == "Other"


def test_every_score_is_told_in_the_three_ways_to_count_unparsed_answers():
    for metric in ("micro_f1", "semeval_macro_f1"):
        for way in ("", "@unparsed=na", "@unparsed=left_out"):
            assert f"{metric}{way}" in METRICS


@pytest.mark.data
def test_rows_that_are_not_about_their_sentences_are_refused(tmp_path, data_home):
    source = data_home / "recorded" / "chatgpt_semeval" / "SemEval_All_ans.json"
    rows = json.loads(source.read_text(encoding="utf-8"))
    folder = tmp_path / "recorded" / "chatgpt_semeval"
    folder.mkdir(parents=True)
    (folder / source.name).write_text(json.dumps(rows[1:] + rows[:1]), encoding="utf-8")
    (tmp_path / "semeval2010_task8").symlink_to(data_home / "semeval2010_task8")
    with pytest.raises(DataError, match="row 0 is not about the sentence 8001"):
        chatgpt(tmp_path)


def test_absent_data_is_one_message(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CALLDISTIL_DATA", str(tmp_path))
    assert main() == 3
    assert capsys.readouterr().err
