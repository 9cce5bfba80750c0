"""Faults of the machine under a run: the message says what to do, and nothing paid is lost."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.pipeline import RunFolder
from harness.report import load_results, same_results
from harness.store import content_digest, open_call_store

pytestmark = pytest.mark.slow


def stored(run: Path) -> dict[str, str]:
    """The stored calls' keys, and when each was stored."""
    if not (run / "calls.sqlite").exists():
        return {}
    with open_call_store(run / "calls.sqlite") as store:
        return {call.key: call.created_at.isoformat() for call in store}


def artefacts(run: Path) -> dict[str, str]:
    return {a.folder.name: content_digest(a) for a in RunFolder(run, run).artefacts}


@pytest.fixture
def unbroken(small_task: Any, command: Any, tmp_path: Path) -> Path:
    """The same run with no fault."""
    assert command("run", small_task.experiment, "-o", tmp_path / "unbroken", "-q").code == 0
    return tmp_path / "unbroken"


def check_same(run: Path, unbroken: Path) -> None:
    assert artefacts(run) == artefacts(unbroken)
    assert stored(run).keys() == stored(unbroken).keys()
    tables = [load_results(folder / "results.json") for folder in (unbroken, run)]
    assert same_results(*tables) == []


def check_message(said: Any, *parts: str) -> None:
    assert said.code != 0
    assert said.err.count("Error: ") == said.err.count("Hint: ") == 1, said.err
    assert "Traceback" not in said.err and "This is a bug" not in said.err, said.err
    for part in parts:
        assert part in said.err.lower(), said.err


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, to be remounted with other options."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0 or not mounted(folder, "size=64k"):
        pytest.skip("mounting a small file system needs root on Linux")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=False)


def mounted(folder: Path, options: str) -> bool:
    words = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def test_a_disk_that_fills_up_says_so_and_the_run_goes_on_when_there_is_space(
    small_task: Any, command: Any, unbroken: Path, small_disk: Path
) -> None:
    run = small_disk / "run"
    kept: dict[str, str] = {}
    whole: dict[str, str] = {}
    failed = 0
    for kilobytes in (64, 128, 192, 256, 320, 448, 640, 64_000):
        assert mounted(small_disk, f"remount,size={kilobytes}k")
        said = command("run", small_task.experiment, "-o", run, "-q", "--jobs", "1")
        if said.code == 0:
            break
        failed += 1
        check_message(said, "space")
        # Opening the store needs space for its log, so that is looked at with some.
        assert mounted(small_disk, f"remount,size={kilobytes + 256}k")
        now, made = stored(run), artefacts(run)
        assert kept.items() <= now.items(), "a paid answer was lost"
        assert whole.items() <= made.items(), "a finished stage was lost"
        kept, whole = now, made
    assert failed >= 2
    check_same(run, unbroken)


def test_a_store_that_became_read_only_says_so_and_loses_nothing(
    small_task: Any, command: Any, unbroken: Path, small_disk: Path
) -> None:
    run = small_disk / "run"
    assert mounted(small_disk, "remount,size=64m")
    shutil.copytree(unbroken, run)
    for folder in (run / "artefacts").glob("generate-*"):
        shutil.rmtree(folder)
    before = stored(run)
    assert mounted(small_disk, "remount,ro")
    for verb in (("resume", run), ("run", small_task.experiment, "-o", run)):
        check_message(command(*verb, "-q"), "read-only", "write")
    assert mounted(small_disk, "remount,rw")
    assert command("resume", run, "-q").code == 0
    assert stored(run) == before
    check_same(run, unbroken)


def test_a_second_run_on_a_folder_in_use_says_so_and_disturbs_nothing(
    small_task: Any, calldistil: Any, unbroken: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    first = subprocess.Popen(
        [sys.executable, "-c", "from harness.cli import main; main()", "run",
         str(small_task.experiment), "-o", str(run), "-q"],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while not (run / "manifest.json").exists():
            assert first.poll() is None
            time.sleep(0.01)
        first.send_signal(signal.SIGSTOP)
        said = calldistil("run", small_task.experiment, "-o", run, "-q")
        assert said.returncode == 6
        assert "Another process is working on the run" in said.stderr
        assert "--output" in said.stderr
    finally:
        first.send_signal(signal.SIGCONT)
    assert first.wait(120) == 0
    check_same(run, unbroken)


def half_written(run: Path) -> None:
    """What copying a run's folder half way leaves: files that are cut or not there."""
    for place, folder in enumerate(sorted((run / "artefacts").glob("[!.]*"))):
        if place % 3 == 0:
            (folder / "about.json").write_bytes((folder / "about.json").read_bytes()[:50])
        elif place % 3 == 1:
            file = next(f for f in sorted((folder / "content").rglob("*")) if f.is_file())
            file.write_bytes(file.read_bytes()[:-1])


def test_half_written_artefacts_are_made_again_and_no_call_is(
    small_task: Any, command: Any, unbroken: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(unbroken, run)
    before = stored(run)
    half_written(run)
    (run / "results.json").write_bytes(b'{"half')
    said = command("resume", run, "-q")
    assert said.code == 0, said.err
    assert stored(run) == before
    check_same(run, unbroken)


@pytest.mark.parametrize("where", ["header", "pages", "cut", "emptied"])
def test_a_corrupted_call_store_says_how_to_save_what_is_left(
    where: str, small_task: Any, command: Any, unbroken: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(unbroken, run)
    shutil.rmtree(next((run / "artefacts").glob("extract-*")))
    file = run / "calls.sqlite"
    whole = file.read_bytes()
    rubbish = os.urandom(len(whole) - 4096)
    broken = {
        "header": os.urandom(100) + whole[100:],
        "pages": whole[:4096] + rubbish,
        "cut": whole[: len(whole) // 3],
        "emptied": b"",
    }
    file.write_bytes(broken[where])
    said = command("resume", run, "-q")
    if where == "emptied":  # an empty file is an empty store
        assert said.code == 0
        return
    assert said.code == 6
    check_message(said, "calls.sqlite", ".recover", "move it away")
    file.rename(tmp_path / "away.sqlite")  # as it says
    said = command("resume", run, "-q")
    assert said.code == 0, said.err
    check_same_but_for_what_was_moved_away(run, unbroken)


def check_same_but_for_what_was_moved_away(run: Path, unbroken: Path) -> None:
    assert artefacts(run) == artefacts(unbroken)
    assert stored(run).keys() <= stored(unbroken).keys()


def test_memory_that_runs_out_in_the_driver_is_told_with_what_to_do(
    command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.cli import _list

    def swells(*words: object, **options: object) -> None:
        raise MemoryError

    monkeypatch.setattr(_list.command, "callback", swells)
    said = command("list", "students")
    check_message(said, "memory ran out", "--jobs 1", "batch_size")
