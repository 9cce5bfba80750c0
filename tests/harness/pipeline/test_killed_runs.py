"""SIGKILL at ten random moments: the resumed run says the same and repeats nothing."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import benchmarks.experiments
from harness.pipeline import RunFolder
from harness.report import load_results, same_results
from harness.store import content_digest

KILLS = 10


def _demo(folder: Path) -> Path:
    """The embedded demo with linear students, over three training seeds."""
    shipped = benchmarks.experiments.NEWSROOM_DEMO
    text = shipped.read_text(encoding="utf-8").replace("../", f"{shipped.parent.parent}/")
    document = yaml.safe_load(text.replace("entity_marker.v1", "linear.v1"))
    del document["systems"]["linear-plain"]  # now the same as plain
    document["seeds"] = {"training": [1, 2, 3]}
    document["statistics"] = {"resamples": 1000}
    file = folder / "demo.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return file


def _start(*words: str | Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", "from harness.cli import main; main()", *map(str, words), "-q"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _finish(process: subprocess.Popen[bytes]) -> None:
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err.decode()


def _calls(folder: Path) -> list[tuple[int, str, str]]:
    file = folder / "calls.sqlite"
    if not file.exists():
        return []
    with sqlite3.connect(file) as database:
        try:
            return database.execute("SELECT id, key, created_at FROM calls ORDER BY id").fetchall()
        except sqlite3.OperationalError:  # killed before it made the table
            return []
        finally:
            database.commit()


def _artefacts(folder: Path) -> dict[str, tuple[str, str]]:
    """When each finished artefact was made, and the digest of what it holds."""
    store = RunFolder(folder, folder).artefacts
    return {a.folder.name: (a.about.created_at.isoformat(), content_digest(a)) for a in store}


def _kill_at_a_random_moment(
    process: subprocess.Popen[bytes],
    delay: float,
    progressed: Callable[[], bool] | None,
) -> bool:
    """Kills after a delay that counts from the first progress; False where it was done before."""
    deadline = time.monotonic() + 120
    while progressed is not None and not progressed() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    time.sleep(delay)
    if process.poll() is not None:
        return False
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=60)
    return True


@pytest.mark.slow
def test_a_run_killed_at_ten_random_moments_repeats_nothing_and_says_the_same(
    tmp_path: Path,
) -> None:
    file = _demo(tmp_path)
    unbroken, killed = tmp_path / "unbroken", tmp_path / "killed"
    _finish(_start("run", file, "-o", unbroken))
    expected = _artefacts(unbroken)
    manifest = RunFolder.open(unbroken).manifest()
    assert manifest.finished_at is not None
    takes = (manifest.finished_at - manifest.started_at).total_seconds()

    moments = random.Random()
    finished: dict[str, tuple[str, str]] = {}
    asked: list[tuple[int, str, str]] = []
    kills, begun = 0, 0
    while kills < KILLS:
        verb = ("resume", killed) if (killed / "manifest.json").exists() and kills % 2 else None
        process = _start(*(verb or ("run", file, "-o", killed)))
        begun += 1
        assert begun <= 2 * KILLS, "the run ends before it can be killed ten times"
        # Two kills come while it starts; the others some time after it has done something more.
        marks = len(finished), len(asked)
        wait = None if kills < 2 else lambda m=marks: _progress(killed) > m
        delay = moments.uniform(0, min(1.5, takes / 4) if kills < 2 else takes / 20)
        kills += _kill_at_a_random_moment(process, delay, wait)

        now, calls = _artefacts(killed), _calls(killed)
        assert {name: now[name] for name in finished} == finished, "a finished stage was repeated"
        assert calls[: len(asked)] == asked, "a stored call was repeated"
        finished, asked = now, calls
        if len(finished) == len(expected):
            break

    _finish(_start("resume", killed))
    now, calls = _artefacts(killed), _calls(killed)
    assert {name: now[name] for name in finished} == finished
    assert calls[: len(asked)] == asked
    assert kills >= KILLS, f"only {kills} kills struck; {len(finished)} stages were done by then"
    assert {name: digest for name, (_, digest) in now.items()} == {
        name: digest for name, (_, digest) in expected.items()
    }
    assert sorted(key for _, key, _ in calls) == sorted(key for _, key, _ in _calls(unbroken))
    assert len({key for _, key, _ in calls}) == len(calls)
    assert not list((killed / "artefacts").glob(".*.draft"))
    results = [load_results(folder / "results.json") for folder in (unbroken, killed)]
    assert same_results(*results) == []


def _progress(folder: Path) -> tuple[int, int]:
    artefacts = folder / "artefacts"
    done = [p for p in artefacts.iterdir() if p.name[0] != "."] if artefacts.is_dir() else []
    return len(done), len(_calls(folder))
