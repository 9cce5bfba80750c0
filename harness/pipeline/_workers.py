"""Worker processes for stages that need the processor alone: students train side by side.

One thread each scales better than several threads on one small model, and gives the same
weights whatever else runs.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from harness.errors import CalldistilError
from harness.garbage import seldom_collected
from harness.pipeline.stages import Measures, OfflineStage

__all__ = ["Finished", "Task", "Workers", "cores", "default_jobs"]

_MOST_JOBS = 4  # each holds a model in memory


@dataclass(frozen=True)
class Task:
    """A stage to run: its inputs' content folders, and the folder to write into."""

    stage: OfflineStage
    title: str
    inputs: Mapping[str, Path]
    content: Path


@dataclass(frozen=True)
class Finished:
    """What came of a task: its measures, or the error that ended it."""

    task: Task
    measures: Measures | None = None
    error: CalldistilError | None = None


@dataclass(frozen=True)
class _Said:
    """What a worker sends back; errors travel as words, since not all of them pickle."""

    measures: Measures | None = None
    message: str = ""
    hint: str = ""
    exit_code: int = 1


def cores() -> int:
    """Processor cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def default_jobs() -> int:
    """How many workers run at a time unless told otherwise."""
    return min(_MOST_JOBS, cores())


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection[Any, Any]
    task: Task | None = None


class Workers:
    """A few processes that run tasks; each is started when it is first needed.

    Args:
        jobs: How many run at a time. Each may use its share of the cores as threads.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self.threads = max(1, cores() // jobs)
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends all workers, whatever they do."""
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join()
            worker.pipe.close()
        self._workers.clear()

    @property
    def share(self) -> float:
        """Part of the machine that one task uses."""
        return min(1.0, self.threads / cores())

    @property
    def busy(self) -> int:
        """How many tasks run."""
        return sum(worker.task is not None for worker in self._workers)

    @property
    def free(self) -> bool:
        """Whether another task can start."""
        return self.busy < self.jobs

    def start(self, task: Task) -> None:
        """Starts a task; call only where ``free``."""
        while worker := next((w for w in self._workers if w.task is None), None):
            try:
                worker.pipe.send(task)
            except OSError:  # it was ended while it had nothing to do
                self._forget(worker)
            else:
                worker.task = task
                return
        worker = self._more()
        worker.task = task
        with contextlib.suppress(OSError):  # ended already: told when it is waited for
            worker.pipe.send(task)

    def next_finished(self) -> Finished:
        """Waits until a task is done; call only where ``busy``."""
        at_work = {worker.pipe: worker for worker in self._workers if worker.task is not None}
        ready = wait(list(at_work))[0]
        worker = at_work[ready]  # type: ignore[index]
        task, worker.task = worker.task, None
        assert task is not None  # only workers with a task are waited for
        try:
            said: _Said = worker.pipe.recv()
        except (EOFError, ConnectionError):
            self._forget(worker)
            return Finished(task, error=_ended(task, worker.process.exitcode))
        if said.measures is not None:
            return Finished(task, measures=said.measures)
        error = CalldistilError(said.message, hint=said.hint)
        error.exit_code = said.exit_code
        return Finished(task, error=error)

    def _forget(self, worker: _Worker) -> None:
        worker.process.join()
        worker.pipe.close()
        self._workers.remove(worker)

    def _more(self) -> _Worker:
        context = multiprocessing.get_context("spawn")
        mine, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs,), daemon=True)
        with _threads_of_children(self.threads):
            process.start()
        theirs.close()
        worker = _Worker(process, mine)
        self._workers.append(worker)
        return worker


def _ended(task: Task, code: int | None) -> CalldistilError:
    how = f"exit code {code}"
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            how = signal.Signals(-code).name
    return CalldistilError(
        f"The process of the stage '{task.title}' was ended ({how}).",
        hint="It may have run out of memory: run again with --jobs 1, or a smaller batch_size."
        " What was finished is kept.",
    )


@contextlib.contextmanager
def _threads_of_children(threads: int) -> Iterator[None]:
    """Processes started here use so many threads, unless the user said how many."""
    if "OMP_NUM_THREADS" in os.environ:
        yield
        return
    os.environ["OMP_NUM_THREADS"] = str(threads)  # libraries read it when they are loaded
    try:
        yield
    finally:
        del os.environ["OMP_NUM_THREADS"]


def _work(pipe: Connection[Any, Any]) -> None:
    """What a worker does until nobody is at the other end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its workers itself
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            task: Task = pipe.recv()
        except (EOFError, ConnectionError):
            return
        pipe.send(_run(task))


def _end_with_parent() -> None:
    """A parent that was killed leaves no worker behind."""
    parent = multiprocessing.parent_process()
    assert parent is not None  # this runs in a child
    wait([parent.sentinel])
    os._exit(1)


def _run(task: Task) -> _Said:
    try:
        with seldom_collected():
            measures = task.stage.work(inputs=task.inputs, content=task.content)
    except CalldistilError as error:
        return _Said(message=error.message, hint=error.hint, exit_code=error.exit_code)
    except MemoryError:
        return _Said(
            message=f"The stage '{task.title}' ran out of memory.",
            hint="Run again with --jobs 1, or a smaller batch_size. What was finished is kept.",
        )
    except Exception as error:
        hint = "This is a bug. Run again with --jobs 1 --debug and report it."
        return _Said(message=f"{task.title}: {type(error).__name__}: {error}", hint=hint)
    return _Said(measures=measures)
