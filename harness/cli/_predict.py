"""``calldistil predict``: a saved student on new text."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from harness.datasets import parse_examples

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
    piped = str(text) == "-"
    source: TextIO = sys.stdin if piped else _opened(text)
    target: TextIO = sys.stdout if output is None else output.open("w", encoding="utf-8")
    try:
        for examples in _chunks(source, model.schema, Path("<stdin>") if piped else text):
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


def _chunks(source: TextIO, schema: Schema, file: Path) -> Iterator[Sequence[Example]]:
    from harness.errors import DataError, Problem

    numbered = ((n, line.rstrip("\n")) for n, line in enumerate(source, start=1) if line.strip())
    try:
        while chunk := list(itertools.islice(numbered, _CHUNK)):
            if chunk[0][1].lstrip().startswith("{"):
                yield parse_examples(chunk, file=file)
            else:
                yield _marked(chunk, schema, file)
    except UnicodeDecodeError as error:
        what = f"not UTF-8: {error.reason}"
        raise DataError([Problem(what, "save the text as UTF-8", file)]) from None


def _marked(lines: Sequence[tuple[int, str]], schema: Schema, file: Path) -> list[Example]:
    """Sentences with both arguments marked; the line's number is the example's id."""
    from harness.errors import DataError, Problem
    from harness.relations import Example, MarkedTextError, parse_marked

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
        raise DataError(problems[:20], more=max(0, len(problems) - 20))
    return examples


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
