"""A first schema from labelled data."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.datasets import infer_schema
from harness.errors import ConfigError
from harness.relations import Example, Mention, load_schema, save_schema


def _example(relation: str | None, head: str | None = None, tail: str | None = None) -> Example:
    text = "x y"
    return Example("1", text, Mention(0, 1, "x", head), Mention(2, 3, "y", tail), relation)


def test_relations_and_types_stand_in_the_order_of_first_appearance() -> None:
    schema = infer_schema(
        [
            _example("founded_by", "ORG", "PER"),
            _example("nothing", "LOC", "LOC"),
            _example("born_in", "PER", "LOC"),
            _example("founded_by", "GPE", "PER"),
        ],
        name="news",
        na_label="nothing",
    )
    assert schema.label_names == ("founded_by", "born_in", "nothing")
    assert (schema.relations[0].head_types, schema.relations[0].tail_types) == (
        ("GPE", "ORG"),
        ("PER",),
    )
    assert not schema.directed


def test_an_example_without_a_type_leaves_the_relation_open() -> None:
    schema = infer_schema([_example("r", "A"), _example("r", None)], name="t", na_label="none")
    assert schema.relations[0].head_types == ()


def test_directed_labels_are_found_and_the_schema_can_be_saved(tmp_path: Path) -> None:
    labels = ("Cause-Effect(e2,e1)", "Cause-Effect(e1,e2)", "Member-Collection(e1,e2)", "Other")
    schema = infer_schema([_example(label) for label in labels], name="s", na_label="Other")
    assert schema.directed
    assert [relation.name for relation in schema.relations] == ["Cause-Effect", "Member-Collection"]
    assert all(label in schema for label in labels)
    save_schema(schema, tmp_path / "s.yaml")
    assert load_schema(tmp_path / "s.yaml") == schema


def test_labels_of_which_one_has_no_direction_are_taken_as_they_are() -> None:
    schema = infer_schema([_example("A(e1,e2)"), _example("B")], name="s", na_label="none")
    assert (schema.directed, schema.positive_labels) == (False, ("A(e1,e2)", "B"))


def test_the_na_label_is_never_guessed() -> None:
    with pytest.raises(ConfigError, match="pass --na LABEL; the labels are: r, no_relation"):
        infer_schema([_example("r"), _example("no_relation")], name="t", na_label=None)


@pytest.mark.parametrize(
    ("labels", "na_label", "told"),
    [
        (["r", "no_relation"], "no_relatoin", "did you mean 'no_relation'"),
        ([None], "NA", "no example has a label"),
        (["NA"], "NA", "every example has the NA label"),
    ],
)
def test_data_without_a_schema_in_it_is_refused(
    labels: list[str | None], na_label: str, told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        infer_schema([_example(label) for label in labels], name="t", na_label=na_label)
