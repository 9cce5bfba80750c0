"""What came of the inputs of one target; crashes are told apart by where they happen."""

from __future__ import annotations

import time
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.fuzz._target import Target
from harness.errors import CalldistilError

__all__ = ["Crash", "Tried"]

SLOW_S = 10.0
"""An input that takes longer is a crash of its own kind: it stops a run for nothing."""


@dataclass(frozen=True, slots=True)
class Crash:
    """A kind of crash.

    Attributes:
        where: The place in the code, and the error.
        input: The first input that led there, in hexadecimal.
    """

    where: str
    input: str


@dataclass
class Tried:
    """The inputs that a target was given.

    Attributes:
        target: The target.
        executions: How many.
        read: How many were read as something; the others were refused.
        seconds: Wall-clock time inside the target.
        longest_s: The longest that one input took.
        crashes: By where they happen.
    """

    target: Target
    executions: int = 0
    read: int = 0
    seconds: float = 0.0
    longest_s: float = 0.0
    crashes: dict[str, Crash] = field(default_factory=dict)

    def give(self, data: bytes) -> None:
        """Runs the target on one input and notes what happens."""
        data = data[: self.target.most]
        self.executions += 1
        started = time.perf_counter()
        try:
            self.target.run(data)
            self.read += 1
        except CalldistilError as error:
            if not self.target.refuses:
                self._note(_place(error), data)
        except Exception as error:
            self._note(_place(error), data)
        taken = time.perf_counter() - started
        self.seconds += taken
        self.longest_s = max(self.longest_s, taken)
        if taken > SLOW_S:
            self._note(f"takes more than {SLOW_S:g} s", data)

    def _note(self, where: str, data: bytes) -> None:
        self.crashes.setdefault(where, Crash(where, data.hex()))

    def summary(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "executions": self.executions,
            "read": self.read,
            "seconds": self.seconds,
            "longest_s": self.longest_s,
            "crashes": [asdict(crash) for crash in self.crashes.values()],
        }


def _place(error: Exception) -> str:
    """The innermost line of the project, and the error."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "/harness/" in f.filename or "/agents/" in f.filename]
    last = (ours or frames)[-1]
    said = str(error)[:120]
    return f"{Path(last.filename).name}:{last.lineno} {type(error).__name__}: {said!a}"[:200]
