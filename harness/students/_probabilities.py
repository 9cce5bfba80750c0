"""From a student's raw probabilities to those it gives: label priors and temperature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, ValidationError

from harness.documents import FileModel
from harness.errors import ConfigError, Problem
from harness.metrics import prior_correction
from harness.relations import Schema

__all__ = [
    "ProbabilityOptions",
    "Settled",
    "check_prior",
    "class_weights_of",
    "fit_temperature",
    "settle",
    "with_temperature",
]

_BOUNDS = (-3.0, 3.0)  # of the logarithm of the temperature
_TINY = 1e-12


class ProbabilityOptions(FileModel):
    """How labels are weighed, and what becomes of the probabilities.

    Attributes:
        class_weights: ``balanced`` weighs a row by rows / (labels seen * rows of its label), so
            that every label weighs the same; ``none`` weighs every row alike.
        label_prior: Label frequencies to expect at prediction, exchanged for those of training
            (Saerens et al. 2002): ``equal``, a share per label, or ``trained``, no correction.
        temperature_scaling: Fit a temperature on the dev rows (Guo et al. 2017).
    """

    class_weights: Literal["none", "balanced"] = "none"
    label_prior: Literal["trained", "equal"] | dict[str, float] = "trained"
    temperature_scaling: bool = False


def check_prior(options: ProbabilityOptions, schema: Schema, *, student: str) -> None:
    """Raises ConfigError when a declared label prior does not fit the schema."""
    prior: Mapping[str, float] | str = options.label_prior
    if isinstance(prior, str):
        return
    unknown = [label for label in prior if label not in schema]
    problems = [
        Problem(
            f"{student}: label_prior: {label!r} is not a label of the schema {schema.name!r}",
            f"must be one of: {', '.join(schema.label_names)}",
        )
        for label in unknown
    ]
    if min(prior.values(), default=0) < 0 or not sum(prior.values()) > 0:
        problems.append(
            Problem(f"{student}: label_prior: shares are 0 or more, and not all 0", "correct them")
        )
    if problems:
        raise ConfigError(problems)


class Settled(FileModel):
    """What training settled about probabilities; kept in ``student.json``.

    Attributes:
        calibrated: Whether a temperature was fitted.
        temperature: By which logits are divided.
        dev_rows: Rows that it was fitted on.
        trained: Training rows per label, where the label prior is corrected.
        wanted: Shares to expect instead.
    """

    calibrated: bool = False
    temperature: float = Field(default=1.0, gt=0)
    dev_rows: int = 0
    trained: tuple[float, ...] = ()
    wanted: tuple[float, ...] = ()

    @classmethod
    def read(cls, fitted: Mapping[str, Any]) -> Settled:
        """Reads it from what ``student.json`` holds; a student of an older version has none."""
        try:
            return cls.model_validate(fitted.get("probabilities", {}))
        except ValidationError:
            return cls()

    def apply(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """The probabilities to give, from raw ones of shape (examples, labels)."""
        if self.trained and len(probabilities):
            probabilities = prior_correction(
                probabilities, trained=self.trained, wanted=self.wanted
            )
        if self.temperature != 1:
            probabilities = with_temperature(probabilities, self.temperature)
        return probabilities


@dataclass(frozen=True, slots=True)
class _Noted:
    settled: Settled
    notes: tuple[str, ...]


def settle(
    options: ProbabilityOptions,
    *,
    labels: Sequence[str],
    targets: Sequence[int],
    dev: NDArray[np.float64] | None,
    dev_targets: Sequence[int],
) -> _Noted:
    """Settles label prior and temperature after training.

    Args:
        options: What was asked for.
        labels: Label names, in the order of the columns.
        targets: Columns of the training rows' labels.
        dev: Raw probabilities of the dev rows, where there are any.
        dev_targets: Columns of their labels.
    """
    notes = []
    settled = Settled()
    if options.label_prior != "trained":
        counts = np.bincount(np.asarray(targets, dtype=np.int64), minlength=len(labels))
        wanted = np.ones(len(labels))
        if isinstance(options.label_prior, dict):
            wanted = np.array([options.label_prior.get(label, 0.0) for label in labels])
        settled = Settled(
            trained=tuple(np.maximum(counts, 1).astype(float).tolist()),
            wanted=tuple((wanted / wanted.sum()).tolist()),
        )
        notes.append("probabilities are corrected for the label frequencies of training")
    if options.temperature_scaling and dev is not None and len(dev):
        temperature = fit_temperature(settled.apply(dev), dev_targets)
        settled = settled.model_copy(
            update={"calibrated": True, "temperature": temperature, "dev_rows": len(dev)}
        )
        notes.append(f"probabilities: temperature {temperature:.3g}, from {len(dev)} dev rows")
    else:
        if options.temperature_scaling:
            notes.append("no dev examples: no temperature was fitted")
        notes.append("probabilities are not calibrated")
    return _Noted(settled, tuple(notes))


def with_temperature(probabilities: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Softmax of the log-probabilities divided by a temperature; rows sum to 1.

    >>> import numpy as np
    >>> with_temperature(np.array([[0.8, 0.2]]), 2.0).round(3).tolist()
    [[0.667, 0.333]]
    """
    logits = np.log(np.maximum(probabilities, _TINY)) / temperature
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def fit_temperature(probabilities: NDArray[np.float64], targets: ArrayLike) -> float:
    """The temperature with the least negative log-likelihood, between e^-3 and e^3.

    Source: Guo et al. 2017, On Calibration of Modern Neural Networks, section 4.2.

    >>> import numpy as np
    >>> p = np.array([[0.9, 0.1]] * 4)  # right three times in four, and sure of nine in ten
    >>> round(fit_temperature(p, [0, 0, 0, 1]), 2)
    2.0
    """
    from scipy.optimize import minimize_scalar

    right = np.asarray(targets, dtype=np.int64)
    rows = np.arange(len(right))

    def loss(log_temperature: float) -> float:
        shares = with_temperature(probabilities, float(np.exp(log_temperature)))
        return float(-np.log(np.maximum(shares[rows, right], _TINY)).mean())

    found = minimize_scalar(loss, bounds=_BOUNDS, method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x))


def class_weights_of(targets: Sequence[int], labels: int) -> NDArray[np.float64]:
    """Weights per label, rows / (labels seen * rows of the label); 0 where there are no rows.

    >>> class_weights_of([0, 0, 0, 1], 3).round(3).tolist()
    [0.667, 2.0, 0.0]
    """
    counts = np.bincount(np.asarray(targets, dtype=np.int64), minlength=labels)
    seen = np.count_nonzero(counts)
    return np.asarray(
        np.where(counts > 0, len(targets) / (seen * np.maximum(counts, 1)), 0.0), dtype=np.float64
    )
