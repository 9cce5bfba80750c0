"""TACRED and FewRel: tokens to characters, labels, and broken files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.datasets import read_examples, write_examples
from harness.errors import ConfigError, DataError
from harness.relations import Example, Mention


def _row(id: str = "098f6", **changes: Any) -> dict[str, Any]:
    return {
        "id": id,
        "docid": "NYT_1",
        "relation": "per:title",
        "token": ["Ann", "Lee", "-LRB-", "left", "-RRB-", "is", "a", "chief", "engineer", "."],
        "subj_start": 0,
        "subj_end": 1,
        "obj_start": 7,
        "obj_end": 8,
        "subj_type": "PERSON",
        "obj_type": "TITLE",
        "stanford_pos": ["NNP"] * 10,
        "stanford_head": ["2"] * 10,
    } | changes


def _save(tmp_path: Path, value: object, name: str = "data.json") -> Path:
    file = tmp_path / name
    file.write_text(json.dumps(value), encoding="utf-8")
    return file


def _tacred(tmp_path: Path, *rows: dict[str, Any], **options: Any) -> tuple[Example, ...]:
    return read_examples(_save(tmp_path, list(rows)), format="tacred", options=options)


def test_tokens_become_text_with_brackets_and_half_open_spans(tmp_path: Path) -> None:
    (example,) = _tacred(tmp_path, _row())
    assert example.text == "Ann Lee ( left ) is a chief engineer ."
    assert example.head == Mention(0, 7, "Ann Lee", "PERSON")
    assert example.tail == Mention(22, 36, "chief engineer", "TITLE")
    assert (example.relation, dict(example.meta)) == ("per:title", {"docid": "NYT_1"})


def test_every_bracket_form_is_turned(tmp_path: Path) -> None:
    forms = ["A", "-LRB-", "-RRB-", "-LSB-", "-RSB-", "-LCB-", "-RCB-", "B"]
    row = _row(token=forms, subj_start=0, subj_end=0, obj_start=7, obj_end=7)
    assert _tacred(tmp_path, row)[0].text == "A ( ) [ ] { } B"


def test_tacred_is_written_with_its_forms_and_read_back_equal(tmp_path: Path) -> None:
    examples = _tacred(tmp_path, _row(), _row("2"), keep_annotations=True)
    assert json.loads(examples[0].meta["stanford_head"]) == ["2"] * 10
    write_examples(examples, tmp_path / "again.json", format="tacred")
    again = json.loads((tmp_path / "again.json").read_text(encoding="utf-8"))
    assert again == [_row(), _row("2")]


@pytest.mark.parametrize(
    ("option", "same"), [("text", [0, 0, 1]), ("docid", [0, 1, 1]), ("none", [0, 1, 2])]
)
def test_tacred_groups_by_sentence_document_or_not(
    option: str, same: list[int], tmp_path: Path
) -> None:
    other = [*_row()["token"][:-1], "!"]
    rows = [_row("1"), _row("2", docid="NYT_2"), _row("3", docid="NYT_2", token=other)]
    keys = [e.group_key for e in _tacred(tmp_path, *rows, group_by=option)]
    assert [list(dict.fromkeys(keys)).index(key) for key in keys] == same


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"subj_end": 10}, "item 1 (id '098f6'): subj: tokens 0 to 10 do not lie in"),
        ({"obj_start": 9, "obj_end": 8}, "item 1 (id '098f6'): obj: tokens 9 to 8"),
        ({"obj_start": -1}, "item 1 (id '098f6'): obj: tokens -1 to 8"),
        ({"token": "a string"}, "item 1 (id '098f6'): token: Input should be a valid list"),
        ({"subj_start": "0"}, "item 1 (id '098f6'): subj_start: Input should be a valid integer"),
        ({"id": ""}, "item 1 (id ''): the id is empty"),
    ],
)
def test_a_broken_tacred_item_is_told_by_its_place(
    changes: dict[str, Any], told: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError) as raised:
        _tacred(tmp_path, _row(**changes))
    assert raised.value.problems[0].what.startswith(told)


def test_a_tacred_file_that_is_no_list_or_repeats_an_id_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a JSON list"):
        read_examples(_save(tmp_path, {"a": 1}), format="tacred")
    with pytest.raises(DataError, match=r"item 2 .*stands twice, first at item 1"):
        _tacred(tmp_path, _row(), _row())
    file = tmp_path / "cut.json"
    file.write_text('[\n{"id": "1"},\n{"id": \n', encoding="utf-8")
    with pytest.raises(DataError, match=r"cut.json:4: not valid JSON: Expecting value"):
        read_examples(file, format="tacred")


def test_a_mention_inside_a_token_cannot_be_written_as_tokens(tmp_path: Path) -> None:
    text = "Teapots hold tea."
    example = Example("1", text, Mention.of(text, 0, 3), Mention.of(text, 13, 16), "holds")
    for format in ("tacred", "fewrel"):
        with pytest.raises(DataError, match=r"\[0, 3\) does not begin and end with tokens"):
            write_examples([example], tmp_path / "x.json", format=format)


# -- relabelling as options ----------------------------------------------------------------


def test_tacrev_and_retacred_labels_are_applied_while_reading(tmp_path: Path) -> None:
    rows = [_row("1"), _row("2"), _row("3")]
    patch = _save(tmp_path, [{"id": "2", "relation": "no_relation"}], "patch.json")
    patched = _tacred(tmp_path, *rows, tacrev_patch=patch)
    assert [e.relation for e in patched] == ["per:title", "no_relation", "per:title"]
    labels = _save(tmp_path, {"3": "per:identity", "1": "no_relation"}, "labels.json")
    relabelled = _tacred(tmp_path, *rows, dataset="retacred", retacred_labels=labels)
    assert [(e.id, e.relation) for e in relabelled] == [("1", "no_relation"), ("3", "per:identity")]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"dataset": "tacrev"}, "the dataset tacrev needs tacrev_patch"),
        ({"dataset": "tacred", "retacred_labels": "x"}, "dataset says tacred, but a file of ret"),
        ({"tacrev_patch": "x", "retacred_labels": "y"}, "exclude each other"),
    ],
)
def test_relabelling_options_that_do_not_fit_are_refused(
    options: dict[str, Any], told: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=told):
        _tacred(tmp_path, _row(), **options)


# -- FewRel --------------------------------------------------------------------------------


def _sentence(**changes: Any) -> dict[str, Any]:
    return {
        "tokens": ["Wilton", "Bridge", " ", "crosses", "the", "Wye", "."],
        "h": ["wilton bridge", "Q1", [[0, 1], [3]]],
        "t": ["wye", "Q2", [[5]]],
    } | changes


def test_fewrel_gives_ids_spans_and_names(tmp_path: Path) -> None:
    file = _save(tmp_path, {"P177": [_sentence(), _sentence()], "P17": [_sentence()]})
    examples = read_examples(file, format="fewrel")
    assert [e.id for e in examples] == ["P177-0", "P177-1", "P17-0"]
    assert examples[0].head.surface == "Wilton Bridge"
    assert examples[0].text == "Wilton Bridge   crosses the Wye ."
    names = _save(tmp_path, {"P177": ["crosses", "obstacle"], "P17": ["country", ""]}, "n.json")
    named = read_examples(file, format="fewrel", options={"names": names})
    assert [e.relation for e in named] == ["crosses", "crosses", "country"]
    write_examples(named, tmp_path / "x.json", format="fewrel", options={"names": names})
    assert read_examples(tmp_path / "x.json", format="fewrel", options={"names": names}) == named


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ([], "not a JSON object from relation"),
        ({"P177": {}}, "relation 'P177': its value is not a list"),
        ({"P177": [_sentence(h=["a", "Q", [[0, 2]]])]}, "indexes [0, 2] have gaps"),
        ({"P177": [_sentence(t=["a", "Q", [[7]]])]}, "tokens 7 to 7 do not lie in"),
        ({"P177": [_sentence(t=["a", "Q", []])]}, "relation 'P177', item 1: t.2: List should"),
        ({"P177": [{"tokens": []}]}, "h: is missing"),
    ],
)
def test_a_broken_fewrel_item_is_told_by_its_place(
    value: object, told: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError) as raised:
        read_examples(_save(tmp_path, value), format="fewrel")
    assert told in raised.value.problems[0].what


def test_two_fewrel_relations_of_one_name_are_told_apart_or_refused(tmp_path: Path) -> None:
    file = _save(tmp_path, {"P1": [_sentence()], "P2": [_sentence()]})
    names = _save(tmp_path, {"P1": ["part of", ""], "P2": ["part of", ""]}, "names.json")
    assert len(read_examples(file, format="fewrel")) == 2
    with pytest.raises(DataError, match="it has the name 'part of', as 'P1' has"):
        read_examples(file, format="fewrel", options={"names": names})
