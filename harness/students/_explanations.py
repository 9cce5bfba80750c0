"""Explanations of why a pair has its relation: read from a file, or written by template."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import DataError, Problem
from harness.relations import Example, Schema

__all__ = ["Explained", "explained_rows", "read_explanations", "template_explanation"]


@dataclass(frozen=True, slots=True)
class Explained:
    """A training row with an explanation of its label.

    Attributes:
        example: The row.
        text: The explanation.
        templated: Whether a template wrote it.
    """

    example: Example
    text: str
    templated: bool


def read_explanations(file: Path) -> dict[str, str]:
    """Reads ``{"example_id": ..., "explanation": ...}`` lines; a recording's ``response`` counts
    as its explanation.

    Raises:
        DataError: When the file cannot be read, or a line holds something else.
    """
    found: dict[str, str] = {}
    problems: list[Problem] = []
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            [Problem(f"the explanations cannot be read: {error}", "name a JSONL file")]
        ) from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            text = row["explanation"] if "explanation" in row else row["response"]
            if not (isinstance(row["example_id"], str) and isinstance(text, str)):
                raise TypeError
        except (ValueError, KeyError, TypeError):
            fix = 'a line is {"example_id": "...", "explanation": "..."}'
            problems.append(Problem("this is no explanation", fix, file, number))
            continue
        found[row["example_id"]] = text
    if problems:
        raise DataError(problems[:20], more=max(0, len(problems) - 20))
    return found


def explained_rows(
    examples: Sequence[Example],
    schema: Schema,
    *,
    explanations: Path | None,
    templates: bool,
) -> list[Explained]:
    """The rows that have an explanation, each with it.

    Raises:
        DataError: When a file is named and explains none of the rows.
    """
    read = read_explanations(explanations) if explanations is not None else {}
    rows = []
    for example in examples:
        if text := read.get(example.id, "").strip():
            rows.append(Explained(example, text, templated=False))
        elif templates:
            rows.append(Explained(example, template_explanation(example, schema), templated=True))
    if explanations is not None and not any(not row.templated for row in rows):
        raise DataError(
            [
                Problem(
                    f"{explanations} explains none of the {len(examples)} training rows",
                    "its example_id values are the ids of training rows; or leave it out and set"
                    " templates: true",
                )
            ]
        )
    return rows


def template_explanation(example: Example, schema: Schema) -> str:
    """An explanation from the label alone: what the schema says of it, with both mentions.

    It holds nothing that the label does not; tables that use it say so.
    """
    head, tail = example.head.surface, example.tail.surface
    label = example.relation or schema.na_label
    relation = schema.relation_of(label)
    if relation is None:
        return f'The sentence names "{head}" and "{tail}", and {schema.na_description}.'
    said = f'Between "{head}" and "{tail}" {relation.description or relation.name}'
    if relation.arguments is not None:
        first, second = relation.arguments
        if schema.label(label).reversed:
            first, second = second, first
        said += f": {head} is the {first} and {tail} the {second}"
    return f"{said}."
