"""Data sets that the library ``datasets`` loads; a folder stands in for the hub."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from harness.datasets import read_examples, write_examples
from harness.errors import ConfigError, DataError, MissingExtraError
from harness.relations import Schema


def hub_library() -> Any:
    """The library; with its extra missing, the folder of these tests answers to its name."""
    found = pytest.importorskip("datasets", reason="the extra hf is not installed")
    if not hasattr(found, "Features"):
        pytest.skip("the extra hf is not installed")
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A local data set with a column of class labels, as SemEval on the hub has it."""
    datasets = hub_library()
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    features = datasets.Features(
        sentence=datasets.Value("string"),
        relation=datasets.ClassLabel(names=["Cause-Effect(e1,e2)", "Other"]),
    )
    rows = {
        "sentence": ["A <e1>fire</e1> made <e2>smoke</e2>.", "A <e1>cup</e1> of <e2>tea</e2>."],
        "relation": [0, 1],
    }
    home = tmp_path / "hub"
    home.mkdir()
    datasets.Dataset.from_dict(rows, features=features).to_parquet(home / "test.parquet")
    return home


def test_sentences_and_class_labels_become_examples(folder: Path, semeval_schema: Schema) -> None:
    options = {"split": "test", "first_id": 8001}
    found = read_examples(str(folder), format="hub", schema=semeval_schema, options=options)
    assert [(e.id, e.text, e.relation) for e in found] == [
        ("8001", "A fire made smoke.", "Cause-Effect(e1,e2)"),
        ("8002", "A cup of tea.", "Other"),
    ]


def test_a_split_that_is_not_there_is_one_clear_error(folder: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be loaded \('train'\)") as raised:
        read_examples(folder, format="hub")
    assert len(raised.value.problems) == 1


def test_an_unreachable_data_set_is_one_clear_error() -> None:
    hub_library()
    with pytest.raises(DataError, match="check name, split and network"):
        read_examples("SemEvalWorkshop/no_such_data_set_here", format="hub")


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError, match=r"calldistil\[hf\]"):
        read_examples("a/b", format="hub")


def test_the_hub_is_not_written(tmp_path: Path, folder: Path) -> None:
    examples = read_examples(folder, format="hub", options={"split": "test"})
    with pytest.raises(ConfigError, match="cannot be written"):
        write_examples(examples, tmp_path / "x", format="hub")


def test_bytes_that_are_no_text_are_a_problem_of_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library finds them only when a row is looked at; found by fuzzing."""
    hub_library()
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    home = tmp_path / "hub"
    home.mkdir()
    row = b'{"id": "1", "text": "Ada \xf3 at Acme", "head": "Ada", "tail": "Acme"}\n'
    (home / "train.jsonl").write_bytes(row)
    with pytest.raises(DataError, match="UTF-8"):
        read_examples(str(home), format="hub")
