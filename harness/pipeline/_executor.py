"""What carries out a plan: the seam between a run and where its stages happen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from harness.pipeline._budget import Budget
from harness.pipeline._local import Observer, execute
from harness.pipeline._plan import Plan
from harness.store import ArtefactStore, CallStore

__all__ = ["Executor", "LocalExecutor", "Work"]


@dataclass(frozen=True)
class Work:
    """A run that is to be carried out.

    Attributes:
        plan: Its stages.
        artefacts: Where artefacts are found and made.
        calls: The call store, open.
        calls_at: Where the call store is, for other processes: a file, or a server's address.
        run: Id of the run.
        observer: Is told how it goes.
        budget: What may be paid, and counts what is; None: nobody asks.
    """

    plan: Plan
    artefacts: ArtefactStore
    calls: CallStore
    calls_at: Path | str
    run: str
    observer: Observer
    budget: Budget | None = None


@runtime_checkable
class Executor(Protocol):
    """Makes every artefact of a plan that is not there yet.

    The same plan gives the same artefacts on every executor, at a fixed thread count. One that is
    interrupted leaves every artefact whole or absent, and every answer stored.
    """

    def execute(self, work: Work, /) -> None:
        """Carries it out.

        Raises:
            BudgetError: When the next call might exceed the budget.
            CalldistilError: When a stage fails; what came before it stays.
        """
        ...


@dataclass(frozen=True)
class LocalExecutor:
    """Stages on this machine: those that ask an LLM here, the others in worker processes.

    Attributes:
        jobs: Worker processes; one core each by default, and 1 does everything here.
    """

    jobs: int | None = None

    def execute(self, work: Work, /) -> None:
        """Carries it out."""
        execute(
            work.plan,
            artefacts=work.artefacts,
            calls=work.calls,
            run=work.run,
            observer=work.observer,
            budget=work.budget,
            jobs=self.jobs,
        )
