"""Bundles: a run packed with its calls, replayed without its LLM, and hostile zip files."""

import hashlib
import json
import shutil
import stat
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import BackendError, DataError
from harness.pipeline import RunFolder, bundle_run, run_experiment, unbundle
from harness.report import report_run
from harness.store import open_call_store


@pytest.fixture(scope="module")
def finished(task_files, tmp_path_factory):
    """A finished run of the small task, beside the folder ``task`` with its files."""
    folder = tmp_path_factory.mktemp("bundles") / "task"
    folder.mkdir()
    for name, text in task_files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return run_experiment(folder / "experiment.yaml", folder=folder.parent / "run").folder


def f1_of(folder):
    return {row.system: row.score.value for row in report_run(folder).rows}


def test_a_bundle_is_replayed_without_data_files_or_an_llm(finished, tmp_path):
    bundle_run(finished, tmp_path / "b.zip", data=True)
    task = finished.with_name("task")
    hidden = task.rename(task.with_name("away"))
    try:
        unbundle(tmp_path / "b.zip", tmp_path / "again")
        run = run_experiment(tmp_path / "again" / "experiment.yaml", folder=tmp_path / "again")
    finally:
        hidden.rename(task)
    assert f1_of(run.folder) == f1_of(finished)


def test_a_replay_pays_for_nothing_and_says_what_was_paid_once(finished, tmp_path):
    bundle_run(finished, tmp_path / "b.zip", data=True)
    unbundle(tmp_path / "b.zip", tmp_path / "again")
    run = run_experiment(tmp_path / "again" / "experiment.yaml", folder=tmp_path / "again")
    with open_call_store(run.calls) as calls:
        assert len(calls) > 0
        assert not any(call.paid_by(run.manifest().run) for call in calls)


def test_packed_artefacts_are_found_by_their_keys_and_not_made_again(finished, tmp_path):
    contents = bundle_run(finished, tmp_path / "b.zip", data=True, artefacts=True)
    assert any(entry.name.startswith("artefacts/train-") for entry in contents.files)
    unbundle(tmp_path / "b.zip", tmp_path / "again")
    before = {a.folder.name: a.folder.stat().st_mtime_ns for a in RunFolder(
        tmp_path / "again", tmp_path / "again").artefacts}  # fmt: skip
    run = run_experiment(tmp_path / "again" / "experiment.yaml", folder=tmp_path / "again")
    after = {a.folder.name: a.folder.stat().st_mtime_ns for a in run.artefacts}
    assert before == after
    assert f1_of(run.folder) == f1_of(finished)


def test_hashes_alone_carry_no_sentence_of_the_data(finished, tmp_path):
    bundle_run(finished, tmp_path / "b.zip", requests=False)
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        lines = archive.read("calls.jsonl").decode().splitlines()
    assert lines
    assert all(json.loads(line)["request"] == "" for line in lines)


def test_a_call_that_was_not_packed_ends_the_replay_with_what_to_do(finished, tmp_path):
    bundle_run(finished, tmp_path / "b.zip", data=True)
    unbundle(tmp_path / "b.zip", tmp_path / "again")
    for file in (tmp_path / "again").glob("calls.sqlite*"):
        file.unlink()
    with pytest.raises(BackendError, match="is not here") as caught:
        run_experiment(tmp_path / "again" / "experiment.yaml", folder=tmp_path / "again")
    assert "name a backend" in caught.value.hint


def test_packing_twice_gives_the_same_files(finished, tmp_path):
    one = bundle_run(finished, tmp_path / "1.zip", data=True, artefacts=True)
    two = bundle_run(finished, tmp_path / "2.zip", data=True, artefacts=True)
    assert one.files == two.files


def test_a_replayed_run_can_be_bundled_again(finished, tmp_path):
    bundle_run(finished, tmp_path / "1.zip", data=True)
    unbundle(tmp_path / "1.zip", tmp_path / "again")
    run_experiment(tmp_path / "again" / "experiment.yaml", folder=tmp_path / "again")
    bundle_run(tmp_path / "again", tmp_path / "2.zip", data=True)
    unbundle(tmp_path / "2.zip", tmp_path / "third")
    run = run_experiment(tmp_path / "third" / "experiment.yaml", folder=tmp_path / "third")
    assert f1_of(run.folder) == f1_of(finished)


# -- hostile bundles -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def packed(finished, tmp_path_factory):
    file = tmp_path_factory.mktemp("packed") / "b.zip"
    bundle_run(finished, file, data=True)
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(file, members, *, mode=None):
    with zipfile.ZipFile(file, "w") as archive:
        for name, raw in members:
            info = zipfile.ZipInfo(name)
            if mode is not None:
                info.external_attr = mode << 16
            archive.writestr(info, raw)
    return file


