"""What can be killed in a run, and how."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from benchmarks.faults._executors import Executor
from benchmarks.faults._stand import Stand

__all__ = ["KINDS", "Kind"]

_LONGEST_ABSENCE_S = 1.5


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault.

    Attributes:
        name: Its name.
        on_server: Whether the runs keep their calls on PostgreSQL; else in an SQLite file.
        kill: Strikes once; returns whether there was something to strike.
        driver_lives: Whether the run is to go on by itself, and to end well.
        share: Its part of 50 kills.
    """

    name: str
    on_server: bool
    kill: Callable[[subprocess.Popen[bytes], Stand, Executor, random.Random], bool]
    driver_lives: bool
    share: int


def _driver(
    process: subprocess.Popen[bytes], stand: Stand, executor: Executor, chance: random.Random
) -> bool:
    """The driver alone, or every process of its session."""
    if process.poll() is not None:
        return False
    with contextlib.suppress(ProcessLookupError):
        if chance.random() < 0.5:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            os.kill(process.pid, signal.SIGKILL)
    return process.wait(60) == -signal.SIGKILL


def _worker(
    process: subprocess.Popen[bytes], stand: Stand, executor: Executor, chance: random.Random
) -> bool:
    """A worker process, as the kernel does when memory runs out."""
    while process.poll() is None:
        if found := executor.worker_processes(process.pid):
            time.sleep(chance.uniform(0, 0.5))
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(found), signal.SIGKILL)
                return True
        time.sleep(0.02)
    return False


def _llm(
    process: subprocess.Popen[bytes], stand: Stand, executor: Executor, chance: random.Random
) -> bool:
    """The LLM server, which is back after a while."""
    if process.poll() is not None:
        return False
    stand.kill_llm()
    time.sleep(chance.uniform(0, _LONGEST_ABSENCE_S))
    stand.start_llm()
    return True


def _postgres(
    process: subprocess.Popen[bytes], stand: Stand, executor: Executor, chance: random.Random
) -> bool:
    """All processes of the PostgreSQL server, which is back after a while."""
    if process.poll() is not None or stand.postgres is None:
        return False
    stand.postgres.kill()
    time.sleep(chance.uniform(0, _LONGEST_ABSENCE_S))
    stand.postgres.start()
    return True


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Kind("driver, SQLite", False, _driver, driver_lives=False, share=14),
            Kind("driver, PostgreSQL", True, _driver, driver_lives=False, share=10),
            Kind("worker, SQLite", False, _worker, driver_lives=False, share=8),
            Kind("LLM server, SQLite", False, _llm, driver_lives=True, share=9),
            Kind("PostgreSQL server", True, _postgres, driver_lives=True, share=9),
        )
    }
)
"""By name."""
