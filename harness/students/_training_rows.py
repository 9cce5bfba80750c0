"""Checks that every student makes of the rows it is given."""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import CalldistilError, DataError, Problem
from harness.relations import Example, Schema

__all__ = ["all_typed", "not_fitted", "targets_of", "untyped_problems"]

_LIMIT = 20


def targets_of(examples: Sequence[Example], schema: Schema, *, role: str) -> list[int]:
    """Column of each example's label.

    Raises:
        DataError: When there are no examples, or a label is missing or not in the schema.
    """
    if not examples:
        raise DataError([Problem(f"there are no {role} examples", "give at least one")])
    columns = {name: i for i, name in enumerate(schema.label_names)}
    problems = [
        Problem(
            f"the {role} example {example.id!r} has no label"
            if example.relation is None
            else f"the {role} example {example.id!r} has the label {example.relation!r}, which is"
            f" not in the schema {schema.name!r}",
            "label it or leave it out",
        )
        for example in examples
        if example.relation not in columns
    ]
    if problems:
        raise DataError(problems[:_LIMIT], more=max(0, len(problems) - _LIMIT))
    return [columns[example.relation] for example in examples if example.relation is not None]


def all_typed(examples: Sequence[Example]) -> bool:
    """Whether every head and tail has an entity type."""
    return all(example.head.type and example.tail.type for example in examples)


def untyped_problems(examples: Sequence[Example], *, fix: str) -> None:
    """Raises DataError when an example's head or tail has no entity type."""
    problems = [
        Problem(f"the {role} of the example {example.id!r} has no entity type", fix)
        for example in examples
        for role, mention in (("head", example.head), ("tail", example.tail))
        if not mention.type
    ]
    if problems:
        raise DataError(problems[:_LIMIT], more=max(0, len(problems) - _LIMIT))


def not_fitted(name: str) -> CalldistilError:
    """The error for a student that was not trained."""
    return CalldistilError(f"The student {name} was not trained.", hint="Call fit first.")
