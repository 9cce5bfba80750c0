"""Carrying out an experiment: what is found, what is made again, and who may work where."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from harness.errors import ArtefactError, BackendError, DataError
from harness.pipeline import (
    Node,
    Quiet,
    RunFolder,
    build_plan,
    load_setup,
    measures_of,
    resume_run,
    run_experiment,
)
from harness.report import report_run, same_results
from harness.store import content_digest, open_call_store


class Watch(Quiet):
    """Notes which stages were found and which were made."""

    def __init__(self) -> None:
        self.seen: list[Node] = []
        self.made: list[Node] = []

    def found(self, node: Node, /) -> None:
        self.seen.append(node)

    def finished(self, node: Node, seconds: float, /) -> None:
        self.made.append(node)

    @property
    def stages_made(self) -> set[str]:
        return {node.stage.name for node in self.made}


def run(file: Path, folder: Path, store: Path | None = None) -> Watch:
    watch = Watch()
    run_experiment(file, folder=folder, store=store, observer=watch)
    return watch


def artefacts(run: RunFolder) -> dict[str, tuple[datetime, str]]:
    """When each artefact was made, and what it holds."""
    return {a.folder.name: (a.about.created_at, content_digest(a)) for a in run.artefacts}


def calls(run: RunFolder) -> list[tuple[str, datetime, str]]:
    with open_call_store(run.calls) as store:
        return [(call.key, call.created_at, call.run) for call in store]


def scripted(document: dict[str, Any], replies: int = 100) -> None:
    """Puts a backend that is paid in the place of the recording."""
    teacher = document["backends"]["teacher"]
    teacher["use"] = "scripted"
    teacher["options"] = {"model": "some-llm", "replies": ['{"relation": "works_for"}'] * replies}
    for name in ("distilled", "mixed"):
        del document["systems"][name]
    document["candidate"] = "gold"


def test_a_second_run_on_a_folder_makes_nothing_and_calls_nothing(
    small_task: Any, tmp_path: Path
) -> None:
    first = run(small_task.experiment, tmp_path / "run")
    folder = RunFolder.open(tmp_path / "run")
    before, asked = artefacts(folder), calls(folder)
    assert len(first.made) == len(before) == 22
    second = run(small_task.experiment, tmp_path / "run")
    assert (len(second.made), len(second.seen)) == (0, 22)
    assert artefacts(folder) == before
    assert calls(folder) == asked


def test_two_runs_of_an_experiment_write_equal_content(small_task: Any, tmp_path: Path) -> None:
    folders = []
    for name in ("a", "b"):
        run(small_task.experiment, tmp_path / name)
        folders.append(RunFolder.open(tmp_path / name))
    a, b = ({name: digest for name, (_, digest) in artefacts(f).items()} for f in folders)
    assert a == b
    assert same_results(report_run(tmp_path / "a"), report_run(tmp_path / "b")) == []


def test_resume_goes_on_from_the_runs_own_copy_of_the_experiment(
    small_task: Any, tmp_path: Path
) -> None:
    run(small_task.experiment, tmp_path / "run")
    folder = RunFolder.open(tmp_path / "run")
    small_task.experiment.unlink()
    for artefact in folder.artefacts:
        if artefact.stage == "predict":
            shutil.rmtree(artefact.folder)
    watch = Watch()
    resume_run(tmp_path / "run", observer=watch)
    assert watch.stages_made == {"predict"}
    assert len(watch.made) == 6


def test_a_changed_experiment_makes_only_what_changed(small_task: Any, tmp_path: Path) -> None:
    run(small_task.experiment, tmp_path / "run")
    more_seeds = small_task.changed(lambda d: d["seeds"].update(training=[1, 2, 3]))
    watch = run(more_seeds, tmp_path / "run")
    assert watch.stages_made == {"train", "predict"}
    assert len(watch.made) == 6  # one more seed of three students
    assert {row.system: row.seeds for row in report_run(tmp_path / "run").rows}["gold"] == 3


def test_other_prices_make_nothing_again_and_change_the_table(
    small_task: Any, tmp_path: Path
) -> None:
    run(small_task.experiment, tmp_path / "run")
    before = report_run(tmp_path / "run").rows[0].costs
    dearer = small_task.changed(
        lambda d: d["backends"]["teacher"]["price"].update(input=20, output=80)
    )
    assert run(dearer, tmp_path / "run").made == []
    after = report_run(tmp_path / "run").rows[0].costs
    assert before is not None and before.cheapest.amount is not None
    assert after is not None and after.cheapest.amount is not None
    assert after.cheapest.amount == pytest.approx(10 * before.cheapest.amount)


def test_another_experiment_is_refused_a_runs_folder(small_task: Any, tmp_path: Path) -> None:
    run(small_task.experiment, tmp_path / "run")
    other = small_task.changed(lambda d: d.update(name="another"))
    with pytest.raises(ArtefactError, match="holds a run of the experiment 'ties'"):
        run(other, tmp_path / "run")


def test_the_second_of_two_runs_that_share_a_store_finds_everything_and_pays_nothing(
    small_task: Any, tmp_path: Path
) -> None:
    file = small_task.changed(scripted)
    run(file, tmp_path / "one", tmp_path / "store")
    one = RunFolder.open(tmp_path / "one")
    asked = calls(one)
    watch = run(file, tmp_path / "two", tmp_path / "store")
    two = RunFolder.open(tmp_path / "two")
    assert watch.made == []
    assert calls(two) == asked
    assert {name for _, _, name in asked} == {one.manifest().run} != {two.manifest().run}
    assert not (tmp_path / "two" / "artefacts").exists()
    assert same_results(report_run(tmp_path / "one"), report_run(tmp_path / "two")) == []
    resumed = Watch()
    resume_run(tmp_path / "two", observer=resumed)
    assert resumed.made == []


def test_a_run_that_shares_calls_alone_makes_its_stages_and_pays_nothing(
    small_task: Any, tmp_path: Path
) -> None:
    file = small_task.changed(scripted)
    run(file, tmp_path / "one", tmp_path / "store")
    schema = small_task.folder / "ties.yaml"
    schema.write_text(schema.read_text(encoding="utf-8") + "title: Ties\n", encoding="utf-8")
    watch = run(file, tmp_path / "two", tmp_path / "store")
    assert "extract" in watch.stages_made
    paid = {}
    for name in ("one", "two"):
        folder = RunFolder.open(tmp_path / name)
        (record,) = [n for n in folder.manifest().nodes if n.stage == "extract"]
        found = folder.artefacts.find("extract", record.key)
        assert found is not None
        paid[name] = [charge.paid for charge in measures_of(found).charges]
    assert paid == {"one": [True] * 36, "two": [False] * 36}


def test_a_failed_call_stops_the_run_and_what_was_paid_is_kept(
    small_task: Any, tmp_path: Path
) -> None:
    too_few = small_task.changed(lambda d: scripted(d, replies=10))
    with pytest.raises(BackendError, match="26 of 36 calls"):
        run(too_few, tmp_path / "run")
    folder = RunFolder.open(tmp_path / "run")
    assert len(calls(folder)) == 10
    assert "extract" not in {a.stage for a in folder.artefacts}
    with pytest.raises(BackendError, match="16 of 36 calls"):
        resume_run(tmp_path / "run")  # the scripted backend starts its queue anew
    assert len(calls(folder)) == 20


def test_a_malformed_data_file_is_found_before_anything_is_paid(
    small_task: Any, tmp_path: Path
) -> None:
    file = small_task.changed(scripted)
    (small_task.folder / "train.jsonl").write_text("{not json\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"train\.jsonl:1"):
        run(file, tmp_path / "run")
    assert calls(RunFolder.open(tmp_path / "run")) == []


def test_the_manifest_tells_how_far_a_run_came(small_task: Any, tmp_path: Path) -> None:
    with pytest.raises(BackendError):
        run(small_task.changed(lambda d: scripted(d, replies=1)), tmp_path / "run")
    begun = RunFolder.open(tmp_path / "run").manifest()
    assert begun.finished_at is None
    with pytest.raises(ArtefactError, match="is not done") as caught:
        report_run(tmp_path / "run")
    assert "calldistil resume" in caught.value.hint
    run(small_task.experiment, tmp_path / "run")
    done = RunFolder.open(tmp_path / "run").manifest()
    assert done.finished_at is not None
    assert (done.run, done.started_at) == (begun.run, begun.started_at)
    assert done.packages["numpy"]


# -- processes -----------------------------------------------------------------------------


def start(*words: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", "from harness.cli import main; main()", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"NO_COLOR": "1"},
    )


def wait_for(file: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not file.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, f"no {file}"
        time.sleep(0.002)


def test_a_second_process_on_a_runs_folder_is_told_so(small_task: Any, tmp_path: Path) -> None:
    first = start("run", small_task.experiment, "-o", tmp_path / "run", "-q")
    try:
        wait_for(tmp_path / "run" / "manifest.json", first)
        first.send_signal(signal.SIGSTOP)
        second = start("run", small_task.experiment, "-o", tmp_path / "run", "-q")
        out, err = second.communicate(timeout=60)
        assert second.returncode == 6
        assert out == ""
        assert err.count("Error:") == 1
        assert "Another process is working on the run" in err
        assert "Traceback" not in err
    finally:
        first.send_signal(signal.SIGCONT)
        first.communicate(timeout=60)
    assert first.returncode == 0


def test_ctrl_c_leaves_a_run_that_resumes(small_task: Any, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    # So many seeds that a busy machine cannot finish before it is interrupted.
    file = small_task.changed(lambda document: document["seeds"].update(training=list(range(40))))
    process = start("run", file, "-o", folder)
    wait_for(folder / "artefacts", process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert "Interrupted" in err and "Traceback" not in err
    opened = RunFolder.open(folder)
    before = artefacts(opened)
    watch = Watch()
    resume_run(folder, observer=watch)
    assert len(watch.made) == len(build_plan(load_setup(file)).nodes) - len(before)
    after = artefacts(opened)
    assert {name: after[name] for name in before} == before
