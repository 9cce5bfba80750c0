"""Correction of p-values for a table with several rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["holm"]


def holm(p_values: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Holm's step-down correction, which bounds the chance of any false finding in a table.

    The i-th smallest of m p-values (from 0) becomes ``max(p_j * (m - j) for j <= i)``, at most 1.
    A NaN stands for a test that was not made: it stays NaN and does not count in m.

    Args:
        p_values: P-values in any order.

    Returns:
        Corrected p-values in the same order.

    Raises:
        ValueError: When a p-value is outside 0..1.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure".

    >>> holm([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])
    >>> holm([]).size
    0
    """
    given = np.asarray(p_values, dtype=np.float64)
    made = np.flatnonzero(~np.isnan(given))
    tested = given[made]
    if ((tested < 0) | (tested > 1)).any():
        raise ValueError("a p-value lies between 0 and 1")
    order = np.argsort(tested, kind="stable")
    steps = tested[order] * np.arange(len(tested), 0, -1)
    corrected = np.full(given.shape, np.nan)
    corrected[made[order]] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return corrected
