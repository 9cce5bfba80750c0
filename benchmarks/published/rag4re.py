"""Reads 16,302 genuine LLM answers on SemEval-2010 Task 8 and counts how each one was read.

Run ``python -m benchmarks.published.rag4re``; the data folder is ``CALLDISTIL_DATA``.

The answers are those of Flan-T5-XL, Flan-T5-XXL and Llama-3-8B on all 2,717 test sentences,
plain (``query``) and retrieval-augmented (``rag``), published by RAG4RE (sefeoglu/RAG4RE). They
hold labels in other spellings, lists, cut labels, labels without direction and explanations.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tabulate import tabulate

from agents.extractors import ParsedAnswer, Rule, parse_label_answer
from harness.errors import CalldistilError, DataError, Problem
from harness.relations import Outcome, load_schema

__all__ = ["FILES", "FileOutcomes", "main", "outcomes", "outcomes_of", "read_answers", "table"]

FILES = (
    "flan-t5-xl_query",
    "flan-t5-xl_rag",
    "flan-t5-xxl_query",
    "flan-t5-xxl_rag",
    "llama3-8b_query",
    "llama3-8b_rag",
)


@dataclass(frozen=True, slots=True)
class FileOutcomes:
    """How the answers of one file were read.

    Attributes:
        name: The file, without its ending.
        answers: How each answer was read, in the file's order.
    """

    name: str
    answers: tuple[ParsedAnswer, ...]

    def count(self, key: Outcome | Rule) -> int:
        """How many answers had the outcome, or were decided by the rule."""
        return sum(key in (answer.outcome, answer.rule) for answer in self.answers)


def read_answers(file: Path) -> list[str]:
    """The raw answers of a file: strings, or objects with the string under ``predict``.

    Raises:
        DataError: When the file is absent or has another form.
    """
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        fix = "set CALLDISTIL_DATA to the folder of public data sets"
        raise DataError([Problem("there is no such file", fix, file)]) from None
    except ValueError as error:
        raise DataError([Problem(f"not JSON: {error}", "fetch it again", file)]) from None
    answers = [row.get("predict") if isinstance(row, dict) else row for row in rows]
    problems = [
        Problem(f"answer {n} is no text", "fetch it again", file)
        for n, answer in enumerate(answers)
        if not isinstance(answer, str)
    ]
    if problems:
        raise DataError(problems[:20], more=max(0, len(problems) - 20))
    return [str(answer) for answer in answers]


def outcomes_of(name: str, answers: Sequence[str]) -> FileOutcomes:
    """Reads answers with SemEval's schema; why they ended is not known."""
    schema = load_schema("semeval-2010-task-8")
    return FileOutcomes(name, tuple(parse_label_answer(answer, schema) for answer in answers))


def outcomes(home: Path) -> list[FileOutcomes]:
    """Reads all six files."""
    folder = home / "recorded" / "rag4re_semeval" / "responses"
    return [outcomes_of(name, read_answers(folder / f"{name}.json")) for name in FILES]


def table(found: Sequence[FileOutcomes]) -> str:
    """Two tables: file by outcome, and file by the rule that decided."""
    return f"{_counts(found, Outcome)}\n\n{_counts(found, Rule)}"


def data_home() -> Path:
    """The folder of public data sets."""
    named = os.environ.get("CALLDISTIL_DATA")
    return Path(named) if named else Path(__file__).parents[2] / "../shared/data"


def main() -> int:
    """Prints the tables; returns the exit code of the error where the data is not there."""
    try:
        print(table(outcomes(data_home())))
    except CalldistilError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def _counts(found: Sequence[FileOutcomes], kinds: type[Outcome] | type[Rule]) -> str:
    total = Counter(
        key for file in found for answer in file.answers for key in (answer.outcome, answer.rule)
    )
    shown = [kind for kind in kinds if total[kind]]
    rows = [[file.name, *map(file.count, shown), len(file.answers)] for file in found]
    rows.append(["all", *(total[kind] for kind in shown), sum(len(f.answers) for f in found)])
    headers = ["by outcome" if kinds is Outcome else "by rule", *map(str, shown), "answers"]
    return tabulate(rows, headers=headers, intfmt=",")


if __name__ == "__main__":
    raise SystemExit(main())
