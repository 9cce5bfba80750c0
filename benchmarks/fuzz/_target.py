"""One thing that is fuzzed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Target"]


@dataclass(frozen=True, slots=True)
class Target:
    """Something that reads what others wrote.

    Attributes:
        name: Its name.
        run: Reads one input. A ``CalldistilError`` is foreseen; anything else is a crash.
        seeds: Inputs that it reads well, for mutations to begin with.
        suffix: Of a file that holds an input.
        missing: The package without which it cannot run, if that is not installed.
        most: Bytes of an input, at most.
        refuses: Whether it may refuse an input. An agent may not: whatever an LLM answers becomes
            a record, and a ``CalldistilError`` is a crash too.
        more_seeds: Makes further ones, where that takes a while.
    """

    name: str
    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...] = ()
    suffix: str = ""
    missing: str | None = None
    most: int = 1 << 16
    refuses: bool = True
    more_seeds: Callable[[], tuple[bytes, ...]] | None = None

    def all_seeds(self) -> tuple[bytes, ...]:
        """Every input to begin with."""
        return self.seeds + (self.more_seeds() if self.more_seeds is not None else ())
