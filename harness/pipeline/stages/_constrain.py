"""Probabilities under type constraints: what the argument types exclude has none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.relations import Example, Schema, allowed_labels

__all__ = ["constrain_probabilities"]


def constrain_probabilities(
    probabilities: NDArray[np.float64],
    examples: Sequence[Example],
    schema: Schema,
    labels: Sequence[str],
) -> NDArray[np.float64]:
    """Sets excluded labels to 0 and scales the rest to sum to 1, shape (examples, labels).

    A row without any probability left gives all of it to NA, which is always allowed.
    """
    columns = {label: column for column, label in enumerate(labels)}
    mask = np.zeros(probabilities.shape, dtype=bool)
    for row, example in enumerate(examples):
        mask[row, [columns[label] for label in allowed_labels(schema, example)]] = True
    kept = np.where(mask, probabilities, 0.0)
    kept[kept.sum(axis=1) == 0, columns[schema.na_label]] = 1.0
    return np.asarray(kept / kept.sum(axis=1, keepdims=True))
