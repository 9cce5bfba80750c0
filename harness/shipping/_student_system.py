"""A student, on torch or on an exported graph, as a system."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.pipeline import constrain_probabilities
from harness.protocols import Labeller, Progress
from harness.relations import Example, Prediction, Schema
from harness.shipping._system import SystemPart

__all__ = ["StudentSystem"]


class StudentSystem:
    """Answers with a student's most probable label.

    Args:
        labeller: The student, or its exported network.
        name: The system's name.
        type_constraints: Give no probability to labels that the argument types exclude.
    """

    def __init__(
        self, labeller: Labeller, *, name: str = "student", type_constraints: bool = False
    ) -> None:
        self._labeller = labeller
        self._name = name
        self._constrained = type_constraints

    @property
    def name(self) -> str:
        """The system's name."""
        return self._name

    @property
    def kind(self) -> SystemPart:
        """``student``."""
        return "student"

    @property
    def schema(self) -> Schema:
        """The student's schema."""
        return self._labeller.schema

    def answer(
        self, examples: Sequence[Example], /, *, progress: Progress | None = None
    ) -> Sequence[Prediction]:
        """Labels examples; every prediction has the probability of each label."""
        labels = self._labeller.labels
        matrix = self._labeller.predict_proba(examples=examples, progress=progress)
        if self._constrained:
            matrix = constrain_probabilities(matrix, examples, self.schema, labels)
        # As artefacts hold them, so that an answer does not depend on where it was given.
        matrix = matrix.astype(np.float32).astype(np.float64)
        return [
            Prediction(
                example.id,
                labels[int(row.argmax())],
                probabilities=dict(zip(labels, row.tolist(), strict=True)),
            )
            for example, row in zip(examples, matrix, strict=True)
        ]

    def close(self) -> None:
        """Nothing to let go of."""
