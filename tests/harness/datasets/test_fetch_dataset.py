"""Getting SemEval-2010 Task 8; the sentences here are written for the test."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from harness.datasets import data_home, fetch_dataset, read_examples
from harness.errors import ConfigError, DataError

NAME = "semeval-2010-task-8"


def _release(folder: Path, train: int = 8000, test: int = 2717) -> Path:
    """Two files of the official shape and size, in folders as in the official archive."""
    for name, first, count in (("TRAIN_FILE.TXT", 1, train), ("TEST_FILE_FULL.TXT", 8001, test)):
        below = folder / name.partition("_")[0].lower()
        below.mkdir(parents=True)
        text = "".join(
            f'{first + n}\t"A <e1>cup</e1> of <e2>tea {n}</e2>."\r\nOther\r\nComment:\r\n\r\n'
            for n in range(count)
        )
        (below / name).write_bytes(text.encode())
    return folder


def test_a_folder_is_copied_checked_and_found_again(tmp_path: Path) -> None:
    source = _release(tmp_path / "download")
    folder = fetch_dataset(NAME, to=tmp_path / "data", from_folder=source)
    assert folder == tmp_path / "data" / "semeval2010_task8"
    assert sorted(file.name for file in folder.iterdir()) == [
        "TEST_FILE_FULL.TXT",
        "TRAIN_FILE.TXT",
    ]
    assert [file.name for file in (tmp_path / "data").iterdir()] == ["semeval2010_task8"]
    assert len(read_examples(folder / "TRAIN_FILE.TXT", format="semeval")) == 8000
    assert fetch_dataset(NAME, to=tmp_path / "data") == folder  # needs no network


def test_an_incomplete_release_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    source = _release(tmp_path / "download", train=7, test=2)
    with pytest.raises(DataError) as raised:
        fetch_dataset(NAME, to=tmp_path / "data", from_folder=source)
    whats = [problem.what for problem in raised.value.problems]
    assert whats == ["7 examples, not 8000", "2 examples, not 2717"]
    assert list((tmp_path / "data").iterdir()) == []


def test_a_folder_without_the_files_names_each(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no TRAIN_FILE\.TXT(.|\n)*no TEST_FILE_FULL\.TXT"):
        fetch_dataset(NAME, to=tmp_path / "data", from_folder=tmp_path)


def test_an_unreachable_release_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no network in this test")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for name in [n for n in os.environ if n.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    with pytest.raises(DataError) as raised:
        fetch_dataset(NAME, to=tmp_path)
    (problem,) = raised.value.problems
    assert problem.fix.endswith("calldistil data fetch semeval-2010-task-8 --from FOLDER")
    assert "no network in this test" in raised.value.hint
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_data_set_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'semeval-2010-task-8'"):
        fetch_dataset("semeval-2010-task8", to=tmp_path)


def test_the_home_of_data_is_named_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLDISTIL_DATA", str(tmp_path))
    assert data_home() == tmp_path
    monkeypatch.delenv("CALLDISTIL_DATA")
    assert data_home() == Path("../shared/data")
