"""How a run is started and which of its processes do the work, for each executor."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["LOCAL", "Executor", "executor_named"]


@dataclass(frozen=True, slots=True)
class Executor:
    """What the campaign must know of an executor.

    Attributes:
        name: As ``calldistil run --executor`` knows it.
        words: Further words of ``calldistil run``.
        workers: Finds the processes that carry out stages for a driver: those whose command line
            it holds for one, among all that descend from the driver.
    """

    name: str
    words: tuple[str, ...]
    workers: Callable[[str], bool]

    def worker_processes(self, driver: int) -> list[int]:
        """Ids of a driver's worker processes that run now."""
        listed = subprocess.run(
            ["ps", "-eww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=False
        )
        rows = [line.split(None, 2) for line in listed.stdout.splitlines()]
        below, found = {driver}, []
        for pid, parent, args in sorted(
            (int(row[0]), int(row[1]), row[2]) for row in rows if len(row) == 3
        ):
            if parent in below:
                below.add(pid)
                if self.workers(args):
                    found.append(pid)
        return found


LOCAL = Executor("local", (), lambda args: "spawn_main" in args)


def executor_named(name: str) -> Executor:
    """The executor of a name; another one than ``local`` is asked for by ``--executor``.

    Ray names the processes that carry out its tasks ``ray::...``, and they descend from the
    driver that started it; those of the machine itself are ``ray::...Agent``.
    """
    if name == LOCAL.name:
        return LOCAL

    def carries_out(args: str) -> bool:
        process = args.split(None, 1)[0]
        return process.startswith(f"{name}::") and not process.endswith("Agent")

    return Executor(name, ("--executor", name), carries_out)
