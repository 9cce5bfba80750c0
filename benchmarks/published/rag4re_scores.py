"""Scores of published LLM answers on SemEval-2010 Task 8: plain prompts, retrieval and ChatGPT.

Run ``python -m benchmarks.published.rag4re_scores``; the data folder is ``CALLDISTIL_DATA``.

The answers are those of ``benchmarks.published.rag4re`` (Flan-T5-XL, Flan-T5-XXL, Llama-3-8B;
plain and with retrieval), and ChatGPT's (pkuserc/ChatGPT_for_IE), each on all 2,717 test
sentences.

**Two readings.** *plain* is the rule under which the figures of comparison are stated: an answer
that equals a label but for case is that label, anything else is unparsed. *tolerant* is
``agents.extractors.parse_label_answer``. Both are scored in the three ways to count unparsed
answers: as wrong (``micro_f1``), as NA, and left out.

ChatGPT's answers carry no direction, so they have only the scores without it, in a table of
their own. Nothing is guessed and no answer is dropped.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from benchmarks.published.rag4re import FILES, data_home, read_answers
from harness.datasets import read_examples
from harness.errors import CalldistilError, DataError, Problem
from harness.metrics import (
    Answers,
    interval,
    join,
    join_labels,
    score,
    undirected_labels,
    undirected_schema,
)
from harness.relations import Example, Outcome, Prediction, Schema, load_schema

__all__ = [
    "METRICS",
    "READINGS",
    "System",
    "chatgpt",
    "main",
    "outcome_table",
    "plain_reading",
    "score_table",
    "systems",
    "tolerant_reading",
    "undirected_systems",
]

Reading: TypeAlias = Callable[[Schema, str, str], Prediction]
"""Reads an answer: schema, example id, answer."""

METRICS = (
    "micro_f1",
    "micro_f1@unparsed=na",
    "micro_f1@unparsed=left_out",
    "semeval_macro_f1",
    "semeval_macro_f1@unparsed=na",
    "semeval_macro_f1@unparsed=left_out",
    "accuracy",
    "na_f1",
)
UNDIRECTED = ("micro_f1_undirected", "semeval_macro_f1_undirected")
_NAMES = {"xl": "Flan-T5-XL", "xxl": "Flan-T5-XXL", "llama3-8b": "Llama-3-8B"}
_RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class System:
    """One row: whose answers, under which reading, joined to gold."""

    name: str
    reading: str
    answers: Answers


def plain_reading(schema: Schema, example_id: str, answer: str) -> Prediction:
    """A label ignoring case; anything else is unparsed."""
    by_folded = {name.casefold(): name for name in schema.label_names}
    label = by_folded.get(answer.casefold())
    outcome = Outcome.PARSED if label is not None else Outcome.INVALID_LABEL
    return Prediction(example_id, label, outcome, answer=answer)


def tolerant_reading(schema: Schema, example_id: str, answer: str) -> Prediction:
    """As extractors read their answers."""
    from agents.extractors import parse_label_answer

    parsed = parse_label_answer(answer, schema)
    return Prediction(example_id, parsed.label, parsed.outcome, answer=answer)


READINGS: Mapping[str, Reading] = {"plain": plain_reading, "tolerant": tolerant_reading}


def systems(home: Path) -> list[System]:
    """The six files under both readings, the readings of a file side by side."""
    schema = load_schema("semeval-2010-task-8")
    gold = _gold(home, schema)
    found = []
    for name in FILES:
        file = _responses(home) / f"{name}.json"
        answers = read_answers(file)
        _same_length(file, len(answers), len(gold))
        for reading, read in READINGS.items():
            given = [
                read(schema, example.id, answer)
                for example, answer in zip(gold, answers, strict=True)
            ]
            found.append(System(_title(name), reading, join(gold, [given], schema)))
    return found


def undirected_systems(home: Path) -> list[System]:
    """The six files read for a relation without its direction, tolerantly.

    Llama-3-8B leaves the direction out of nearly every answer: here they can be read.
    """
    schema = load_schema("semeval-2010-task-8")
    without = undirected_schema(schema)
    gold = _gold(home, schema)
    bare = _without_direction(gold, schema)
    found = []
    for name in FILES:
        answers = read_answers(_responses(home) / f"{name}.json")
        given = [
            tolerant_reading(without, example.id, answer)
            for example, answer in zip(gold, answers, strict=True)
        ]
        joined = join([example.labelled(bare[example.id]) for example in gold], [given], without)
        found.append(System(_title(name), "tolerant", joined))
    return found


def chatgpt(home: Path) -> list[System]:
    """ChatGPT's closed-set answers on the schema without direction, under both readings.

    The tolerant reading differs by white space around two labels.

    The file does not number the sentences. It holds them grouped by directed gold label, labels
    in the order in which they first appear in the test set; both mentions of every row are
    checked against the sentence that it is joined to.

    Raises:
        DataError: When a row does not fit its sentence.
    """
    schema = load_schema("semeval-2010-task-8")
    without = undirected_schema(schema)
    file = home / "recorded" / "chatgpt_semeval" / "SemEval_All_ans.json"
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        fix = "set CALLDISTIL_DATA to the folder of public data sets"
        raise DataError([Problem("there is no such file", fix, file)]) from None
    first: dict[str | None, int] = {}
    gold = _gold(home, schema)
    for example in gold:
        first.setdefault(example.relation, len(first))
    grouped = sorted(gold, key=lambda example: first[example.relation])
    _same_length(file, len(rows), len(grouped))
    problems = [
        Problem(f"row {number} is not about the sentence {example.id}", "fetch it again", file)
        for number, (example, row) in enumerate(zip(grouped, rows, strict=True))
        if not _is_about(example, row["headEntity"], row["tailEntity"])
    ]
    if problems:
        raise DataError(problems[:20], more=max(0, len(problems) - 20))
    names = {name.replace("-", " ").casefold(): name for name in without.label_names}
    relations = _without_direction(grouped, schema)
    said = {example.id: str(row["closePred"]) for example, row in zip(grouped, rows, strict=True)}
    plain = {i: names.get(answer.casefold(), answer) for i, answer in said.items()}
    tolerant = {i: names.get(answer.strip().casefold(), answer) for i, answer in said.items()}
    return [
        System("ChatGPT (2023)", "plain", join_labels(relations, plain, without)),
        System("ChatGPT (2023)", "tolerant", join_labels(relations, tolerant, without)),
    ]


def _without_direction(gold: Sequence[Example], schema: Schema) -> dict[str, str]:
    """Id to relation name, or to the NA label."""
    return undirected_labels({e.id: e.relation or schema.na_label for e in gold}, schema)


def _is_about(example: Example, head: str, tail: str) -> bool:
    """Whether a row's mentions hold the sentence's own; four have a stray piece of text around."""
    pairs = ((example.head.surface, head), (example.tail.surface, tail))
    return all(mention.casefold() in given.casefold() for mention, given in pairs)


def score_table(found: Sequence[System], metrics: Sequence[str] = METRICS) -> str:
    """One row per system and reading: unparsed answers, and each score with its interval."""
    from tabulate import tabulate

    rows = [
        [s.name, s.reading, s.answers.unparsed_count, *(_cell(s.answers, m) for m in metrics)]
        for s in found
    ]
    headers = ["answers of", "reading", "unparsed", *metrics]
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True)


def gain_table(found: Sequence[System]) -> str:
    """What the tolerant reading gains over the plain one."""
    from tabulate import tabulate

    rows = []
    for plain, tolerant in zip(found[::2], found[1::2], strict=True):
        pairs = [
            (float(score(plain.answers, m)[0]), float(score(tolerant.answers, m)[0]))
            for m in ("micro_f1", "semeval_macro_f1")
        ]
        read = plain.answers.unparsed_count - tolerant.answers.unparsed_count
        rows.append([plain.name, f"{read:+}", *(f"{b - a:+.2f}" for a, b in pairs)])
    headers = ["answers of", "read more", "micro_f1", "semeval_macro_f1"]
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True)


def outcome_table(found: Sequence[System]) -> str:
    """How many answers had each outcome."""
    from tabulate import tabulate

    rows = []
    for system in found:
        counts = system.answers.outcome_counts()[0]
        rows.append([system.name, system.reading, *counts.values()])
    return tabulate(rows, ["answers of", "reading", *map(str, Outcome)], tablefmt="github")


def main() -> int:
    """Prints the tables; the exit code of the error where the data is not there."""
    home = data_home()
    try:
        found, undirected = systems(home), [*undirected_systems(home), *chatgpt(home)]
    except CalldistilError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    parts = (
        "With direction (the score, and the 95% bootstrap interval over examples):",
        score_table(found),
        "What the tolerant reading gains over the plain one:",
        gain_table(found),
        "Without direction, which is another score and stands in no column above:",
        score_table(undirected, UNDIRECTED),
        "Outcomes:",
        outcome_table([*found, *undirected]),
    )
    print("\n\n".join(parts))
    return 0


def _cell(answers: Answers, metric: str) -> str:
    found = interval(answers, metric, resamples=_RESAMPLES)
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"


def _title(file: str) -> str:
    model, _, mode = file.removeprefix("flan-t5-").partition("_")
    return f"{_NAMES[model]} {'retrieval' if mode == 'rag' else 'plain'}"


def _responses(home: Path) -> Path:
    return home / "recorded" / "rag4re_semeval" / "responses"


def _gold(home: Path, schema: Schema) -> tuple[Example, ...]:
    file = home / "semeval2010_task8" / "TEST_FILE_FULL.TXT"
    return read_examples(file, format="semeval", schema=schema)


def _same_length(file: Path, answers: int, examples: int) -> None:
    if answers != examples:
        what = f"{answers} answers for {examples} examples"
        raise DataError([Problem(what, "take the answers to this test set", file)])


if __name__ == "__main__":
    raise SystemExit(main())
