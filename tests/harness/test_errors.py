"""Errors name the fix, hold all problems, and have an exit code each."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import errors
from harness.errors import (
    ArtefactError,
    BackendError,
    BudgetError,
    CalldistilError,
    ConfigError,
    DataError,
    MissingExtraError,
    OutputParseError,
    Problem,
)


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("it is wrong"), "it is wrong"),
        (Problem("it is wrong", "mend it"), "it is wrong (mend it)"),
        (Problem("it is wrong", file=Path("a.yaml")), "a.yaml: it is wrong"),
        (Problem("it is wrong", "mend it", Path("a"), 3), "a:3: it is wrong (mend it)"),
    ],
)
def test_a_problem_reads_as_place_fault_and_fix(problem: Problem, text: str) -> None:
    assert str(problem) == text


@pytest.mark.parametrize("kind", [ConfigError, DataError])
def test_an_error_of_many_problems_tells_all_of_them_and_counts_the_rest(
    kind: type[ConfigError | DataError],
) -> None:
    error = kind([Problem("one"), Problem("two")], hint="see the docs", more=5)
    assert len(error.problems) == 2
    assert str(error).splitlines() == [
        f"7 problems in the {kind.subject}:",
        "  one",
        "  two",
        "  ... and 5 more",
        "see the docs",
    ]


def test_one_problem_is_counted_in_the_singular() -> None:
    assert str(ConfigError([Problem("one")])).startswith("1 problem in the configuration:")


def test_a_missing_package_is_answered_with_the_command_that_installs_it() -> None:
    error = MissingExtraError(package="torch", extra="students", feature="entity_marker.v1")
    assert str(error).splitlines() == [
        "entity_marker.v1 needs the package 'torch', which is not installed.",
        "Install it with: pip install 'calldistil[students]'",
    ]


def test_a_backend_error_says_whether_and_when_to_try_again() -> None:
    error = BackendError("rate limit", retryable=True, status=429, retry_after=2.5)
    assert (error.retryable, error.status, error.retry_after) == (True, 429, 2.5)
    assert BackendError("no such model").retryable is False


def test_an_unreadable_answer_keeps_the_answer_as_given() -> None:
    error = OutputParseError("there is no JSON in it", raw="I think it is born_in")
    assert (error.reason, error.raw) == ("there is no JSON in it", "I think it is born_in")


def test_exit_codes_are_as_documented() -> None:
    codes = {
        kind.__name__: kind.exit_code
        for kind in (
            ConfigError,
            DataError,
            BackendError,
            MissingExtraError,
            ArtefactError,
            BudgetError,
        )
    }
    assert codes == {
        "ConfigError": 2,
        "DataError": 3,
        "BackendError": 4,
        "MissingExtraError": 5,
        "ArtefactError": 6,
        "BudgetError": 7,
    }
    assert CalldistilError.exit_code == 1


def test_every_public_error_is_a_calldistil_error() -> None:
    kinds = [getattr(errors, name) for name in errors.__all__ if name != "Problem"]
    assert all(issubclass(kind, CalldistilError) for kind in kinds)
