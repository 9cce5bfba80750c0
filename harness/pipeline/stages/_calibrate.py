"""The stages ``calibrate`` (a label bias is taken out of answers) and ``content_free``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from harness.errors import CalldistilError
from harness.metrics import (
    batch_calibration,
    contextual_calibration,
    estimated_prior,
    prior_correction,
)
from harness.pipeline.stages._files import (
    load_examples,
    load_predictions,
    load_probabilities,
    save_examples,
    save_predictions,
)
from harness.pipeline.stages._stage import Measures, StageContext, schema_hash
from harness.pipeline.stages._train import training_rows
from harness.protocols import Progress
from harness.relations import Example, Mention, Prediction, Schema

__all__ = ["Calibrate", "CalibrationMethod", "ContentFree"]

CalibrationMethod: TypeAlias = Literal["contextual", "batch", "prior", "estimated"]

_EMPTY = ("N/A", "[MASK]", "-")


@dataclass(frozen=True)
class ContentFree:
    """Writes sentences that say nothing, for contextual calibration.

    Zhao et al. 2021 (arXiv 2102.09690) average over the inputs ``N/A``, ``[MASK]`` and the empty
    string. A sentence needs two entities, so each of these stands for both, ``-`` for nothing.
    """

    name: ClassVar[str] = "content_free"
    version: ClassVar[int] = 1

    def identity(self) -> Mapping[str, Any]:
        return {"texts": list(_EMPTY)}

    def examples(self) -> tuple[Example, ...]:
        """The sentences, without entity types."""
        return tuple(
            Example(
                id=f"content-free-{number}",
                text=f"{empty} {empty}",
                head=Mention.of(f"{empty} {empty}", 0, len(empty)),
                tail=Mention.of(f"{empty} {empty}", len(empty) + 1, 2 * len(empty) + 1),
            )
            for number, empty in enumerate(_EMPTY)
        )

    def run(self, *, inputs: Mapping[str, Path], content: Path, context: StageContext) -> Measures:
        examples = self.examples()
        save_examples(content, examples)
        return Measures(units=len(examples))


@dataclass(frozen=True)
class Calibrate:
    """Corrects the probabilities of the input ``answers`` and answers anew.

    Answers that could not be read stay as they are. The input ``content_free`` has the answers to
    sentences without content, ``source0``, ``source1``, ... are a student's training rows, whose
    label frequencies ``estimated`` exchanges.

    Attributes:
        method: ``contextual``, ``batch``, ``prior`` or ``estimated`` (``harness.metrics`` has their
            sources).
        wanted: For ``prior``: the label frequencies to expect; labels that are left out share
            what remains equally.
        schema: The relation schema.
    """

    name: ClassVar[str] = "calibrate"
    version: ClassVar[int] = 1
    method: CalibrationMethod
    wanted: Mapping[str, float]
    schema: Schema

    def identity(self) -> Mapping[str, Any]:
        return {
            "method": self.method,
            "wanted": dict(self.wanted),
            "schema": schema_hash(self.schema),
        }

    def run(self, *, inputs: Mapping[str, Path], content: Path, context: StageContext) -> Measures:
        return self.work(inputs=inputs, content=content)

    def work(
        self, *, inputs: Mapping[str, Path], content: Path, progress: Progress | None = None
    ) -> Measures:
        labels = self.schema.label_names
        predictions, matrix = _scored(inputs["answers"], self.schema)
        rows = [row for row, prediction in enumerate(predictions) if prediction.label is not None]
        corrected = matrix.copy()
        corrected[rows] = self._corrected(matrix[rows], inputs)
        answered = list(predictions)
        for row in rows:
            answered[row] = replace(
                predictions[row], label=labels[int(corrected[row].argmax())], probabilities={}
            )
        save_predictions(content, answered, corrected)
        return Measures(units=len(predictions))

    def _corrected(
        self, matrix: NDArray[np.float64], inputs: Mapping[str, Path]
    ) -> NDArray[np.float64]:
        if self.method == "contextual":
            return contextual_calibration(matrix, _scored(inputs["content_free"], self.schema)[1])
        if self.method == "estimated":
            trained = _frequencies_of(inputs, self.schema.label_names)
            wanted = estimated_prior(matrix, trained=trained)
            return prior_correction(matrix, trained=trained, wanted=wanted)
        if self.method == "prior":
            # The system's own frequencies are those of its answers on this batch.
            seen = np.maximum(matrix.mean(axis=0), np.finfo(np.float64).tiny)
            return prior_correction(matrix, trained=seen, wanted=self._frequencies())
        return batch_calibration(matrix)

    def _frequencies(self) -> list[float]:
        """The wanted frequency of each label; what is not declared is shared equally."""
        names = self.schema.label_names
        left = max(0.0, 1.0 - sum(self.wanted.values()))
        share = left / max(1, len(names) - len(self.wanted))
        return [self.wanted.get(name, share) for name in names]


def _frequencies_of(inputs: Mapping[str, Path], labels: Sequence[str]) -> NDArray[np.float64]:
    """How often each label occurs in a student's training rows, and half a time more."""
    sources = [path for name, path in sorted(inputs.items()) if name.startswith("source")]
    rows = training_rows([load_examples(path) for path in sources])
    seen = Counter(row.relation for row in rows)
    return np.array([seen[label] + 0.5 for label in labels])


def _scored(content: Path, schema: Schema) -> tuple[Sequence[Prediction], NDArray[np.float64]]:
    """Predictions and their probabilities, shape (predictions, labels).

    Raises:
        CalldistilError: When an answer that was read has no probability of every label.
    """
    predictions = load_predictions(content, schema)
    matrix = load_probabilities(content, predictions, schema.label_names)
    read = np.array([prediction.label is not None for prediction in predictions], dtype=bool)
    if not read.any() or not np.allclose(matrix[read].sum(axis=1), 1, atol=1e-3):
        raise CalldistilError(
            "These answers have no probability of every label, so no bias can be taken out.",
            hint="Calibrate a student, or an extractor with options: {form: scores}.",
        )
    return predictions, matrix
