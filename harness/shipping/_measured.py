"""What an exported graph loses against the student that was measured in the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.metrics import join, score
from harness.pipeline import TwoAnswers
from harness.relations import Example, Prediction, Schema
from harness.shipping._student_system import StudentSystem
from harness.shipping._system import Runtime
from harness.students import ExportedRuntime, load_exported

__all__ = ["RuntimeScore", "score_runtime", "stored_score"]


@dataclass(frozen=True, slots=True)
class RuntimeScore:
    """One runtime on the run's test set.

    Attributes:
        runtime: What ran.
        metric: Name of the metric.
        score: The metric, of the exported seed.
        lost: Points lost against the weights in torch, as the run stored their answers; negative
            where some are won.
        agreement: Share of the examples with the same answer.
        difference: Largest difference of the probability of an answer that both give.
        examples: How many test examples.
    """

    runtime: Runtime
    metric: str
    score: float
    lost: float
    agreement: float
    difference: float
    examples: int


def stored_score(both: TwoAnswers, schema: Schema, metric: str) -> RuntimeScore:
    """What the run itself measured."""
    value = _score(both.examples, both.first, schema, metric)
    return RuntimeScore("torch", metric, value, 0.0, 1.0, 0.0, len(both.examples))


def score_runtime(
    folder: Path,
    runtime: ExportedRuntime,
    both: TwoAnswers,
    schema: Schema,
    metric: str,
    *,
    type_constraints: bool,
) -> RuntimeScore:
    """Runs an exported graph on the test examples.

    Args:
        folder: The exported folder.
        runtime: What runs it.
        both: The examples and the stored answers of the student.
        schema: The relation schema.
        metric: Name of the metric.
        type_constraints: As the system has them.
    """
    system = StudentSystem(load_exported(folder, runtime), type_constraints=type_constraints)
    answers = system.answer([example.labelled(None) for example in both.examples])
    value = _score(both.examples, answers, schema, metric)
    confidence = np.array([answer.confidence or 0.0 for answer in answers])
    same = np.array(
        [a.label == b.label for a, b in zip(answers, both.first, strict=True)], dtype=bool
    )
    gaps = np.abs(confidence - both.confidence)[same]
    return RuntimeScore(
        runtime=runtime,
        metric=metric,
        score=value,
        lost=_score(both.examples, both.first, schema, metric) - value,
        agreement=float(same.mean()),
        difference=float(gaps.max(initial=0.0)),
        examples=len(both.examples),
    )


def _score(
    examples: Sequence[Example], answers: Sequence[Prediction], schema: Schema, metric: str
) -> float:
    return float(score(join(examples, [answers], schema), metric)[0])
