"""How a run goes, on stderr: a live line for people, one line per stage for logs."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from harness.cli._shown import shown
from harness.costs import Money
from harness.pipeline import Budget, Node

__all__ = ["RunProgress"]


class RunProgress:
    """An observer that writes to stderr; silent when told to be quiet.

    On a terminal one line lives: stage, bar, calls and money so far, what the stage will have
    cost at its end if it goes on like that, and the time that is left of it. Elsewhere there is a
    line per stage when it is done, and no control character.
    """

    def __init__(self, *, quiet: bool = False, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, quiet=quiet, highlight=False)
        self._live = self._console.is_terminal and not quiet
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[paid]}", markup=False),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._live,
        )
        self._task = self._bar.add_task("", visible=False, paid="")
        self._started = time.perf_counter()
        self._found = 0
        self._made = 0
        self._budget: Budget | None = None
        self._begin = (0, 0.0)  # calls and dollars when this sitting began
        self._stage = (0, 0.0)  # and when the stage began

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()
        if kind is None:
            seconds = time.perf_counter() - self._started
            calls, dollars = self._since(self._begin)
            paid = f"; {self._said(calls, dollars)}" if calls else ""
            self._console.print(
                f"{self._made} stages done, {self._found} found done, in {seconds:.0f} s{paid}",
                soft_wrap=True,
            )

    def paying(self, budget: Budget, /) -> None:
        """Is told, before anything is called, where paid calls are counted."""
        self._budget = budget
        self._begin = self._stage = (budget.calls, budget.dollars)

    def found(self, node: Node, /) -> None:
        """Counts a stage that was done before."""
        self._found += 1

    def started(self, node: Node, index: int, total: int, /) -> None:
        """Shows which stage runs."""
        if self._budget is not None:
            self._stage = (self._budget.calls, self._budget.dollars)
        title = f"[{index}/{total}] {node.title}"
        self._bar.reset(self._task, description=title, total=None, visible=True, paid="")

    def progress(self, done: int, total: int, /) -> None:
        """Moves the bar."""
        self._bar.update(
            self._task, completed=done, total=total or None, paid=self._projected(done, total)
        )

    def finished(self, node: Node, seconds: float, /) -> None:
        """Says that a stage is done, what it paid for, and how long it took."""
        self._made += 1
        calls, dollars = self._since(self._stage)
        if self._budget is not None:
            self._stage = (self._budget.calls, self._budget.dollars)
        paid = f"{self._said(calls, dollars)}, " if calls else ""
        told = shown(f"{node.title} ({paid}{seconds:.1f} s)")
        self._console.print(told, markup=False, soft_wrap=True)

    def _since(self, mark: tuple[int, float]) -> tuple[int, float]:
        if self._budget is None:
            return 0, 0.0
        return self._budget.calls - mark[0], self._budget.dollars - mark[1]

    def _projected(self, done: int, total: int) -> str:
        """What was paid in this sitting, and what the stage will have cost at its end."""
        calls, dollars = self._since(self._begin)
        if not calls:
            return ""
        said = self._said(calls, dollars)
        of_stage = self._since(self._stage)[1]
        if of_stage > 0 and 0 < done < total:
            said += f", this stage about {Money(of_stage * total / done).text()}"
        return said

    def _said(self, calls: int, dollars: float) -> str:
        """Calls paid for and their price; of an unknown price nothing is said."""
        counted = f"{calls:,} call{'s' if calls != 1 else ''} paid"
        return f"{counted}, {Money(dollars).text()}" if dollars > 0 else counted
