"""Heads on fixed vectors: logistic regression, a small MLP, nearest neighbours."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from harness.students._retrieval import Datastore, neighbour_shares

if TYPE_CHECKING:
    from harness.students._frozen_encoder import FrozenEncoderOptions

__all__ = ["Head", "LayersHead", "NeighboursHead", "fit_head", "head_of"]


class Head(Protocol):
    """What gives probabilities for vectors."""

    def shares(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probabilities of shape (rows, labels); a label never trained on gets 0."""
        ...

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """What to save."""
        ...


@dataclass(frozen=True, slots=True)
class LayersHead:
    """Linear layers with ReLUs between them and a softmax; the linear head has one.

    Attributes:
        weights: Of each layer, shape (in, out).
        biases: Of each layer.
        classes: Columns of the labels that were trained on.
        labels: Number of labels.
    """

    weights: tuple[NDArray[np.float32], ...]
    biases: tuple[NDArray[np.float32], ...]
    classes: NDArray[np.int64]
    labels: int

    def shares(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probabilities of shape (rows, labels)."""
        values: NDArray[Any] = features.astype(np.float64)
        for depth, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            values = np.asarray((np.maximum(values, 0) if depth else values) @ weight + bias)
        shares = np.exp(values - values.max(axis=1, keepdims=True))
        result = np.zeros((len(features), self.labels))
        result[:, self.classes] = shares / shares.sum(axis=1, keepdims=True)
        return result

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """Weights and biases by depth."""
        found: dict[str, NDArray[Any]] = {"classes": self.classes}
        for depth, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            found[f"weight{depth}"], found[f"bias{depth}"] = weight, bias
        return found


@dataclass(frozen=True, slots=True)
class NeighboursHead:
    """Shares of the labels among the nearest training rows, by cosine."""

    store: Datastore
    neighbours: int
    scale: float
    labels: int

    def shares(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probabilities of shape (rows, labels)."""
        squares, labels = self.store.search(_unit(features), self.neighbours)
        # Of vectors of length 1 half the squared distance is 1 - cosine.
        return neighbour_shares(squares / 2, labels, scale=self.scale, count=self.labels)

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """The training rows."""
        return {"states": self.store.states, "labels": self.store.labels}


def fit_head(
    features: NDArray[np.float32],
    targets: NDArray[np.int64],
    options: FrozenEncoderOptions,
    *,
    labels: int,
    weights: NDArray[np.float64] | None,
    seed: int,
) -> tuple[Head, int, list[str]]:
    """Trains a head; returns it, the solver's iterations, and notes.

    Args:
        features: Shape (rows, size).
        targets: Columns of the rows' labels.
        options: Which head, and its hyperparameters.
        labels: Number of labels.
        weights: Weight per label; None weighs all alike.
        seed: Seed of the MLP; the other heads have nothing random.
    """
    classes = np.unique(targets)
    if options.head == "knn":
        store = Datastore(_unit(features), targets.astype(np.int64))
        notes = [] if weights is None else ["class_weights have no part in the head knn"]
        return NeighboursHead(store, options.neighbours, options.scale, labels), 0, notes
    if len(classes) == 1:
        layer = np.zeros((features.shape[1], 1), dtype=np.float32)
        return LayersHead((layer,), (np.zeros(1, np.float32),), classes, labels), 0, []
    row_weights = None if weights is None else weights[targets]
    if options.head == "linear":
        return _linear(features, targets, options, classes, labels, row_weights)
    return _mlp(features, targets, options, classes, labels, row_weights, seed)


def _linear(
    features: NDArray[np.float32],
    targets: NDArray[np.int64],
    options: FrozenEncoderOptions,
    classes: NDArray[np.int64],
    labels: int,
    row_weights: NDArray[np.float64] | None,
) -> tuple[Head, int, list[str]]:
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

    regression = LogisticRegression(C=options.inverse_penalty, max_iter=options.most_iterations)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it warns of is a note
        regression.fit(features, targets, sample_weight=row_weights)
    weight = np.zeros((features.shape[1], len(classes)), dtype=np.float32)
    bias = np.zeros(len(classes), dtype=np.float32)
    # With two classes scikit-learn keeps only the second one's logit.
    weight[:, -len(regression.coef_) :] = regression.coef_.T
    bias[-len(regression.coef_) :] = regression.intercept_
    steps = int(np.max(regression.n_iter_))
    return LayersHead((weight,), (bias,), classes, labels), steps, _stopped(steps, options)


def _mlp(
    features: NDArray[np.float32],
    targets: NDArray[np.int64],
    options: FrozenEncoderOptions,
    classes: NDArray[np.int64],
    labels: int,
    row_weights: NDArray[np.float64] | None,
    seed: int,
) -> tuple[Head, int, list[str]]:
    from sklearn.neural_network import MLPClassifier  # type: ignore[import-untyped]

    network = MLPClassifier(
        hidden_layer_sizes=(options.hidden,),
        alpha=options.penalty,
        # Small sets get small steps; large ones are passed over in about 64, not in hundreds.
        batch_size=min(max(32, min(256, len(features) // 64)), len(features)),
        max_iter=options.most_iterations,
        random_state=seed % 2**32,
    )
    weighed = {} if row_weights is None else {"sample_weight": row_weights}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network.fit(features, targets, **weighed)
    weights = [np.asarray(each, dtype=np.float32) for each in network.coefs_]
    biases = [np.asarray(each, dtype=np.float32) for each in network.intercepts_]
    if len(classes) == 2:  # one logistic unit, which is the second class's logit
        weights[-1] = np.concatenate([np.zeros_like(weights[-1]), weights[-1]], axis=1)
        biases[-1] = np.concatenate([np.zeros_like(biases[-1]), biases[-1]])
    head = LayersHead(tuple(weights), tuple(biases), classes, labels)
    return head, int(network.n_iter_), _stopped(int(network.n_iter_), options)


def _stopped(steps: int, options: FrozenEncoderOptions) -> list[str]:
    if steps < options.most_iterations:
        return []
    return [f"the solver stopped at {steps} iterations before it converged"]


def head_of(
    options: FrozenEncoderOptions, arrays: Mapping[str, NDArray[Any]], *, size: int, labels: int
) -> Head:
    """A head from what ``arrays`` saved.

    Raises:
        KeyError: When an array is absent.
        ValueError: When their shapes do not fit the encoder or each other.
    """
    if options.head == "knn":
        store = Datastore(arrays["states"], arrays["labels"])
        fits = store.states.shape == (len(store.labels), size) and len(store.labels) > 0
        columns = store.labels
        head: Head = NeighboursHead(store, options.neighbours, options.scale, labels)
    else:
        depth = sum(name.startswith("weight") for name in arrays)
        weights = tuple(arrays[f"weight{i}"] for i in range(depth))
        biases = tuple(arrays[f"bias{i}"] for i in range(depth))
        columns = arrays["classes"]
        widths = [size, *(weight.shape[1] for weight in weights)]
        fits = (
            depth > 0
            and [weight.shape for weight in weights]
            == [(widths[i], widths[i + 1]) for i in range(depth)]
            and [bias.shape for bias in biases] == [(width,) for width in widths[1:]]
            and widths[-1] == len(columns) > 0
        )
        head = LayersHead(weights, biases, columns, labels)
    if not fits or not set(columns.tolist()) <= set(range(labels)):
        raise ValueError("its arrays do not fit the encoder or the schema")
    return head


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-12), dtype=np.float32)
