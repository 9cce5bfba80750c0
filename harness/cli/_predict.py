"""``calldistil predict``: a saved student on new text."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

if TYPE_CHECKING:
    from harness.protocols import Student
    from harness.relations import Example, Schema

_CHUNK = 2048


@click.command("predict")
@click.argument("student", type=click.Path(path_type=Path))
@click.argument("text", type=click.Path(path_type=Path), default="-")
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), help="Write here instead of to stdout."
)
@click.option("--probabilities", is_flag=True, help="Write every label's probability.")
def command(student: Path, text: Path, output: Path | None, probabilities: bool) -> None:
    """Label TEXT (a file, or - for stdin) with STUDENT, the folder of a saved one.

    TEXT is JSON Lines in the project's own format, or one sentence per line with its arguments
    marked: The <e1>cup</e1> held <e2>tea</e2>. Each line of the answer is
    {"id", "relation", "probability"}. Lines are read as they come.
    """
    from harness.students import load_student

    model = load_student(student)
    schema = getattr(model, "schema")  # noqa: B009
    source: TextIO = sys.stdin if str(text) == "-" else _opened(text)
    target: TextIO = sys.stdout if output is None else output.open("w", encoding="utf-8")
    try:
        for examples in _chunks(source, schema, text):
            for row in _rows(model, examples, probabilities):
                target.write(json.dumps(row, ensure_ascii=False) + "\n")
            target.flush()
    finally:
        if source is not sys.stdin:
            source.close()
        if target is not sys.stdout:
            target.close()


def _opened(text: Path) -> TextIO:
    from harness.errors import DataError, Problem

    try:
        return text.open(encoding="utf-8")
    except OSError as error:
        what = f"the text cannot be read: {error.strerror}"
        raise DataError([Problem(what, "check the path", text)]) from None


def _chunks(source: TextIO, schema: Schema, file: Path) -> Iterator[list[Example]]:
    from harness.errors import DataError, Problem

    examples: list[Example] = []
    problems: list[Problem] = []
    try:
        for number, line in enumerate(source, start=1):
            if not line.strip():
                continue
            try:
                examples.append(_example(line.rstrip("\n"), number, schema))
            except ValueError as error:
                problems.append(
                    Problem(str(error), "mark both arguments, or write JSON Lines", file, number)
                )
            if len(problems) >= 20:
                break
            if len(examples) == _CHUNK and not problems:
                yield examples
                examples = []
    except UnicodeDecodeError as error:
        problems.append(Problem(f"not UTF-8: {error.reason}", "save the text as UTF-8", file))
    if problems:
        raise DataError(problems)
    if examples:
        yield examples


def _example(line: str, number: int, schema: Schema) -> Example:
    from harness.datasets import parse_example
    from harness.relations import Example, parse_marked

    if line.lstrip().startswith("{"):
        return parse_example(line)
    marked = parse_marked(line, schema.markers)
    return Example(id=str(number), text=marked.text, head=marked.head, tail=marked.tail)


def _rows(
    model: Student, examples: Sequence[Example], probabilities: bool
) -> Iterator[dict[str, object]]:
    matrix = model.predict_proba(examples=examples)
    for example, row in zip(examples, matrix, strict=True):
        best = int(row.argmax())
        answer: dict[str, object] = {
            "id": example.id,
            "relation": model.labels[best],
            "probability": round(float(row[best]), 6),
        }
        if probabilities:
            del answer["probability"]
            answer["probabilities"] = {
                label: round(float(p), 6) for label, p in zip(model.labels, row, strict=True)
            }
        yield answer
