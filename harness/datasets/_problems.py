"""Collects what is wrong with a data file, so that all of it is told at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import DataError, Problem

__all__ = ["PROBLEM_LIMIT", "Place", "ProblemLog", "nearest"]

PROBLEM_LIMIT = 20
"""How many problems of one file are told in full; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file something stands.

    Attributes:
        line: The line, counted from 1, where the format has one record per line.
        words: The place in words ("item 12 (id 'x')"), where it has not.
    """

    line: int | None = None
    words: str = ""


@dataclass(slots=True)
class ProblemLog:
    """The problems of one file (or of examples from none), the first ``limit`` in full."""

    file: Path | None
    limit: int = PROBLEM_LIMIT
    kept: list[Problem] = field(default_factory=list)
    count: int = 0

    def add(self, what: str, fix: str = "", *, place: Place | int | None = None) -> None:
        """Notes a problem; an integer place is a line."""
        if not isinstance(place, Place):
            place = Place(line=place)
        self.count += 1
        if len(self.kept) < max(self.limit, 1):
            words = f"{place.words}: " if place.words else ""
            self.kept.append(Problem(f"{words}{what}", fix, self.file, place.line))

    def raise_if_any(self) -> None:
        """Raises what was noted.

        Raises:
            DataError: When there is a problem.
        """
        if self.count:
            raise DataError(self.kept, more=self.count - len(self.kept))


def nearest(word: str, known: Iterable[str], *, cutoff: float = 0.5) -> str:
    """Words a fix: the nearest known name, or all of them where none is near."""
    names = list(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=cutoff)
    if near:
        return f"did you mean {near[0]!r}?"
    shown = ", ".join(names[:30]) + (", ..." if len(names) > 30 else "")
    return f"must be one of: {shown}" if names else "there are none"
