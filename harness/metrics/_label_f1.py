"""The F1 of one label, as a metric, so that gains and losses of a relation have intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.metrics._answers import Answers

__all__ = ["LabelF1"]


@dataclass(frozen=True, slots=True)
class LabelF1:
    """F1 of one label: ``100 * 2 * tp / (answered + gold)``; 0 where neither occurs.

    Not in the registry: a label belongs to a schema.

    Args:
        label: Name of a label of the answers' schema.

    >>> import numpy as np
    >>> float(LabelF1("born_in").value(np.array([3.0, 4.0, 6.0])))  # tp, answered, gold
    60.0
    """

    label: str
    source: str = "per-class F1"

    @property
    def name(self) -> str:
        """Its name in messages."""
        return f"f1[{self.label}]"

    @property
    def summary(self) -> str:
        """One line."""
        return f"F1 of the label {self.label}"

    def counts(self, answers: Answers, /) -> NDArray[np.float64]:
        """Right answers, answers and gold examples of the label; shape (seeds, n, 3)."""
        code = answers.schema.label_names.index(self.label)
        gold = np.broadcast_to(answers.gold == code, answers.predicted.shape)
        said = answers.predicted == code
        scored = answers.scored
        return np.stack([gold & said, said, gold & scored], axis=-1).astype(np.float64)

    def value(self, sums: NDArray[np.float64], /) -> NDArray[np.float64]:
        """F1 in 0..100."""
        whole = sums[..., 1] + sums[..., 2]
        return np.asarray(200.0 * sums[..., 0] / np.where(whole > 0, whole, 1.0))
