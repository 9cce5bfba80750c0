"""All problems of the data told at once, up to a limit."""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import DataError, Problem

__all__ = ["raise_problems"]

_SHOWN = 20


def raise_problems(problems: Sequence[Problem]) -> None:
    """Raises a ``DataError`` that shows the first problems and counts the rest, if any."""
    if problems:
        shown = problems[:_SHOWN]
        raise DataError(shown, more=len(problems) - len(shown))
