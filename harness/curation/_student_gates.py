"""The gates ``student_agreement`` and ``label_issues``: what students make of the set itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import BaseModel, Field

from harness.curation._folds import FoldOptions, label_columns, out_of_fold
from harness.errors import MissingExtraError
from harness.protocols import KEPT, GateContext, Judgement
from harness.relations import Example, Schema

__all__ = ["LabelIssues", "LabelIssuesOptions", "StudentAgreement", "StudentAgreementOptions"]


class StudentAgreementOptions(FoldOptions):
    """Options of ``student_agreement.v1``.

    Attributes:
        at_least: Probability that the student must give the row's label; left out, the label
            must be its first choice.
    """

    at_least: float | None = Field(default=None, gt=0, le=1)


class StudentAgreement:
    """Rejects rows whose label a student, trained on the other folds, does not give.

    The reason is ``student_disagrees``. The share of such rows bounds label noise from above
    at best, since most of it is the student's own error.
    """

    name: ClassVar[str] = "student_agreement.v1"
    summary: ClassVar[str] = "rows whose label a student trained on the other folds gives as well"
    source: ClassVar[str] = "calldistil"
    Options: ClassVar[type[BaseModel]] = StudentAgreementOptions
    uses_test: ClassVar[bool] = False
    noise: ClassVar[str | None] = None

    def __init__(self, *, context: GateContext, options: StudentAgreementOptions) -> None:
        self._schema = context.schema
        self._options = options

    def judge(self, *, rows: Sequence[Example]) -> tuple[Judgement, ...]:
        """Keeps everything where there is too little to train on."""
        return _of_labelled(rows, self._schema, self._judge)

    def _judge(self, rows: Sequence[Example]) -> Sequence[Judgement]:
        probabilities = out_of_fold(rows, self._schema, self._options)
        if probabilities is None:
            return (KEPT,) * len(rows)
        own = label_columns(rows, self._schema)
        judged = []
        for row, label in zip(probabilities, own, strict=True):
            best = int(row.argmax())
            least = self._options.at_least
            agrees = best == label if least is None else row[label] >= least
            said = f"{self._schema.label_names[best]} ({row[best]:.2f})"
            judged.append(KEPT if agrees else Judgement("student_disagrees", said))
        return judged


class LabelIssuesOptions(FoldOptions):
    """Options of ``label_issues.v1``.

    Attributes:
        filter_by: How cleanlab picks rows: see ``cleanlab.filter.find_label_issues``.
    """

    filter_by: Literal[
        "prune_by_noise_rate", "prune_by_class", "both", "confident_learning",
        "predicted_neq_given", "low_normalized_margin", "low_self_confidence",
    ] = "low_self_confidence"  # fmt: skip


class LabelIssues:
    """Rejects what cleanlab takes for mislabelled, by out-of-fold probabilities on the set alone.

    The reason is ``label_issue``; the detail holds cleanlab's label quality, 0 to 1.

    Source: Northcutt, Jiang and Chuang 2021, Confident Learning, JAIR 70.
    """

    name: ClassVar[str] = "label_issues.v1"
    summary: ClassVar[str] = "no row that confident learning takes for mislabelled"
    source: ClassVar[str] = "cleanlab; Northcutt et al. 2021"
    Options: ClassVar[type[BaseModel]] = LabelIssuesOptions
    uses_test: ClassVar[bool] = False
    noise: ClassVar[str | None] = "confident learning (cleanlab) over folds of the set"

    def __init__(self, *, context: GateContext, options: LabelIssuesOptions) -> None:
        self._schema = context.schema
        self._options = options

    def judge(self, *, rows: Sequence[Example]) -> tuple[Judgement, ...]:
        """Keeps everything where there is too little to train on.

        Raises:
            MissingExtraError: When cleanlab is not installed.
        """
        return _of_labelled(rows, self._schema, self._judge)

    def _judge(self, rows: Sequence[Example]) -> Sequence[Judgement]:
        try:
            from cleanlab.filter import find_label_issues
            from cleanlab.rank import get_label_quality_scores
        except ImportError:
            raise MissingExtraError(
                package="cleanlab", extra="curation", feature=f"the gate {self.name}"
            ) from None
        probabilities = out_of_fold(rows, self._schema, self._options)
        if probabilities is None:
            return (KEPT,) * len(rows)
        # cleanlab wants every class among the labels: those that no row has are left out.
        present, labels = np.unique(label_columns(rows, self._schema), return_inverse=True)
        probabilities = probabilities[:, present]
        probabilities /= np.maximum(probabilities.sum(axis=1, keepdims=True), 1e-12)
        found = find_label_issues(
            labels, probabilities, filter_by=self._options.filter_by, n_jobs=1
        )
        quality = get_label_quality_scores(labels, probabilities)
        best = present[probabilities.argmax(axis=1)]
        return tuple(
            Judgement("label_issue", f"{self._schema.label_names[b]}, quality {q:.2f}")
            if bad
            else KEPT
            for bad, b, q in zip(found, best, quality, strict=True)
        )


def _of_labelled(
    rows: Sequence[Example],
    schema: Schema,
    judge: Callable[[Sequence[Example]], Sequence[Judgement]],
) -> tuple[Judgement, ...]:
    """Judges the rows with a label of the schema; the others are ``label_unknown``."""
    known = [row for row in rows if row.relation in schema]
    said = iter(judge(known))
    return tuple(
        next(said) if row.relation in schema else Judgement("label_unknown", str(row.relation))
        for row in rows
    )
