"""Scores published answers on TACRED, TACREV and Re-TACRED in three ways, side by side.

Run ``python -m benchmarks.published.tacred``; the data folder is ``CALLDISTIL_DATA``.

Retrieval-augmented prompting was reported at an F1 of 86.6 on TACRED. That figure is the F1 of
``no_relation`` alone: a constant ``no_relation`` has 87.99, and the same answers have a micro-F1
without NA, the measure of the field, of 23.61.

**How an answer is matched.** The recorded answers are bare strings, one per example in the order
of the label files. A string that equals a label of the data set's schema exactly is that label;
any other (``country_of_origin``, ``founder``, ``org:country_of_branch`` on TACRED, ...) is an
answer outside the schema: never right, a false positive, and a false negative where gold is not
``no_relation``. Nothing is trimmed, folded or guessed, and no answer is dropped.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import CalldistilError, DataError, Problem
from harness.metrics import Answers, join_labels, score, trivial_baselines
from harness.relations import load_schema

__all__ = ["DATA_SETS", "SYSTEMS", "Row", "constant_rows", "main", "prompted_rows", "system_rows"]

DATA_SETS = {"TACRED": "tacred", "TACREV": "tacrev", "Re-TACRED": "retacred"}
SYSTEMS = {
    "biLSTM+ELMo": "bilstm_elmo",
    "CNN": "cnn",
    "GCN+ELMo": "gcn_elmo",
    "LSTM+BERT cased": "lstm_bert_cased",
    "self-attention+ELMo, masked": "self_att_elmo_wo_discr_masked",
}
_MODELS = {"Flan-T5-XL": "xl", "Flan-T5-XXL": "xxl"}
_MODES = {"plain": "query", "retrieval": "rag"}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table, in percent.

    Attributes:
        system: Whose answers.
        data_set: On which labels.
        na_f1: F1 of ``no_relation`` alone.
        micro_f1: Micro-F1 over all labels but ``no_relation``.
        accuracy: Share of right answers.
        outside: Answers that are no label of the data set.
        examples: Examples.
    """

    system: str
    data_set: str
    na_f1: float
    micro_f1: float
    accuracy: float
    outside: int
    examples: int

    @classmethod
    def of(cls, system: str, data_set: str, answers: Answers) -> Row:
        """Scores joined answers."""
        return cls(
            system=system,
            data_set=data_set,
            na_f1=float(score(answers, "na_f1")[0]),
            micro_f1=float(score(answers, "micro_f1")[0]),
            accuracy=float(score(answers, "accuracy")[0]),
            outside=answers.unparsed_count,
            examples=len(answers),
        )


def prompted_rows(home: Path) -> Iterator[Row]:
    """Flan-T5, plainly prompted and with retrieval (Efeoglu and Paschke 2024, RAG4RE)."""
    for data_set, key in DATA_SETS.items():
        gold = gold_labels(home, data_set)
        for model, size in _MODELS.items():
            for mode, suffix in _MODES.items():
                file = home / "recorded" / "rag4re_tacred" / f"flan-t5-{size}_{key}_{suffix}.json"
                given = _strings(file, expected=len(gold))
                answers = _joined(data_set, gold, dict(zip(gold, given, strict=True)))
                yield Row.of(f"{model} {mode}", data_set, answers)


def constant_rows(home: Path) -> Iterator[Row]:
    """What a constant ``no_relation`` scores."""
    for data_set in DATA_SETS:
        gold = gold_labels(home, data_set)
        answers = _joined(data_set, gold, {})
        (always_na,) = trivial_baselines(answers.schema, [])
        yield Row.of(f"always {always_na.label}", data_set, always_na.on(answers))


def system_rows(home: Path) -> Iterator[Row]:
    """Five trained systems (Alt et al. 2020, TACRED Revisited)."""
    for data_set in ("TACRED", "TACREV"):
        gold = gold_labels(home, data_set)
        for system, stem in SYSTEMS.items():
            predicted = _labels(home / "tacred_labels" / f"tacred_test_{stem}.jsonl", "label_pred")
            yield Row.of(system, data_set, _joined(data_set, gold, predicted))


def gold_labels(home: Path, data_set: str) -> dict[str, str]:
    """Id to gold label, in the order of the recorded answers.

    Raises:
        DataError: When a file is absent or malformed, or the patch has an id TACRED lacks.
    """
    folder = home / "tacred_labels"
    if data_set == "Re-TACRED":
        file = folder / "retacred_test_id2label.json"
        return {str(i): str(label) for i, label in _json(file, _read(file)).items()}
    labels = _labels(folder / f"tacred_test_{SYSTEMS['CNN']}.jsonl", "label_true")
    if data_set == "TACREV":
        file = folder / "tacrev_patch" / "test_patch.json"
        patch = {str(row["id"]): str(row["relation"]) for row in _json(file, _read(file))}
        foreign = [i for i in patch if i not in labels]
        if foreign:
            fix = "use the patch of the test set"
            raise DataError([Problem(f"TACRED has no example {i!r}", fix, file) for i in foreign])
        labels |= patch
    return labels


def table(rows: Sequence[Row]) -> str:
    """The rows as text."""
    from tabulate import tabulate

    headers = [
        "predictions",
        "data set",
        "F1 of no_relation",
        "micro-F1 without NA",
        "accuracy",
        "outside the schema",
        "examples",
    ]
    cells = [
        [r.system, r.data_set, r.na_f1, r.micro_f1, r.accuracy, r.outside, r.examples] for r in rows
    ]
    return tabulate(cells, headers, floatfmt=".2f", tablefmt="github")


def data_home() -> Path:
    """The folder of public data sets: ``CALLDISTIL_DATA``, or ``../shared/data``."""
    return Path(os.environ.get("CALLDISTIL_DATA", "../shared/data"))


def main() -> int:
    """Prints the table; the exit code of the error where the data is not there."""
    home = data_home()
    try:
        print(table([*prompted_rows(home), *constant_rows(home), *system_rows(home)]))
    except CalldistilError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def _joined(data_set: str, gold: Mapping[str, str], predicted: Mapping[str, str]) -> Answers:
    schema = load_schema("retacred" if data_set == "Re-TACRED" else "tacred")
    return join_labels(gold, predicted, schema)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        fix = "set CALLDISTIL_DATA to the folder of public data sets"
        raise DataError([Problem("there is no such file", fix, file)]) from None


def _json(file: Path, text: str, line: int | None = None) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise DataError([Problem(f"not JSON: {error}", "fetch it again", file, line)]) from None


def _strings(file: Path, *, expected: int) -> list[str]:
    found = [str(item) for item in _json(file, _read(file))]
    if len(found) != expected:
        what = f"{len(found)} answers for {expected} examples"
        raise DataError([Problem(what, "take the answers to this test set", file)])
    return found


def _labels(file: Path, key: str) -> dict[str, str]:
    lines = enumerate(_read(file).splitlines(), start=1)
    rows = [_json(file, text, line) for line, text in lines]
    return {str(row["id"]): str(row[key]) for row in rows}


if __name__ == "__main__":
    raise SystemExit(main())
