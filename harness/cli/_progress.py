"""How a run goes, on stderr: a live line for people, one line per stage for logs."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from harness.pipeline import Node

__all__ = ["RunProgress"]


class RunProgress:
    """An observer that writes to stderr; silent when told to be quiet."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet, highlight=False)
        self._live = self._console.is_terminal and not quiet
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._live,
        )
        self._task = self._bar.add_task("", visible=False)
        self._started = time.perf_counter()
        self._found = 0
        self._made = 0

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
            self._console.print(
                f"{self._made} stages done, {self._found} found done, in {seconds:.0f} s"
            )

    def found(self, node: Node, /) -> None:
        """Counts a stage that was done before."""
        self._found += 1

    def started(self, node: Node, index: int, total: int, /) -> None:
        """Shows which stage runs."""
        title = f"[{index}/{total}] {node.title}"
        self._bar.reset(self._task, description=title, total=None, visible=True)

    def progress(self, done: int, total: int, /) -> None:
        """Moves the bar."""
        self._bar.update(self._task, completed=done, total=total or None)

    def finished(self, node: Node, seconds: float, /) -> None:
        """Says that a stage is done, and how long it took."""
        self._made += 1
        self._console.print(f"{node.title} ({seconds:.1f} s)", markup=False)
