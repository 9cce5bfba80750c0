"""A schema's labels, their direction, and the NA label, which is declared and never guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.relations import Markers, Relation, Schema


def _directed(markers: Markers | None = None) -> Schema:
    return Schema(
        name="s",
        na_label="Other",
        relations=(Relation("Cause-Effect"), Relation("Other-Whole")),
        directed=True,
        markers=markers or Markers(),
    )


def test_a_directed_schema_has_two_labels_per_relation_and_the_na_label_last() -> None:
    assert _directed().label_names == (
        "Cause-Effect(e1,e2)",
        "Cause-Effect(e2,e1)",
        "Other-Whole(e1,e2)",
        "Other-Whole(e2,e1)",
        "Other",
    )


def test_directed_labels_are_written_with_the_schemas_own_markers() -> None:
    labels = _directed(Markers(head="s", tail="o")).label_names
    assert labels[:2] == ("Cause-Effect(s,o)", "Cause-Effect(o,s)")


def test_semeval_has_eighteen_directed_labels_and_other(semeval_schema: Schema) -> None:
    assert len(semeval_schema.positive_labels) == 18
    assert semeval_schema.label_names[-1] == "Other"


def test_the_demo_has_one_label_per_relation(demo_schema: Schema) -> None:
    assert demo_schema.label_names == (*(r.name for r in demo_schema.relations), "no_relation")
    assert len(demo_schema.relations) == 11


def test_reversing_a_label_twice_gives_it_back(semeval_schema: Schema) -> None:
    for label in semeval_schema.positive_labels:
        other = semeval_schema.reverse(label)
        assert other is not None
        assert other != label
        assert semeval_schema.reverse(other) == label
        assert semeval_schema.relation_of(other) == semeval_schema.relation_of(label)


def test_na_and_undirected_labels_have_no_reverse(
    semeval_schema: Schema, demo_schema: Schema
) -> None:
    assert semeval_schema.reverse("Other") is None
    assert demo_schema.reverse("founded_by") is None


def test_only_the_declared_label_is_na() -> None:
    schema = Schema(
        name="s",
        na_label="founded_by",
        relations=(Relation("no_relation"), Relation("Other"), Relation("NA"), Relation("none")),
    )
    assert [label.name for label in schema.labels if label.is_na] == ["founded_by"]
    assert schema.positive_labels == ("no_relation", "Other", "NA", "none")
    assert schema.relation_of("founded_by") is None
    assert schema.relation_of("no_relation") == Relation("no_relation")


def test_a_label_outside_the_schema_is_not_in_it_and_cannot_be_asked_for() -> None:
    schema = _directed()
    assert "Cause-Effect(e1,e2)" in schema
    for absent in ("Cause-Effect", "other", None, 3):
        assert absent not in schema
    with pytest.raises(KeyError):
        schema.label("other")


@pytest.mark.parametrize("relations", [("a", "a"), ("a", "Other")])
def test_a_label_that_stands_twice_is_refused(relations: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="stand twice"):
        Schema(name="s", na_label="Other", relations=tuple(map(Relation, relations)))


def test_a_schema_without_relations_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one relation"):
        Schema(name="s", na_label="Other", relations=())


def test_entity_types_are_those_of_heads_and_tails_once_each(
    demo_schema: Schema, semeval_schema: Schema
) -> None:
    assert demo_schema.entity_types == ("LOC", "ORG", "PER", "PROD", "WORK")
    assert semeval_schema.entity_types == ()


@given(st.lists(st.text(min_size=1), min_size=1, max_size=8, unique=True), st.booleans())
def test_every_label_finds_itself_and_its_relation(names: list[str], directed: bool) -> None:
    schema = Schema(
        name="s",
        na_label="".join(names) + "!",
        relations=tuple(Relation(name) for name in names),
        directed=directed,
    )
    assert len(schema.label_names) == len(names) * (2 if directed else 1) + 1
    for label in schema.labels:
        assert schema.label(label.name) is label
        relation = schema.relation_of(label.name)
        assert (relation is None) == label.is_na
        assert relation is None or relation.name == label.relation
