"""Stages in worker processes: what they bring back, how they fail, and that none is left behind."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from harness.errors import CalldistilError, ConfigError, Problem
from harness.pipeline import RunFolder, run_experiment
from harness.pipeline._workers import Task, Workers
from harness.pipeline.stages import Measures
from harness.report import report_run, same_results
from harness.store import content_digest


@dataclass(frozen=True)
class Probe:
    """A stage that does as it is told."""

    name: ClassVar[str] = "probe"
    version: ClassVar[int] = 1
    order: str

    def identity(self) -> Mapping[str, Any]:
        return {"order": self.order}

    def run(self, *, inputs: Mapping[str, Path], content: Path, context: object) -> Measures:
        return self.work(inputs=inputs, content=content)

    def work(
        self, *, inputs: Mapping[str, Path], content: Path, progress: object = None
    ) -> Measures:
        if self.order == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.order == "fail":
            raise ConfigError([Problem("the option is wrong", "mend it")], hint="look there")
        if self.order == "stumble":
            raise ZeroDivisionError("by zero")
        if self.order == "swell":
            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            before = resource.getrlimit(resource.RLIMIT_AS)
            resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), before[1]))
            try:
                bytearray(1 << 30)
            finally:
                resource.setrlimit(resource.RLIMIT_AS, before)
        if self.order == "sleep":
            (content / "pid").write_text(str(os.getpid()))
            time.sleep(600)
        (content / "threads").write_text(os.environ.get("OMP_NUM_THREADS", "not set"))
        return Measures(units=7)


def task(order: str, content: Path) -> Task:
    content.mkdir(exist_ok=True)
    return Task(Probe(order), f"probe: {order}", {}, content)


def test_tasks_run_side_by_side_and_bring_their_measures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with Workers(2) as workers:
        for name in ("a", "b"):
            workers.start(task("write", tmp_path / name))
        assert not workers.free
        done = [workers.next_finished() for _ in range(2)]
        threads = str(workers.threads)
    assert {d.task.content.name for d in done} == {"a", "b"}
    assert [d.measures.units for d in done if d.measures] == [7, 7]
    assert (tmp_path / "a" / "threads").read_text() == threads
    assert "OMP_NUM_THREADS" not in os.environ


def test_an_error_comes_back_with_its_words_hint_and_exit_code(tmp_path: Path) -> None:
    with Workers(1) as workers:
        workers.start(task("fail", tmp_path / "a"))
        error = workers.next_finished().error
        assert error is not None
        assert "the option is wrong (mend it)" in error.message
        assert (error.hint, error.exit_code) == ("look there", ConfigError.exit_code)
        workers.start(task("write", tmp_path / "b"))  # the worker goes on
        assert workers.next_finished().error is None


def test_an_unforeseen_error_names_its_stage(tmp_path: Path) -> None:
    with Workers(1) as workers:
        workers.start(task("stumble", tmp_path / "a"))
        error = workers.next_finished().error
    assert error is not None
    assert error.message == "probe: stumble: ZeroDivisionError: by zero"


def test_a_worker_that_the_system_ends_is_one_clear_error(tmp_path: Path) -> None:
    with Workers(1) as workers:
        workers.start(task("die", tmp_path / "a"))
        error = workers.next_finished().error
        assert error is not None
        assert "'probe: die' was ended" in error.message
        assert "--jobs 1" in error.hint
        workers.start(task("write", tmp_path / "b"))  # another worker takes its place
        assert workers.next_finished().error is None


def test_a_worker_that_is_ended_while_it_is_idle_is_replaced(tmp_path: Path) -> None:
    with Workers(1) as workers:
        workers.start(task("write", tmp_path / "a"))
        assert workers.next_finished().error is None
        (idle,) = multiprocessing.active_children()
        idle.kill()
        idle.join()
        workers.start(task("write", tmp_path / "b"))
        assert workers.next_finished().error is None
    assert (tmp_path / "b" / "threads").exists()


def test_memory_that_runs_out_in_a_worker_is_an_error_that_says_so(tmp_path: Path) -> None:
    with Workers(1) as workers:
        workers.start(task("swell", tmp_path / "a"))
        error = workers.next_finished().error
        assert error is not None
        assert error.message == "The stage 'probe: swell' ran out of memory."
        assert "--jobs 1" in error.hint and "batch_size" in error.hint
        workers.start(task("write", tmp_path / "b"))  # the worker goes on
        assert workers.next_finished().error is None


def test_a_killed_parent_leaves_no_worker_behind(tmp_path: Path) -> None:
    content = tmp_path / "a"
    code = (
        "import sys, time; from pathlib import Path\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_workers import Workers, task\n"
        "if __name__ == '__main__':\n"
        f"    workers = Workers(1); workers.start(task('sleep', Path({str(content)!r})))\n"
        "    time.sleep(600)\n"
    )
    script = tmp_path / "parent.py"
    script.write_text(code)
    parent = subprocess.Popen([sys.executable, str(script)])
    try:
        worker = int(_eventually(lambda: (content / "pid").read_text()))
    finally:
        parent.kill()
        parent.wait()
    _eventually(lambda: _gone(worker))


def test_one_process_and_several_give_equal_artefacts(small_task: Any, tmp_path: Path) -> None:
    runs = []
    for jobs in (1, 2):
        run_experiment(small_task.experiment, folder=tmp_path / str(jobs), jobs=jobs)
        runs.append(RunFolder.open(tmp_path / str(jobs)))
    one, two = ({a.folder.name: content_digest(a) for a in run.artefacts} for run in runs)
    assert one == two
    assert same_results(report_run(runs[0].folder), report_run(runs[1].folder)) == []


def test_a_stage_that_fails_in_a_worker_leaves_what_others_had_begun(
    small_task: Any, tmp_path: Path
) -> None:
    def change(document: dict[str, Any]) -> None:
        document["systems"]["gold"]["options"] = {"types": True}  # its rows have no types

    broken = small_task.changed(change)
    with pytest.raises(CalldistilError):
        run_experiment(broken, folder=tmp_path / "run", jobs=2)
    stages = [a.stage for a in RunFolder.open(tmp_path / "run").artefacts]
    assert "extract" in stages or "generate" in stages
    leftovers = [p.name for p in (tmp_path / "run" / "artefacts").glob(".*.draft")]
    assert leftovers == []


def _gone(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    assert state == "Z"  # ended, and only its new parent has not looked yet
    return True


def _eventually(look: Any, seconds: float = 60) -> Any:
    """What ``look`` gives once it gives something."""
    end = time.monotonic() + seconds
    while True:
        try:
            if found := look():
                return found
        except (AssertionError, FileNotFoundError):
            if time.monotonic() > end:
                raise
        assert time.monotonic() < end
        time.sleep(0.05)
