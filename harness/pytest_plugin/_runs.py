"""Runs as tests see them: carried out once, by whichever worker comes first."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.metrics import Answers
    from harness.report import HeadToHead, Row

__all__ = ["RunUnderTest", "Runs", "SystemUnderTest", "find_experiment"]


class RunUnderTest:
    """A finished run.

    Attributes:
        folder: Its folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __repr__(self) -> str:
        return f"RunUnderTest({str(self.folder)!r})"

    @cached_property
    def table(self) -> HeadToHead:
        """The head-to-head table, with the verdict."""
        from harness.report import report_run

        return report_run(self.folder)

    @property
    def reference(self) -> SystemUnderTest:
        """The system that the others are compared with."""
        return self.system(self.table.reference)

    @property
    def systems(self) -> tuple[SystemUnderTest, ...]:
        """Every system of the experiment, in its order."""
        return tuple(SystemUnderTest(self, name) for name in self._answers)

    def system(self, name: str) -> SystemUnderTest:
        """A system by its name.

        Raises:
            KeyError: When there is none of that name; says which there are.
        """
        if name not in self._answers:
            known = ", ".join(self._answers)
            raise KeyError(f"the run {self.folder} has no system {name!r}; it has: {known}")
        return SystemUnderTest(self, name)

    @cached_property
    def _answers(self) -> dict[str, Answers]:
        from harness.report import run_systems

        return {system.name: system.answers for system in run_systems(self.folder)}


@dataclass(frozen=True, slots=True)
class SystemUnderTest:
    """A system of a finished run.

    Attributes:
        run: The run.
        name: Its name in the experiment.
    """

    run: RunUnderTest
    name: str

    @property
    def row(self) -> Row:
        """Its row of the table: score, costs, diagnostics."""
        return self.run.table.row(self.name)

    @property
    def answers(self) -> Answers:
        """Its answers on the test set of the head-to-head."""
        return self.run._answers[self.name]

    def __str__(self) -> str:
        return self.name


@dataclass
class Runs:
    """Carries out experiments in folders that all workers of a session share.

    Attributes:
        folder: Where the runs' folders are.
        made: Runs of this process, by folder.
    """

    folder: Path
    made: dict[Path, RunUnderTest] = field(default_factory=dict)

    def __call__(self, experiment: str | Path, *, base: Path | None = None) -> RunUnderTest:
        """The finished run of an experiment.

        The first to ask carries it out, and others wait for its lock. A run that was stopped, or
        finished in an earlier session, goes on where it is: no paid call is repeated.

        Args:
            experiment: A file, or the name of an installed experiment.
            base: What a relative path is relative to; the working folder by default.

        Raises:
            CalldistilError: When the experiment is not valid or a stage fails.
        """
        from harness.pipeline import load_setup, run_experiment
        from harness.store import HeldLock

        file = find_experiment(experiment, base or Path.cwd()).resolve()
        place = hashlib.sha256(str(file).encode("utf-8")).hexdigest()[:8]
        folder = self.folder / f"{load_setup(file).experiment.name}-{place}"
        if folder not in self.made:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = HeldLock.take(self.folder / f".{folder.name}.lock", wait=True)
            try:
                run_experiment(file, folder=folder)
            finally:
                if lock is not None:
                    lock.release(remove=False)
            self.made[folder] = RunUnderTest(folder)
        return self.made[folder]


def find_experiment(experiment: str | Path, base: Path) -> Path:
    """The file of an experiment: a path from ``base``, or an installed experiment's name.

    Raises:
        ConfigError: When there is neither.
    """
    from harness.errors import ConfigError, Problem
    from harness.registry import Registry

    named = base / experiment
    if named.is_file():
        return named
    installed: Registry[Path] = Registry("experiment", group="calldistil.experiments")
    if str(experiment) in installed:
        return installed.get(str(experiment))
    raise ConfigError(
        [
            Problem(
                f"there is no experiment {str(experiment)!r} beside {base}",
                "name a file, relative to the test file, or one of: "
                + ", ".join(installed.names()),
            )
        ]
    )
