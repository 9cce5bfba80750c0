"""Labels by id, and the relabellings of TACRED."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.datasets import (
    LabelledId,
    apply_retacred_labels,
    apply_tacrev_patch,
    read_label_file,
)
from harness.errors import DataError

GOLD = (LabelledId("a", "x"), LabelledId("b", "x"), LabelledId("c", "y"))


def _file(tmp_path: Path, content: object) -> Path:
    file = tmp_path / "labels"
    text = content if isinstance(content, str) else json.dumps(content)
    file.write_text(text, encoding="utf-8")
    return file


def test_gold_and_predictions_are_read_from_one_file(tmp_path: Path) -> None:
    file = _file(tmp_path, '{"id": "a", "label_true": "x", "label_pred": "y"}\n\n')
    assert read_label_file(file) == (LabelledId("a", "x"),)
    assert read_label_file(file, field="label_pred") == (LabelledId("a", "y"),)


def test_an_object_and_a_list_are_read_in_their_order(tmp_path: Path) -> None:
    wanted = (LabelledId("b", "x"), LabelledId("a", "y"))
    assert read_label_file(_file(tmp_path, {"b": "x", "a": "y"})) == wanted
    rows = [{"id": "b", "relation": "x"}, {"id": "a", "relation": "y"}]
    assert read_label_file(_file(tmp_path, rows)) == wanted
    assert read_label_file(_file(tmp_path, json.dumps(rows, indent=1))) == wanted


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "holds no label"),
        ("{}", "holds no label"),
        ("[1]", "item 1: id and label must be words"),
        ('{"a": 1}', "id 'a': id and label must be words"),
        ('{"a": "x", "a": "y"}', "the key 'a' stands twice"),
        ('[{"id": "a", "relation": "x"}, {"id": "a", "relation": "x"}]', "'a' stands twice"),
        ('{"id": "a", "label_true": "x"}\n{"id": "b"}\n', ":2: id and label must be words"),
        ('{"id": "a", "label_true": "x"}\nx\n', ":2: not valid JSON"),
    ],
)
def test_a_broken_label_file_is_refused(content: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as raised:
        read_label_file(_file(tmp_path, content))
    assert told in raised.value.message


def test_tacrev_changes_what_it_names_and_keeps_the_rest(tmp_path: Path) -> None:
    patch = _file(tmp_path, [{"id": "b", "relation": "y"}])
    patched = apply_tacrev_patch(GOLD, patch)
    assert patched == (GOLD[0], LabelledId("b", "y"), GOLD[2])


def test_retacred_keeps_what_its_file_names_in_the_order_of_the_examples(tmp_path: Path) -> None:
    labels = _file(tmp_path, {"c": "z", "a": "x"})
    assert apply_retacred_labels(GOLD, labels) == (LabelledId("a", "x"), LabelledId("c", "z"))


def test_ids_of_another_split_are_refused(tmp_path: Path) -> None:
    some = _file(tmp_path, [{"id": "b", "relation": "y"}, {"id": "q", "relation": "y"}])
    with pytest.raises(DataError, match="the id 'q' is not among the 3 examples"):
        apply_tacrev_patch(GOLD, some)
    none = _file(tmp_path, {"q": "x", "r": "y"})
    with pytest.raises(DataError, match=r"none of the 2 ids .*another split\?"):
        apply_retacred_labels(GOLD, none)
    with pytest.raises(DataError, match="repeat ids"):
        apply_tacrev_patch(GOLD + GOLD, _file(tmp_path, {"a": "x"}))
