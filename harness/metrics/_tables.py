"""What stands beside a score: each relation, the confusion table, diagnostics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.metrics._answers import OUTSIDE, Answers
from harness.metrics._metric import score
from harness.metrics._scores import relation_codes
from harness.relations import Outcome

__all__ = [
    "PRF",
    "Confusion",
    "Diagnostics",
    "RelationScore",
    "confusion",
    "diagnostics",
    "micro_prf",
    "per_relation",
]


@dataclass(frozen=True, slots=True)
class PRF:
    """Precision, recall and F1 in percent, with the counts they come from.

    Each is 0 where its denominator is 0.

    >>> PRF.of(tp=1, fp=1, fn=3)
    PRF(precision=50.0, recall=25.0, f1=33.333333333333336, tp=1, fp=1, fn=3)
    >>> PRF.of(tp=0, fp=0, fn=0).f1
    0.0
    """

    precision: float
    recall: float
    f1: float
    tp: int
    fp: int
    fn: int

    @classmethod
    def of(cls, *, tp: int, fp: int, fn: int) -> PRF:
        """Precision ``tp/(tp+fp)``, recall ``tp/(tp+fn)``, F1 ``2tp/(2tp+fp+fn)``."""
        return cls(
            precision=100.0 * tp / max(tp + fp, 1),
            recall=100.0 * tp / max(tp + fn, 1),
            f1=200.0 * tp / max(2 * tp + fp + fn, 1),
            tp=tp,
            fp=fp,
            fn=fn,
        )


@dataclass(frozen=True, slots=True)
class RelationScore:
    """Precision, recall and F1 of one label.

    Attributes:
        label: The label, NA among them.
        scores: Its scores.
        support: Its gold examples.
    """

    label: str
    scores: PRF
    support: int


@dataclass(frozen=True, slots=True, eq=False)
class Confusion:
    """How often each label was answered for each gold label.

    Attributes:
        rows: Gold labels, in the schema's order.
        columns: The same labels, and at last None for answers outside the schema.
        counts: Shape (rows, columns).
    """

    rows: tuple[str, ...]
    columns: tuple[str | None, ...]
    counts: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """Figures that explain a score; means over the training seeds.

    Attributes:
        accuracy: Percent of right answers, NA included.
        na_f1: F1 of the NA label, percent.
        direction_flips: Answers with the right relation and the wrong direction.
        coverage: Percent of examples whose answer was read as a label of the schema.
        outcomes: Answers by outcome, summed over the seeds.
    """

    accuracy: float
    na_f1: float
    direction_flips: float
    coverage: float
    outcomes: Mapping[Outcome, int]


def micro_prf(answers: Answers, seed_index: int = 0) -> PRF:
    """Micro-averaged precision, recall and F1 without NA; its F1 is ``micro_f1``."""
    gold, predicted = _scored(answers, seed_index)
    positive, answered = gold != answers.na, predicted != answers.na
    tp = int((positive & (gold == predicted)).sum())
    return PRF.of(tp=tp, fp=int(answered.sum()) - tp, fn=int(positive.sum()) - tp)


def per_relation(answers: Answers, seed_index: int = 0) -> tuple[RelationScore, ...]:
    """Scores of every label of the schema, NA last, for one training seed.

    Labels are told apart by direction. An answer outside the schema is a false positive of no
    label, so the false positives here may sum to less than those of ``micro_f1``.
    """
    gold, predicted = _scored(answers, seed_index)
    found = []
    for code, label in enumerate(answers.schema.label_names):
        of_gold, of_answer = gold == code, predicted == code
        tp = int((of_gold & of_answer).sum())
        support = int(of_gold.sum())
        prf = PRF.of(tp=tp, fp=int(of_answer.sum()) - tp, fn=support - tp)
        found.append(RelationScore(label, prf, support))
    return tuple(found)


def confusion(answers: Answers, seed_index: int | None = None) -> Confusion:
    """Counts of gold label against answer, for one training seed or summed over all."""
    labels = answers.schema.label_names
    counts = np.zeros((len(labels), len(labels) + 1), dtype=np.int64)
    for seed in range(answers.seeds) if seed_index is None else (seed_index,):
        gold, predicted = _scored(answers, seed)
        column = np.where(predicted == OUTSIDE, len(labels), predicted)
        np.add.at(counts, (gold, column), 1)
    return Confusion(rows=labels, columns=(*labels, None), counts=counts)


def diagnostics(answers: Answers) -> Diagnostics:
    """Accuracy, F1 of NA, direction flips and coverage, as means over the seeds."""
    codes = relation_codes(answers.schema)
    inside = answers.predicted >= 0
    same = codes[np.where(inside, answers.predicted, 0)] == codes[answers.gold]
    flips = inside & same & (answers.predicted != answers.gold)
    by_seed = answers.outcome_counts()
    return Diagnostics(
        accuracy=float(score(answers, "accuracy").mean()),
        na_f1=float(score(answers, "na_f1").mean()),
        direction_flips=float(flips.sum(axis=1).mean()),
        coverage=100.0 * float(answers.parsed.mean()) if len(answers) else 0.0,
        outcomes={outcome: sum(c[outcome] for c in by_seed) for outcome in Outcome},
    )


def _scored(answers: Answers, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    kept = answers.scored[seed]
    return answers.gold[kept], answers.predicted[seed][kept]
