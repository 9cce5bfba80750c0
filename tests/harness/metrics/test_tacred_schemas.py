"""The built-in schemas of the TACRED family hold the labels of the data."""

import json
from pathlib import Path

import pytest

from harness.relations import load_schema

SIZES = {"tacred": 42, "retacred": 40}


@pytest.mark.parametrize("name", sorted(SIZES))
def test_the_schema_is_undirected_with_a_described_and_typed_relation_per_label(name: str) -> None:
    schema = load_schema(name)
    assert len(schema.label_names) == SIZES[name]
    assert (schema.na_label, schema.directed) == ("no_relation", False)
    for relation in schema.relations:
        subject = "PERSON" if relation.name.startswith("per:") else "ORGANIZATION"
        assert relation.head_types == (subject,)
        assert relation.tail_types and relation.description


@pytest.mark.data
def test_every_label_of_the_test_sets_is_in_its_schema(data_home: Path) -> None:
    folder = data_home / "tacred_labels"
    lines = (folder / "tacred_test_cnn.jsonl").read_text(encoding="utf-8").splitlines()
    tacred = {json.loads(line)["label_true"] for line in lines}
    patch = json.loads((folder / "tacrev_patch" / "test_patch.json").read_text(encoding="utf-8"))
    assert tacred == set(load_schema("tacred").label_names)
    assert {row["relation"] for row in patch} <= tacred
    retacred = json.loads((folder / "retacred_test_id2label.json").read_text(encoding="utf-8"))
    unused = set(load_schema("retacred").label_names) - set(retacred.values())
    assert unused == {"per:country_of_birth"}  # in the training set only
    assert set(retacred.values()) <= set(load_schema("retacred").label_names)