def with_file(packed, name, raw):
    """The bundle with one more file, which its table of contents has."""
    contents = json.loads(packed["bundle.json"])
    entry = {"name": name, "size": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    contents["files"].append(entry)
    members = {**packed, name: raw, "bundle.json": json.dumps(contents).encode()}
    return list(members.items())


def refused(file, folder):
    with pytest.raises(DataError) as caught:
        unbundle(file, folder)
    assert not folder.exists()
    assert not list(folder.parent.glob(".*partial*"))
    return str(caught.value)


@pytest.mark.parametrize(
    "name",
    ["../out.txt", "a/../../out.txt", "/tmp/out.txt", "C:/out.txt", "a\\b.txt", "a//b", "./a",
     "a/./b", "a\x00b", "a\nb", "x" * 600],
)  # fmt: skip
def test_a_name_that_leads_out_of_the_folder_is_refused(packed, tmp_path, name):
    file = zipped(tmp_path / "b.zip", with_file(packed, name, b"x"))
    said = refused(file, tmp_path / "here" / "again")
    assert "not one of a bundle" in said or "not those of its table" in said
    assert [p.name for p in tmp_path.iterdir()] in (["b.zip"], ["b.zip", "here"], ["here", "b.zip"])


def test_a_link_is_unpacked_as_the_text_it_holds(packed, tmp_path):
    file = tmp_path / "b.zip"
    zipped(file, with_file(packed, "data/link", b"/etc/passwd"), mode=stat.S_IFLNK | 0o777)
    unbundle(file, tmp_path / "again")
    link = tmp_path / "again" / "data" / "link"
    assert not link.is_symlink() and link.read_text() == "/etc/passwd"


def test_a_file_that_was_changed_is_refused(packed, tmp_path):
    changed = {**packed, "schema.yaml": packed["schema.yaml"] + b"#"}
    assert "larger than it says" in refused(
        zipped(tmp_path / "b.zip", changed.items()), tmp_path / "again"
    )


def test_a_file_that_grows_when_unpacked_is_stopped_at_its_size(packed, tmp_path):
    contents = json.loads(packed["bundle.json"])
    bomb = b"0" * (5 << 20)
    contents["files"].append({"name": "data/bomb", "size": 10, "sha256": "0" * 64})
    members = {**packed, "data/bomb": bomb, "bundle.json": json.dumps(contents).encode()}
    file = tmp_path / "b.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in members.items():
            archive.writestr(name, raw)
    assert "larger than it says" in refused(file, tmp_path / "again")


@pytest.mark.parametrize(
    "line",
    [
        b"{}", b"[]", b"null", b"nonsense", b"\xff\xfe", b"[" * 100_000, b'{"key": "x"}',
        b'{"usage": {"input_tokens": -1}}', b'{"latency_s": 1e999}',
    ],
)  # fmt: skip
def test_a_line_that_is_no_call_is_refused_with_its_number(packed, tmp_path, line):
    raw = packed["calls.jsonl"] + line + b"\n"
    contents = json.loads(packed["bundle.json"])
    for entry in contents["files"]:
        if entry["name"] == "calls.jsonl":
            entry |= {"size": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    members = {**packed, "calls.jsonl": raw, "bundle.json": json.dumps(contents).encode()}
    said = refused(zipped(tmp_path / "b.zip", members.items()), tmp_path / "again")
    assert f"line {len(packed['calls.jsonl'].splitlines()) + 1}" in said


def test_a_call_that_stands_twice_is_refused(packed, tmp_path):
    raw = packed["calls.jsonl"] + packed["calls.jsonl"].splitlines(keepends=True)[0]
    contents = json.loads(packed["bundle.json"])
    for entry in contents["files"]:
        if entry["name"] == "calls.jsonl":
            entry |= {"size": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    members = {**packed, "calls.jsonl": raw, "bundle.json": json.dumps(contents).encode()}
    assert "stands there twice" in refused(
        zipped(tmp_path / "b.zip", members.items()), tmp_path / "again"
    )


def test_a_folder_that_is_not_empty_is_left_alone(packed, tmp_path):
    folder = tmp_path / "again"
    folder.mkdir()
    (folder / "mine.txt").write_text("x")
    with pytest.raises(DataError, match="not empty"):
        unbundle(zipped(tmp_path / "b.zip", packed.items()), folder)
    assert [file.name for file in folder.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip file", b"PK\x05\x06" + b"\0" * 18])
def test_what_is_no_bundle_is_refused(tmp_path, content):
    file = tmp_path / "b.zip"
    file.write_bytes(content)
    assert "calldistil bundle" in refused(file, tmp_path / "again")


def test_an_absent_bundle_is_refused(tmp_path):
    assert "no such file" in refused(tmp_path / "b.zip", tmp_path / "again")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_a_damaged_bundle_is_unpacked_whole_or_refused(packed, tmp_path, data):
    file = tmp_path / "b.zip"
    zipped(file, packed.items())
    raw = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    file.write_bytes(raw)
    folder = tmp_path / "again"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        unbundle(file, folder)
    except DataError:
        assert not folder.exists()


def _compressed(tmp_path, packed):
    file = tmp_path / "b.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in packed.items():
            archive.writestr(name, content)
    return file


@pytest.mark.parametrize("member", ["bundle.json", "calls.jsonl"])
@pytest.mark.parametrize("start", [0, 1, 40])
def test_a_damaged_compressed_stream_is_told_as_damage(packed, tmp_path, member, start):
    """zlib has errors of its own; found by fuzzing."""
    file = _compressed(tmp_path, packed)
    with zipfile.ZipFile(file) as archive:
        info = archive.getinfo(member)
        at = info.header_offset + 30 + len(member) + start
    raw = bytearray(file.read_bytes())
    raw[at : at + 40] = b"\xff" * 40
    file.write_bytes(raw)
    assert "calldistil bundle" in refused(file, tmp_path / "again")


def test_an_offset_that_points_before_the_file_is_told_as_damage(packed, tmp_path):
    """Found by fuzzing: seeking there is an OSError."""
    file = _compressed(tmp_path, packed)
    raw = bytearray(file.read_bytes())
    end = raw.rindex(b"PK\x05\x06")
    first = raw.index(b"PK\x01\x02")
    raw[end + 16 : end + 20] = (first + 7).to_bytes(4, "little")  # the directory's own offset
    file.write_bytes(raw)
    assert "calldistil bundle" in refused(file, tmp_path / "again")
