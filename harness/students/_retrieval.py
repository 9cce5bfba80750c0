"""Nearest neighbours in a datastore of mask states, and their mix with the model's own answer.

Chen et al. 2022, "Relation Extraction as Open-book Examination" (SIGIR, arXiv 2205.02355).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Datastore", "Interpolation", "interpolate", "nearest_shares", "neighbour_shares"]

Interpolation: TypeAlias = Literal["linear", "logsumexp"]

_CHUNK = 512  # queries at a time
_ABSENT = 1000.0  # the released code's distance of a label that is no neighbour


@dataclass(frozen=True, slots=True)
class Datastore:
    """Training rows by their states.

    Attributes:
        states: Shape (rows, hidden).
        labels: Column of each row's label, shape (rows,).
    """

    states: NDArray[np.float32]
    labels: NDArray[np.int64]

    def search(
        self, queries: NDArray[np.float32], count: int
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Squared distances and labels of the nearest rows, nearest first, (queries, count).

        Of equally near rows the earlier comes first.
        """
        count = min(count, len(self.states))
        distances = np.zeros((len(queries), count))
        labels = np.zeros((len(queries), count), dtype=np.int64)
        lengths = np.einsum("ij,ij->i", self.states, self.states, dtype=np.float64)
        for start in range(0, len(queries), _CHUNK):
            part = queries[start : start + _CHUNK].astype(np.float64)
            squares = np.einsum("ij,ij->i", part, part)[:, None] + lengths
            squares = np.maximum(squares - 2 * part @ self.states.T.astype(np.float64), 0)
            order = np.argsort(squares, axis=1, kind="stable")[:, :count]
            distances[start : start + len(part)] = np.take_along_axis(squares, order, axis=1)
            labels[start : start + len(part)] = self.labels[order]
        return distances, labels


def neighbour_shares(
    distances: NDArray[np.float64], labels: NDArray[np.int64], *, scale: float, count: int
) -> NDArray[np.float64]:
    """Shares of the labels among neighbours: ``p(y) ~ sum over y's of exp(-d / scale)``
    (equation 6 of the paper).

    Args:
        distances: Squared distances, shape (queries, neighbours).
        labels: Columns of their labels, same shape.
        scale: Distance by which a neighbour's weight falls to 1/e.
        count: Number of labels.

    >>> d = np.array([[0.0, 0.0, 10.0]])
    >>> neighbour_shares(d, np.array([[0, 1, 1]]), scale=10, count=2).round(3).tolist()
    [[0.422, 0.578]]
    """
    # The nearest distance is taken off: it cancels, and far neighbours do not vanish.
    weights = np.exp(-(distances - distances.min(axis=1, keepdims=True)) / scale)
    shares = np.zeros((len(distances), count))
    for column in range(distances.shape[1]):
        np.add.at(shares, (np.arange(len(distances)), labels[:, column]), weights[:, column])
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def nearest_shares(
    distances: NDArray[np.float64], labels: NDArray[np.int64], *, scale: float, count: int
) -> NDArray[np.float64]:
    """The released code's shares: each label by its nearest neighbour alone, 1000 if it has none.

    >>> d = np.array([[0.0, 0.0, 10.0]])
    >>> nearest_shares(d, np.array([[0, 1, 1]]), scale=10, count=2).tolist()
    [[0.5, 0.5]]
    """
    nearest = np.full((len(distances), count), _ABSENT)
    rows = np.arange(len(distances))
    for column in reversed(range(distances.shape[1])):
        nearest[rows, labels[:, column]] = distances[:, column]
    weights = np.exp(-(nearest - nearest.min(axis=1, keepdims=True)) / scale)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def interpolate(
    model: NDArray[np.float64],
    neighbours: NDArray[np.float64],
    *,
    weight: float,
    form: Interpolation,
) -> NDArray[np.float64]:
    """Mixes the model's probabilities with the neighbours'; rows sum to 1.

    ``linear`` is ``(1 - weight) p + weight q`` (equation 7). ``logsumexp`` is what the released
    code computes: ``log((1 - weight) exp(p) + weight exp(q))`` of probabilities, as if they were
    log-probabilities; it is squashed, and has no probabilities as its result. Here its exponential
    is scaled to sum to 1, which leaves the order as it is.

    >>> p, q = np.array([[0.8, 0.2]]), np.array([[0.0, 1.0]])
    >>> interpolate(p, q, weight=0.5, form="linear").tolist()
    [[0.4, 0.6]]
    >>> interpolate(p, q, weight=0.5, form="logsumexp").round(4).tolist()
    [[0.4502, 0.5498]]
    """
    if form == "linear":
        mixed = (1 - weight) * model + weight * neighbours
    else:
        mixed = (1 - weight) * np.exp(model) + weight * np.exp(neighbours)
    return np.asarray(mixed / mixed.sum(axis=1, keepdims=True))
