"""Trivial baselines: what a constant answer scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.metrics._answers import Answers
from harness.relations import Outcome, Prediction, Schema

__all__ = ["TrivialBaseline", "trivial_baselines"]


@dataclass(frozen=True, slots=True)
class TrivialBaseline:
    """Answers one label, whatever the sentence.

    Attributes:
        name: ``always_na`` or ``most_frequent``.
        label: The label it answers.
    """

    name: str
    label: str

    def predictions(self, ids: Iterable[str]) -> tuple[Prediction, ...]:
        """The same answer for each id."""
        return tuple(Prediction(example_id=i, label=self.label) for i in ids)

    def on(self, answers: Answers) -> Answers:
        """Its answers to the examples of ``answers``, with one seed."""
        code = answers.schema.label_names.index(self.label)
        shape = (1, len(answers))
        return replace(
            answers,
            predicted=np.full(shape, code, dtype=np.int64),
            outcomes=np.full(shape, tuple(Outcome).index(Outcome.PARSED), dtype=np.int8),
        )


def trivial_baselines(schema: Schema, train_labels: Sequence[str]) -> tuple[TrivialBaseline, ...]:
    """The constant answers that a system has to beat.

    ``always_na`` is the first. ``most_frequent`` answers the most frequent label of training;
    where that is NA, the most frequent relation, for else both rows were one. Ties go to the
    schema's order. Without a relation among ``train_labels`` there is only the first.
    """
    counts = Counter(label for label in train_labels if label in schema.positive_labels)
    baselines = [TrivialBaseline("always_na", schema.na_label)]
    if counts:
        label = max(schema.positive_labels, key=lambda name: counts[name])
        baselines.append(TrivialBaseline("most_frequent", label))
    return tuple(baselines)
