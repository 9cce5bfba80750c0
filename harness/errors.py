"""Errors that name the fix, and the exit code with which the command line reports each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "ArtefactError",
    "BackendError",
    "BudgetError",
    "CalldistilError",
    "ConfigError",
    "DataError",
    "MissingExtraError",
    "OutputParseError",
    "Problem",
]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a file a user wrote.

    Attributes:
        what: What is wrong, as one sentence without a full stop.
        fix: How to mend it.
        file: The file it stands in, if any.
        line: The line in that file, counted from 1.
    """

    what: str
    fix: str = ""
    file: Path | None = None
    line: int | None = None

    def __str__(self) -> str:
        place = ""
        if self.file is not None:
            place = f"{self.file}:{self.line}: " if self.line is not None else f"{self.file}: "
        return f"{place}{self.what}" + (f" ({self.fix})" if self.fix else "")


class CalldistilError(Exception):
    """Base of every error that calldistil raises on purpose.

    Args:
        message: What went wrong.
        hint: What the user can do about it; the command line prints it on a line of its own.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class _ProblemsError(CalldistilError):
    """An error that carries every problem found, so that a user mends them in one go."""

    subject = "input"

    def __init__(self, problems: Sequence[Problem], *, hint: str = "", more: int = 0) -> None:
        self.problems = tuple(problems)
        self.more = more
        count = len(self.problems) + more
        lines = [f"{count} problem{'s' if count != 1 else ''} in the {self.subject}:"]
        lines += [f"  {problem}" for problem in self.problems]
        if more:
            lines.append(f"  ... and {more} more")
        super().__init__("\n".join(lines), hint=hint)


class ConfigError(_ProblemsError):
    """A schema, experiment or option is not valid. Holds all problems at once."""

    exit_code = 2
    subject = "configuration"


class DataError(_ProblemsError):
    """A data file is malformed. Holds all problems up to a limit; ``more`` counts the rest."""

    exit_code = 3
    subject = "data"


class BackendError(CalldistilError):
    """A call to an LLM did not come back with an answer.

    Args:
        message: What went wrong.
        retryable: Whether the same request may succeed later.
        status: HTTP status, where there is one.
        retry_after: Seconds the server asked to wait.
        hint: What the user can do.
    """

    exit_code = 4

    def __init__(
        self,
        message: str,
        *,
        retryable: bool = False,
        status: int | None = None,
        retry_after: float | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.retryable = retryable
        self.status = status
        self.retry_after = retry_after


class MissingExtraError(CalldistilError):
    """A feature needs a package that is not installed.

    Args:
        package: The import name that was not found.
        extra: The extra of calldistil that brings it.
        feature: What the user asked for.
    """

    exit_code = 5

    def __init__(self, *, package: str, extra: str, feature: str) -> None:
        super().__init__(
            f"{feature} needs the package {package!r}, which is not installed.",
            hint=f"Install it with: pip install 'calldistil[{extra}]'",
        )
        self.package = package
        self.extra = extra


class ArtefactError(CalldistilError):
    """A stored artefact, run folder or call store cannot be read or written."""

    exit_code = 6


class BudgetError(CalldistilError):
    """The declared budget is reached, before a call that might exceed it. Nothing is lost."""

    exit_code = 7


class OutputParseError(CalldistilError):
    """An LLM's answer cannot be read as what was asked for.

    Args:
        reason: Why not, as a short sentence.
        raw: The answer as given.
    """

    def __init__(self, reason: str, *, raw: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.raw = raw
