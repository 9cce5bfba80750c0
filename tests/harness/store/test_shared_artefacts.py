"""Artefacts in a storage: whole or not there, checked when fetched, on every file system."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.errors import ArtefactError, MissingExtraError
from harness.store import ArtefactStore, SharedArtefacts, content_digest, open_artefact_store

fsspec = pytest.importorskip("fsspec")

KEY = "a1" * 32


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    """Address of an S3 service on loopback."""
    pytest.importorskip("moto")
    pytest.importorskip("s3fs")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    code = f"from moto.server import main; main(['-H', '127.0.0.1', '-p', '{port}'])"
    server = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{address}/moto-api/", timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield address
    finally:
        server.kill()
        server.wait()


@pytest.fixture(params=["file", "memory", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty storage."""
    if request.param == "file":
        return f"file://{tmp_path}/storage"
    if request.param == "memory":
        return f"memory://{uuid.uuid4().hex}"
    address = request.getfixturevalue("s3_server")
    for name, value in {
        "AWS_ACCESS_KEY_ID": "someone",
        "AWS_SECRET_ACCESS_KEY": "something",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": address,
    }.items():
        monkeypatch.setenv(name, value)
    bucket = f"b{uuid.uuid4().hex[:12]}"
    urllib.request.urlopen(
        urllib.request.Request(f"{address}/{bucket}", method="PUT"), timeout=10
    ).close()
    return f"s3://{bucket}/runs"


def written(store: ArtefactStore, text: str = "weights", key: str = KEY) -> None:
    with store.writing("train", key, config={"epochs": 3}) as draft:
        (draft.content / "model").mkdir()
        (draft.content / "model" / "w.bin").write_text(text)
        (draft.folder / "ledger.jsonl").write_text("{}\n")


def test_what_one_machine_made_another_finds_with_equal_bytes(url: str, tmp_path: Path) -> None:
    here, there = (open_artefact_store(url, cache=tmp_path / n) for n in ("here", "there"))
    assert not there.holds("train", KEY) and there.find("train", KEY) is None
    written(here)
    assert there.holds("train", KEY)
    assert not (tmp_path / "there" / f"train-{KEY[:20]}").exists()  # nothing is fetched to look
    found, made = there.find("train", KEY), here.find("train", KEY)
    assert found is not None and made is not None
    assert content_digest(found) == content_digest(made) == made.about.digest
    assert found.about == made.about
    assert (found.folder / "ledger.jsonl").read_text() == "{}\n"
    assert [a.key for a in there] == [KEY]


def test_an_upload_that_is_cut_off_is_not_there(url: str, tmp_path: Path) -> None:
    here, there = (SharedArtefacts(tmp_path / n, url) for n in ("here", "there"))
    written(here)
    name = f"train-{KEY[:20]}"
    here._fs.rm(f"{here._base}/{name}/whole.json")  # what is written last
    assert there.find("train", KEY) is None and list(there) == []
    assert here.holds("train", KEY)  # uploaded again from this machine, and not made again
    assert there.find("train", KEY) is not None


def test_other_bytes_than_were_written_are_an_error_that_says_what_to_remove(
    url: str, tmp_path: Path
) -> None:
    here, there = (SharedArtefacts(tmp_path / n, url) for n in ("here", "there"))
    written(here)
    [path] = [p for p in here._fs.find(here._base) if p.endswith("w.bin")]
    here._fs.pipe_file(path, b"WEIGHTS")
    with pytest.raises(ArtefactError, match=r"is damaged: content/model/w\.bin") as raised:
        there.find("train", KEY)
    assert f"Remove {url}/train-{KEY[:20]}" in raised.value.hint
    assert list((tmp_path / "there").glob("[!.]*")) == []


def test_the_first_of_two_writers_counts(url: str, tmp_path: Path) -> None:
    first, second, third = (SharedArtefacts(tmp_path / str(n), url) for n in range(3))
    with second.writing("train", KEY) as draft:
        (draft.content / "w.bin").write_text("second")
        written(first, "first")
    found = third.find("train", KEY)
    assert found is not None
    assert (found.content / "model" / "w.bin").read_text() == "first"


def test_a_stage_that_raises_leaves_nothing(url: str, tmp_path: Path) -> None:
    store = SharedArtefacts(tmp_path / "here", url)
    with pytest.raises(ZeroDivisionError), store.writing("train", KEY):
        raise ZeroDivisionError
    assert not store.holds("train", KEY)
    assert list((tmp_path / "here").glob("train-*")) == []


def test_an_artefact_without_files_is_an_artefact(url: str, tmp_path: Path) -> None:
    with SharedArtefacts(tmp_path / "here", url).writing("train", KEY):
        pass
    found = SharedArtefacts(tmp_path / "there", url).find("train", KEY)
    assert found is not None and list(found.content.iterdir()) == []


def test_a_marker_cannot_name_files_outside_its_artefact(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/storage"
    written(SharedArtefacts(tmp_path / "here", url))
    marker = tmp_path / "storage" / f"train-{KEY[:20]}" / "whole.json"
    document = json.loads(marker.read_text())
    document["files"]["../../../evil"] = document["files"].pop("about.json")
    marker.write_text(json.dumps(document))
    with pytest.raises(ArtefactError, match="damaged"):
        SharedArtefacts(tmp_path / "there", url).find("train", KEY)
    assert not (tmp_path / "evil").exists()


def test_a_storage_that_cannot_be_reached_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "storage"
    blocked.write_text("a file, where a folder should be")
    store = SharedArtefacts(tmp_path / "here", f"file://{blocked}")
    with pytest.raises(ArtefactError, match="cannot be used"):
        written(store)
    blocked.unlink()
    assert store.holds("train", KEY)  # what was made is uploaded, not made again
    shutil.rmtree(tmp_path / "here")
    assert store.find("train", KEY) is not None


@pytest.mark.parametrize("address", ["nowhere://bucket/x", "abfs://container/x"])
def test_an_address_without_a_file_system_names_the_fix(address: str, tmp_path: Path) -> None:
    try:
        open_artefact_store(address, cache=tmp_path)
    except ArtefactError as error:
        assert address in error.message and error.hint
    else:
        pytest.skip("its client is installed")


def test_a_missing_fsspec_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtraError, match="fsspec") as raised:
        open_artefact_store("s3://bucket/x", cache=tmp_path)
    assert "calldistil[storage]" in raised.value.hint


def test_a_path_is_a_folder_and_needs_no_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    store: Any = open_artefact_store(tmp_path / "store")
    assert type(store) is ArtefactStore
    written(store)
    assert store.holds("train", KEY) and store.place == tmp_path / "store"
