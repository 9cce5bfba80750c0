"""Taking a label bias out of probabilities: contextual, batch and prior correction.

All three divide each label's probability by how much the system favours the label whatever it
reads, and scale the rows to sum to 1 again. They differ in where that bias is seen. Nothing uses
them silently: a corrected system is a row of its own beside the uncorrected one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "batch_calibration",
    "contextual_calibration",
    "estimated_prior",
    "prior_correction",
]

_ROUNDS = 1000
_SETTLED = 1e-6  # change of a frequency at which the estimate ends


def contextual_calibration(
    probabilities: NDArray[np.float64], content_free: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Divides by what the system says of inputs without content.

    ``q(y | x)`` is proportional to ``p(y | x) / p(y | content-free)``; the paper's W is
    ``diag(p_cf)^-1`` and its b is 0. The result is scaled to sum to 1, where the paper takes a
    softmax, which has the same order.

    Args:
        probabilities: Shape (examples, labels).
        content_free: Probabilities for inputs such as ``N/A`` and the empty string, shape
            (inputs, labels); their mean counts.

    Raises:
        ValueError: When the shapes do not fit or a value is not a probability.

    Source: Zhao et al. 2021, Calibrate Before Use, section 5 (arXiv 2102.09690).

    >>> import numpy as np
    >>> contextual_calibration(np.array([[0.6, 0.4]]), np.array([[0.75, 0.25]])).round(2).tolist()
    [[0.33, 0.67]]
    """
    return _divided(probabilities, _checked(content_free, "content_free").mean(axis=0))


def batch_calibration(
    probabilities: NDArray[np.float64], batch: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Divides by the mean over a batch of the task's own, unlabelled inputs.

    ``q(y | x)`` is proportional to ``p(y | x) / mean_x' p(y | x')``. It assumes that labels are
    about as frequent as each other: where NA is nine inputs in ten, it takes that for bias.

    Args:
        probabilities: Shape (examples, labels).
        batch: Probabilities for the batch, shape (inputs, labels); the examples themselves if
            left out, and then an answer depends on what it is asked together with.

    Raises:
        ValueError: When the shapes do not fit or a value is not a probability.

    Source: Zhou et al. 2024, Batch Calibration, equation 3 (arXiv 2309.17249).

    >>> import numpy as np
    >>> p = np.array([[0.9, 0.1], [0.6, 0.4]])
    >>> batch_calibration(p).argmax(axis=1).tolist()
    [0, 1]
    """
    seen = probabilities if batch is None else batch
    return _divided(probabilities, _checked(seen, "batch").mean(axis=0))


def prior_correction(
    probabilities: NDArray[np.float64], *, trained: ArrayLike, wanted: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Exchanges the label frequencies a system was trained on for those it will meet.

    ``q(y | x)`` is proportional to ``p(y | x) * wanted(y) / trained(y)``, which is right where
    inputs of a label are the same in both places and only its frequency differs.

    Args:
        probabilities: Shape (examples, labels).
        trained: Frequencies (or counts) of the labels in training, each above 0.
        wanted: Frequencies (or counts) to expect; equal ones if left out.

    Raises:
        ValueError: When the shapes do not fit, or a frequency is negative or a trained one 0.

    Source: Saerens, Latinne and Decaestecker 2002, equation 4.

    >>> import numpy as np
    >>> prior_correction(np.array([[0.5, 0.5]]), trained=[1, 1], wanted=[9, 1]).round(2).tolist()
    [[0.9, 0.1]]
    """
    before = np.asarray(trained, dtype=np.float64)
    after = np.ones_like(before) if wanted is None else np.asarray(wanted, dtype=np.float64)
    if before.shape != after.shape or (before <= 0).any() or (after < 0).any() or not after.any():
        raise ValueError("trained and wanted hold one frequency per label, trained ones above 0")
    weights = (after / after.sum()) / (before / before.sum())
    return _scaled(_checked(probabilities, "probabilities"), weights)


def estimated_prior(
    probabilities: NDArray[np.float64], *, trained: ArrayLike
) -> NDArray[np.float64]:
    """Label frequencies of unlabelled inputs, from a classifier's answers to them.

    Expectation maximisation: the answers are corrected to the frequencies estimated so far, and
    their mean is the next estimate, which begins at ``trained``. It assumes what
    ``prior_correction`` assumes, and probabilities that are calibrated; where they are too sure,
    the estimate stays near the labels' shares among the answers.

    Args:
        probabilities: Shape (examples, labels).
        trained: Frequencies (or counts) of the labels in training, each above 0.

    Returns:
        One frequency per label; they sum to 1.

    Raises:
        ValueError: When the shapes do not fit, or a trained frequency is not above 0.

    Source: Saerens, Latinne and Decaestecker 2002, equations 10 and 11.

    >>> import numpy as np
    >>> p = np.array([[0.9, 0.1]] * 9 + [[0.1, 0.9]])
    >>> estimated_prior(p, trained=[1, 1]).round(2).tolist()
    [1.0, 0.0]
    >>> p = np.array([[0.95, 0.05]] * 8 + [[0.05, 0.95]] * 2)
    >>> estimated_prior(p, trained=[1, 1]).round(2).tolist()
    [0.83, 0.17]
    """
    before = np.asarray(trained, dtype=np.float64)
    frequencies = before / before.sum()
    for _ in range(_ROUNDS):
        corrected = prior_correction(probabilities, trained=before, wanted=frequencies)
        found = corrected.mean(axis=0)
        if np.abs(found - frequencies).max() < _SETTLED:
            break
        frequencies = found
    return np.asarray(found / found.sum())


def _divided(probabilities: NDArray[np.float64], bias: NDArray[np.float64]) -> NDArray[np.float64]:
    """A label that is never favoured at all has no bias to divide by, and stays as it is."""
    found = _checked(probabilities, "probabilities")
    return _scaled(found, 1 / np.where(bias > 0, bias, 1.0))


def _scaled(
    probabilities: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    if probabilities.shape[1:] != weights.shape:
        raise ValueError(
            f"{probabilities.shape[1]} labels cannot be corrected with {weights.shape} weights"
        )
    weighed = probabilities * weights
    sums = weighed.sum(axis=1, keepdims=True)
    # A row whose whole probability was weighed away says nothing new: it is left as it was.
    return np.asarray(np.where(sums > 0, weighed / np.where(sums > 0, sums, 1.0), probabilities))


def _checked(values: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 2 or not found.shape[0]:
        raise ValueError(f"{name} must have the shape (inputs, labels) with at least one input")
    if not np.isfinite(found).all() or (found < 0).any() or (found > 1).any():
        raise ValueError(f"{name} must hold probabilities, 0 to 1")
    return found
