"""A student as a scikit-learn estimator. Imports scikit-learn: import this module late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin  # type: ignore[import-untyped]
from sklearn.utils.validation import check_is_fitted  # type: ignore[import-untyped]

from harness.relations import Example, Schema
from harness.students import make_student

__all__ = ["RelationClassifier"]


class RelationClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Fits a student on examples, with labels beside them as scikit-learn has it.

    It takes part in ``cross_val_score``, ``GridSearchCV`` and the like.

    Args:
        schema: The relation schema.
        student: Registry name of the student.
        options: Its options.
        seed: Training seed.
    """

    def __init__(
        self,
        schema: Schema,
        student: str = "entity_marker",
        options: Mapping[str, Any] | None = None,
        seed: int = 1,
    ) -> None:
        self.schema = schema
        self.student = student
        self.options = options
        self.seed = seed

    def fit(self, examples: Sequence[Example], labels: Sequence[str]) -> Self:
        """Trains; the examples' own labels are not read."""
        student = make_student(self.student, schema=self.schema, options=self.options or {})
        rows = [example.labelled(label) for example, label in zip(examples, labels, strict=True)]
        student.fit(examples=rows, seed=self.seed)
        self.labeller_ = student
        self.classes_ = np.array(student.labels)
        return self

    def predict_proba(self, examples: Sequence[Example]) -> NDArray[np.float64]:
        """Probabilities of shape (examples, labels), columns as in ``classes_``."""
        check_is_fitted(self, "labeller_")
        return self.labeller_.predict_proba(examples=list(examples))

    def predict(self, examples: Sequence[Example]) -> NDArray[np.str_]:
        """The most probable label of each example."""
        return np.asarray(self.classes_[self.predict_proba(examples).argmax(axis=1)])

    def save(self, folder: Path) -> None:
        """Saves the student into a new folder, which ``load_system`` and ``predict`` read."""
        check_is_fitted(self, "labeller_")
        folder.mkdir(parents=True)
        self.labeller_.save(folder=folder)
