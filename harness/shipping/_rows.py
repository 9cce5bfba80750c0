"""New text in, answers out: the lines of a file, a stream or a request."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from harness.datasets import parse_examples
from harness.errors import DataError, Problem
from harness.relations import Example, MarkedTextError, Prediction, Schema, parse_marked

__all__ = ["CHUNK", "answer_row", "parse_lines", "read_chunks"]

CHUNK = 2048
"""Lines that are read, answered and written together."""
_LIMIT = 20


def read_chunks(
    lines: Iterable[tuple[int, str]], schema: Schema, file: Path, *, size: int = CHUNK
) -> Iterator[Sequence[Example]]:
    """Reads numbered lines as they come, ``size`` at a time; empty lines say nothing.

    Args:
        lines: Line numbers, from 1, and lines.
        schema: Whose markers marked sentences carry.
        file: Where the lines come from, for messages.
        size: Lines of a chunk.

    Raises:
        DataError: With every problem of a chunk.
    """
    kept = ((number, line.rstrip("\r\n")) for number, line in lines if line.strip())
    try:
        while chunk := list(itertools.islice(kept, size)):
            yield parse_lines(chunk, schema, file)
    except UnicodeDecodeError as error:
        what = f"not UTF-8: {error.reason}"
        raise DataError([Problem(what, "save the text as UTF-8", file)]) from None


def parse_lines(lines: Sequence[tuple[int, str]], schema: Schema, file: Path) -> Sequence[Example]:
    """Examples in the project's JSON Lines, or sentences with both arguments marked.

    A marked sentence's id is the number of its line.

    Raises:
        DataError: With every problem.
    """
    if lines and lines[0][1].lstrip().startswith("{"):
        return parse_examples(lines, file=file)
    examples, problems = [], []
    for number, line in lines:
        try:
            found = parse_marked(line, schema.markers)
        except MarkedTextError as error:
            fix = f"mark both: <{schema.markers.head}>...</{schema.markers.head}>"
            problems.append(Problem(str(error), fix, file, number))
            continue
        examples.append(Example(str(number), found.text, found.head, found.tail))
    if problems:
        raise DataError(problems[:_LIMIT], more=max(0, len(problems) - _LIMIT))
    return examples


def answer_row(answer: Prediction, *, probabilities: bool = False) -> dict[str, object]:
    """An answer as JSON values: ``id``, ``relation``, and what more is known.

    ``relation`` is None where an LLM's answer could not be read; ``outcome`` then says why. A
    student's answer carries the ``probability`` of its label, or those of all.
    """
    row: dict[str, object] = {"id": answer.example_id, "relation": answer.label}
    if answer.label is None:
        row["outcome"] = str(answer.outcome)
    if probabilities and answer.probabilities:
        row["probabilities"] = {
            label: round(float(p), 6) for label, p in answer.probabilities.items()
        }
    elif answer.confidence is not None:
        row["probability"] = round(float(answer.confidence), 6)
    return row
