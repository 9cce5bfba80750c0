"""One system against gold as CSV and JSON, and the figures of each label behind it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import numpy as np

from harness.metrics import (
    Answers,
    Interval,
    confusion,
    diagnostics,
    per_relation,
    score,
)
from harness.report._csv import Cell, write_csv
from harness.report._measures import definition_of

__all__ = [
    "OUTSIDE_LABEL",
    "LabelScore",
    "confusion_csv",
    "label_scores",
    "relations_csv",
    "score_json",
]

OUTSIDE_LABEL = "(no label of the schema)"


@dataclass(frozen=True, slots=True)
class LabelScore:
    """Precision, recall and F1 of one label in percent, means over training seeds.

    Attributes:
        label: The label, NA among them.
        precision: 0 where it was never answered.
        recall: 0 where gold has none.
        f1: 0 where both are.
        support: Its gold examples.
        answered: How often it was answered, mean over seeds.
    """

    label: str
    precision: float
    recall: float
    f1: float
    support: int
    answered: float


def label_scores(answers: Answers) -> tuple[LabelScore, ...]:
    """Scores of every label of the schema, NA last, as means over training seeds."""
    seeds = [per_relation(answers, index) for index in range(answers.seeds)]
    return tuple(
        LabelScore(
            label=of_label[0].label,
            precision=float(np.mean([found.scores.precision for found in of_label])),
            recall=float(np.mean([found.scores.recall for found in of_label])),
            f1=float(np.mean([found.scores.f1 for found in of_label])),
            support=of_label[0].support,
            answered=float(np.mean([found.scores.tp + found.scores.fp for found in of_label])),
        )
        for of_label in zip(*seeds, strict=True)
    )


def relations_csv(answers: Answers) -> str:
    """One line per label."""
    header = ("label", "is_na", "precision", "recall", "f1", "support", "answered")
    na = answers.schema.na_label
    return write_csv(
        header,
        (
            (f.label, f.label == na, f.precision, f.recall, f.f1, f.support, f.answered)
            for f in label_scores(answers)
        ),
    )


def confusion_csv(answers: Answers) -> str:
    """One line per gold label, one column per answer; counts summed over seeds."""
    found = confusion(answers)
    rows: list[tuple[Cell, ...]] = [
        (label, *map(int, counts)) for label, counts in zip(found.rows, found.counts, strict=True)
    ]
    return write_csv(("gold", *(label or OUTSIDE_LABEL for label in found.columns)), rows)


def score_json(answers: Answers, name: str, headline: Interval) -> str:
    """Everything, unrounded, with the format's name and version."""
    figures, found = diagnostics(answers), confusion(answers)
    bare = name.partition("@")[0]
    others = dict.fromkeys([name, "micro_f1", answers.schema.official_metric, "accuracy", "na_f1"])
    variants = [f"{bare}@unparsed=na", f"{bare}@unparsed=left_out"]
    document = {
        "format": "calldistil.score",
        "format_version": 1,
        "schema": answers.schema.name,
        "metric": name,
        "definitions": {n: definition_of(n) for n in (*others, *variants)},
        "value": headline.value,
        "low": headline.low,
        "high": headline.high,
        "level": headline.level,
        "seed_sd": headline.seed_sd,
        "seeds": answers.seeds,
        "examples": headline.examples,
        "scores": {n: float(score(answers, n).mean()) for n in (*others, *variants)},
        "coverage": figures.coverage,
        "direction_flips": figures.direction_flips,
        "outcomes": {str(outcome): n for outcome, n in figures.outcomes.items()},
        "labels": [asdict(label) for label in label_scores(answers)],
        "confusion": {
            "rows": list(found.rows),
            "columns": list(found.columns),
            "counts": found.counts.tolist(),
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
