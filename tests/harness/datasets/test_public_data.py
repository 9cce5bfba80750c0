"""The readers on the public data sets themselves."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import pytest

from harness.datasets import (
    LabelledId,
    Shortfall,
    apply_retacred_labels,
    apply_tacrev_patch,
    fetch_dataset,
    few_shot_from_ids,
    find_overlaps,
    read_examples,
    read_label_file,
    read_predictions,
    write_examples,
)
from harness.errors import DataError
from harness.relations import Example, Mention, Schema

pytestmark = pytest.mark.data


def _semeval(data_home: Path, name: str, schema: Schema) -> tuple[Example, ...]:
    file = data_home / "semeval2010_task8" / name
    return read_examples(file, format="semeval", schema=schema)


@pytest.mark.parametrize(
    ("name", "count", "first"), [("TRAIN_FILE.TXT", 8000, 1), ("TEST_FILE_FULL.TXT", 2717, 8001)]
)
def test_semeval_is_read_whole_and_every_span_comes_back(
    name: str, count: int, first: int, data_home: Path, semeval_schema: Schema, tmp_path: Path
) -> None:
    examples = _semeval(data_home, name, semeval_schema)
    assert [int(example.id) for example in examples] == list(range(first, first + count))
    for format in ("semeval", "jsonl", "csv", "tsv"):
        file = tmp_path / format
        write_examples(examples, file, format=format, schema=semeval_schema)
        again = read_examples(file, format=format, schema=semeval_schema)
        if format in ("csv", "tsv"):  # a table has no column for the comments
            examples = tuple(_without_meta(example) for example in examples)
        assert again == examples


def _without_meta(e: Example) -> Example:
    return Example(e.id, e.text, e.head, e.tail, e.relation, e.group)


def test_the_key_of_semeval_agrees_with_the_full_file_but_for_direction(
    data_home: Path, semeval_schema: Schema
) -> None:
    examples = _semeval(data_home, "TEST_FILE_FULL.TXT", semeval_schema)
    file = data_home / "semeval2010_task8" / "TEST_FILE_KEY.TXT"
    key = {p.example_id: p.label or p.answer for p in read_predictions(file, semeval_schema)}
    assert key == {e.id: str(e.relation).partition("(")[0] for e in examples}


def test_semeval_is_taken_from_a_folder(data_home: Path, tmp_path: Path) -> None:
    folder = fetch_dataset("semeval-2010-task-8", to=tmp_path, from_folder=data_home)
    for name in ("TRAIN_FILE.TXT", "TEST_FILE_FULL.TXT"):
        original = data_home / "semeval2010_task8" / name
        assert (folder / name).read_bytes() == original.read_bytes()


def test_the_few_shot_ids_of_semeval_give_k_per_label_in_their_order(
    data_home: Path, semeval_schema: Schema
) -> None:
    pool = _semeval(data_home, "TRAIN_FILE.TXT", semeval_schema)
    file = data_home / "semeval2010_task8" / "few_shot_ids.json"
    for k in (8, 16, 32):
        split = few_shot_from_ids(pool, file=file, key=f"k{k}-seed1", k=k)
        counts = Counter(example.relation for example in split.train)
        assert counts == {
            name: 1 if name == "Entity-Destination(e2,e1)" else k
            for name in semeval_schema.label_names
        }
        assert split.shortfalls == (Shortfall("Entity-Destination(e2,e1)", k, 1),)
        listed = json.loads(file.read_text(encoding="utf-8"))[f"k{k}-seed1"]
        assert [int(example.id) for example in split.train] == listed


@pytest.mark.slow
def test_the_overlaps_of_semeval_are_found_within_seconds(
    data_home: Path, semeval_schema: Schema
) -> None:
    train = _semeval(data_home, "TRAIN_FILE.TXT", semeval_schema)
    test = _semeval(data_home, "TEST_FILE_FULL.TXT", semeval_schema)
    start = time.perf_counter()
    report = find_overlaps(train, test)
    assert time.perf_counter() - start < 30
    assert (len(report.exact), len(report.normalised), len(report.near)) == (17, 1, 7)


def test_official_proposed_answers_are_read(data_home: Path, semeval_schema: Schema) -> None:
    cases = data_home / "semeval2010_task8" / "scorer_cases"
    for case in (1, 2, 3, 5):
        found = read_predictions(cases / f"proposed_answer{case}.txt", semeval_schema)
        assert all(prediction.label in semeval_schema for prediction in found)
    with pytest.raises(DataError, match="stands twice"):
        read_predictions(cases / "proposed_answer4.txt", semeval_schema)


def test_fewrel_is_read_whole_and_written_again(data_home: Path, tmp_path: Path) -> None:
    options = {"names": data_home / "fewrel" / "pid2name.json"}
    file = data_home / "fewrel" / "val_wiki.json"
    examples = read_examples(file, format="fewrel", options=options)
    assert len(examples) == 11_200
    assert set(Counter(e.relation for e in examples).values()) == {700}
    write_examples(examples, tmp_path / "again.json", format="fewrel", options=options)
    again = read_examples(tmp_path / "again.json", format="fewrel", options=options)
    assert again == examples


def test_the_demo_is_read_whole(data_home: Path, demo_schema: Schema) -> None:
    demo = data_home.parent / "demo"
    if not demo.is_dir():
        pytest.skip(f"the demo is not at {demo}")
    sizes = [
        len(read_examples(demo / f"{part}.jsonl", schema=demo_schema))
        for part in ("test", "dev", "few_shot")
    ]
    assert sizes == [398, 90, 112]


# -- TACRED's labels, whose sentences cannot be had ----------------------------------------


@pytest.fixture(scope="module")
def tacred_gold(data_home: Path) -> tuple[LabelledId, ...]:
    """TACRED's test labels by id."""
    return read_label_file(data_home / "tacred_labels" / "tacred_test_cnn.jsonl")


