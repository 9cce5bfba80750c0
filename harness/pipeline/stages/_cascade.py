"""The stage ``cascade``: a student answers first, an LLM where the student is not confident."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from harness.errors import CalldistilError
from harness.metrics import join, score
from harness.pipeline.stages._files import (
    load_examples,
    load_predictions,
    load_probabilities,
    save_predictions,
)
from harness.pipeline.stages._stage import Measures, StageContext, schema_hash
from harness.protocols import Progress
from harness.relations import Example, Prediction, Schema

__all__ = [
    "ALWAYS",
    "CASCADE",
    "Cascade",
    "ThresholdRule",
    "TwoAnswers",
    "load_cascade",
    "two_answers",
]

CASCADE = "cascade.json"
ALWAYS = 1.01
"""A threshold above every probability: the LLM answers everything."""

ThresholdRule: TypeAlias = Literal["dev", "dev_within_tolerance"]
_MOST_THRESHOLDS = 200


@dataclass(frozen=True, eq=False)
class TwoAnswers:
    """What a student and a direct system said of the same examples.

    Attributes:
        examples: The examples, in order.
        first: The student's answers to them.
        confidence: The student's largest probability, shape (examples,).
        second: The direct system's answers.
    """

    examples: tuple[Example, ...]
    first: tuple[Prediction, ...]
    confidence: NDArray[np.float64]
    second: tuple[Prediction, ...]

    def answers(self, threshold: float) -> list[Prediction]:
        """The student's answer, or the direct system's where the confidence is under the threshold.

        A direct answer that could not be read stays one: it was paid for, and what the student
        would have said is not asked again.
        """
        return [
            second if confidence < threshold else first
            for first, confidence, second in zip(
                self.first, self.confidence, self.second, strict=True
            )
        ]

    def share(self, threshold: float) -> float:
        """Part of the examples that the direct system is asked about."""
        return float(np.mean(self.confidence < threshold))

    def thresholds(self, count: int) -> tuple[float, ...]:
        """Thresholds by which about ``0, 1/count, 2/count, ..., 1`` of the examples are asked."""
        ordered = np.sort(self.confidence)
        places = np.linspace(0, len(ordered), count + 1).round().astype(int)
        return tuple(float(ordered[p]) if p < len(ordered) else ALWAYS for p in places)


def two_answers(
    examples: Sequence[Example], student: Path, direct: Path, schema: Schema
) -> TwoAnswers:
    """Puts the stored answers of two systems side by side, by example id.

    Raises:
        CalldistilError: When one of them did not answer an example.
    """
    predictions = load_predictions(student, schema)
    matrix = load_probabilities(student, predictions, schema.label_names)
    rows = {prediction.example_id: row for row, prediction in enumerate(predictions)}
    asked = {prediction.example_id: prediction for prediction in load_predictions(direct, schema)}
    for example in examples:
        if example.id not in rows or example.id not in asked:
            raise CalldistilError(
                f"The example {example.id!r} was not answered by both parts of the cascade.",
                hint="Both answer the whole test set: remove ids from the direct system.",
            )
    order = [rows[example.id] for example in examples]
    return TwoAnswers(
        examples=tuple(examples),
        first=tuple(predictions[row] for row in order),
        confidence=matrix[order].max(axis=1) if order else np.zeros(0),
        second=tuple(asked[example.id] for example in examples),
    )


@dataclass(frozen=True)
class Cascade:
    """Answers the input ``examples`` from the stored answers of ``student`` and ``direct``.

    Where the threshold is chosen, the inputs ``dev``, ``dev_student`` and ``dev_direct`` hold the
    development set and both systems' answers to it; inputs ``trained0``, ``trained1``, ... hold
    what the student was trained on, which may not overlap with it.

    Attributes:
        schema: The relation schema.
        threshold: Confidence under which the direct system is asked; None where it is chosen.
        choose: ``dev``: the threshold of the highest score on the development set, of equals the
            one that asks least. ``dev_within_tolerance``: the one that asks least among those that
            lose no more than ``tolerance`` against the direct system there; else as ``dev``.
        tolerance: Points of the metric.
        metric: Metric of the choice.
    """

    name: ClassVar[str] = "cascade"
    version: ClassVar[int] = 1
    schema: Schema
    threshold: float | None
    choose: ThresholdRule | None
    tolerance: float
    metric: str

    def identity(self) -> Mapping[str, Any]:
        chosen = {"choose": self.choose, "metric": self.metric}
        if self.choose == "dev_within_tolerance":
            chosen["tolerance"] = str(self.tolerance)
        return {
            "schema": schema_hash(self.schema),
            **({"threshold": self.threshold} if self.choose is None else chosen),
        }

    def run(self, *, inputs: Mapping[str, Path], content: Path, context: StageContext) -> Measures:
        return self.work(inputs=inputs, content=content)

    def work(
        self, *, inputs: Mapping[str, Path], content: Path, progress: Progress | None = None
    ) -> Measures:
        examples = load_examples(inputs["examples"])
        both = two_answers(examples, inputs["student"], inputs["direct"], self.schema)
        facts: dict[str, Any] = {}
        threshold = self.threshold
        if threshold is None:
            dev = self._dev(inputs)
            threshold = self._chosen(dev)
            facts = {"dev": len(dev.examples), "dev_score": self._score(dev, threshold)}
        save_predictions(content, both.answers(threshold))
        facts = {"threshold": threshold, "share": both.share(threshold), **facts}
        (content / CASCADE).write_text(json.dumps(facts, indent=1), encoding="utf-8")
        return Measures(units=len(examples))

    def _dev(self, inputs: Mapping[str, Path]) -> TwoAnswers:
        examples = load_examples(inputs["dev"])
        held_out = {example.id for example in examples}
        for name, source in inputs.items():
            if not name.startswith("trained"):
                continue
            shared = held_out & {example.id for example in load_examples(source)}
            if shared:
                raise CalldistilError(
                    f"{len(shared)} of the {len(held_out)} examples of data.dev are among the rows"
                    f" that the student was trained on, {min(shared)!r} first: a threshold chosen"
                    " there would trust the student too much.",
                    hint="Keep them apart: data.dev.ids, and ids or limit of the student's source.",
                )
        return two_answers(examples, inputs["dev_student"], inputs["dev_direct"], self.schema)

    def _score(self, both: TwoAnswers, threshold: float) -> float:
        answered = join(both.examples, [both.answers(threshold)], self.schema)
        return float(score(answered, self.metric)[0])

    def _chosen(self, dev: TwoAnswers) -> float:
        """The threshold by the rule; candidates in the order of what they ask."""
        candidates = sorted({*dev.thresholds(min(_MOST_THRESHOLDS, len(dev.examples)))})
        scores = [self._score(dev, candidate) for candidate in candidates]
        if self.choose == "dev_within_tolerance":
            least = self._score(dev, ALWAYS) - self.tolerance
            for candidate, reached in zip(candidates, scores, strict=True):
                if reached >= least:
                    return candidate
        return candidates[int(np.argmax(scores))]


def load_cascade(content: Path) -> Mapping[str, Any]:
    """The threshold of a cascade's artefact, and the share of the test set that it asks about."""
    facts: dict[str, Any] = json.loads((content / CASCADE).read_text(encoding="utf-8"))
    return facts