def _na_share(labels: tuple[LabelledId, ...]) -> float:
    return round(100 * sum(e.label == "no_relation" for e in labels) / len(labels), 2)


def test_tacred_tacrev_and_retacred_have_their_known_sizes_and_shares_of_na(
    data_home: Path, tacred_gold: tuple[LabelledId, ...]
) -> None:
    folder = data_home / "tacred_labels"
    tacrev = apply_tacrev_patch(tacred_gold, folder / "tacrev_patch" / "test_patch.json")
    retacred = apply_retacred_labels(tacred_gold, folder / "retacred_test_id2label.json")
    assert [len(x) for x in (tacred_gold, tacrev, retacred)] == [15_509, 15_509, 13_418]
    # Accuracy of a constant no_relation, as published.
    assert [_na_share(x) for x in (tacred_gold, tacrev, retacred)] == [78.56, 79.86, 57.91]
    assert retacred == read_label_file(folder / "retacred_test_id2label.json")


def test_the_patch_is_applied_to_examples_as_to_labels(
    data_home: Path, tacred_gold: tuple[LabelledId, ...], tmp_path: Path
) -> None:
    text = "Ann leads Acme"
    head, tail = Mention.of(text, 0, 3, "PERSON"), Mention.of(text, 10, 14, "ORGANIZATION")
    invented = [Example(e.id, text, head, tail, e.label) for e in tacred_gold]
    file = tmp_path / "test.json"
    write_examples(invented, file, format="tacred")
    folder = data_home / "tacred_labels"
    patch = folder / "tacrev_patch" / "test_patch.json"
    patched = read_examples(file, format="tacred", options={"tacrev_patch": patch})
    assert [(e.id, e.relation) for e in patched] == [
        (e.id, e.label) for e in apply_tacrev_patch(tacred_gold, patch)
    ]
    labels = folder / "retacred_test_id2label.json"
    relabelled = read_examples(file, format="tacred", options={"retacred_labels": labels})
    assert len(relabelled) == 13_418


def test_the_patch_of_another_split_is_refused(
    data_home: Path, tacred_gold: tuple[LabelledId, ...]
) -> None:
    patch = data_home / "tacred_labels" / "tacrev_patch" / "dev_patch.json"
    with pytest.raises(DataError, match="none of the 1590 ids is among the 15509 examples"):
        apply_tacrev_patch(tacred_gold, patch)
