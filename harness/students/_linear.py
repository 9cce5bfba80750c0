"""The linear student: logistic regression on n-grams around and between the arguments."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from harness.errors import ArtefactError
from harness.protocols import FitReport, Progress
from harness.relations import Example, Schema
from harness.students._cues import cues_of
from harness.students._probabilities import (
    ProbabilityOptions,
    Settled,
    check_prior,
    class_weights_of,
    settle,
)
from harness.students._saved import SAVE_AGAIN, options_of, read_saved, write_saved
from harness.students._training_rows import all_typed, not_fitted, targets_of, untyped_problems

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["LinearOptions", "LinearStudent"]

_CHUNK = 4096  # examples whose cues are held together at prediction: memory stays flat


class LinearOptions(ProbabilityOptions):
    """Options of ``linear.v1``.

    Attributes:
        inverse_penalty: Inverse of the L2 penalty (scikit-learn's ``C``).
        min_count: Training examples that a cue must occur in.
        types: Whether entity types are cues: ``auto`` if every training mention has one.
        max_iterations: Upper bound on solver iterations.
    """

    inverse_penalty: float = Field(default=30.0, gt=0)
    min_count: int = Field(default=1, ge=1)
    types: bool | None = Field(default=None, description="null decides from the training rows")
    max_iterations: int = Field(default=300, ge=1)


@dataclass(frozen=True, slots=True)
class _Model:
    columns: dict[str, int]
    idf: NDArray[np.float32]  # (cues,)
    weights: NDArray[np.float32]  # (classes, cues)
    bias: NDArray[np.float32]  # (classes,)
    classes: NDArray[np.int64]  # (classes,): columns of the schema's labels
    typed: bool


class LinearStudent:
    """Multinomial logistic regression on TF-IDF-weighted cues.

    Trains in seconds and needs no weights. The solver is deterministic: the seed has no part
    in it. Its probabilities are calibrated only where the option ``temperature_scaling`` and dev
    rows say so.
    """

    name: ClassVar[str] = "linear.v1"
    summary: ClassVar[str] = "logistic regression on n-grams around and between the arguments"
    source: ClassVar[str] = "scikit-learn; cues after Zhou et al. 2005"
    Options: ClassVar[type[LinearOptions]] = LinearOptions

    def __init__(self, *, schema: Schema, options: LinearOptions | None = None) -> None:
        self._schema = schema
        self._options = options or LinearOptions()
        check_prior(self._options, schema, student=self.name)
        self._model: _Model | None = None
        self._settled = Settled()

    @property
    def schema(self) -> Schema:
        """The schema it was made with."""
        return self._schema

    @property
    def labels(self) -> tuple[str, ...]:
        """The schema's labels, in order."""
        return self._schema.label_names

    def fit(
        self,
        *,
        examples: Sequence[Example],
        seed: int,
        dev: Sequence[Example] = (),
        progress: Progress | None = None,
    ) -> FitReport:
        """Trains on labelled examples; ``seed`` changes nothing, ``dev`` the temperature alone.

        Raises:
            DataError: When an example has no label of the schema, or no type where types are on.
        """
        from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

        start = time.perf_counter()
        targets = np.array(targets_of(examples, self._schema, role="training"))
        typed = self._options.types
        if typed is None:
            typed = all_typed(examples)
        elif typed:
            untyped_problems(examples, fix="give types, or set types: false")
        cues = [cues_of(example, typed=typed) for example in examples]
        counts = Counter(cue for row in cues for cue in row)
        kept = sorted(cue for cue, count in counts.items() if count >= self._options.min_count)
        columns = {cue: i for i, cue in enumerate(kept)}
        documents = np.array([counts[cue] for cue in kept], dtype=np.float64)
        idf = (np.log((1 + len(cues)) / (1 + documents)) + 1).astype(np.float32)

        classes = np.unique(targets)
        weights = np.zeros((len(classes), len(kept)), dtype=np.float32)
        bias = np.zeros(len(classes), dtype=np.float32)
        steps = 0
        if len(classes) > 1:
            regression = LogisticRegression(
                C=self._options.inverse_penalty, max_iter=self._options.max_iterations
            )
            weighed = None
            if self._options.class_weights == "balanced":
                weighed = class_weights_of(targets.tolist(), len(self.labels))[targets]
            regression.fit(_matrix(cues, columns, idf), targets, sample_weight=weighed)
            # With two classes scikit-learn keeps only the second one's logit.
            weights[-len(regression.coef_) :] = regression.coef_
            bias[-len(regression.coef_) :] = regression.intercept_
            steps = int(np.max(regression.n_iter_))
        self._model = _Model(columns, idf, weights, bias, classes, typed)
        if progress is not None:
            progress(1, 1)
        notes = [f"{len(kept)} cues"]
        if steps >= self._options.max_iterations:
            notes.append("the solver stopped at max_iterations before it converged")
        settled = settle(
            self._options,
            labels=self.labels,
            targets=targets.tolist(),
            dev=self._raw(self._model, dev) if self._options.temperature_scaling and dev else None,
            dev_targets=targets_of(dev, self._schema, role="dev") if dev else [],
        )
        self._settled = settled.settled
        notes += settled.notes
        return FitReport(
            examples=len(examples),
            steps=steps,
            seconds=time.perf_counter() - start,
            notes=tuple(notes),
        )

    def predict_proba(
        self, *, examples: Sequence[Example], progress: Progress | None = None
    ) -> NDArray[np.float64]:
        """Probabilities of shape (examples, labels); a label never trained on gets 0.

        Raises:
            DataError: When the student was trained with types and an example has none.
            CalldistilError: When the student was not trained.
        """
        model = self._model
        if model is None:
            raise not_fitted(self.name)
        if model.typed:
            untyped_problems(examples, fix="give types, or train with types: false")
        result = self._settled.apply(self._raw(model, examples))
        if progress is not None:
            progress(len(examples), len(examples))
        return result

    def _raw(self, model: _Model, examples: Sequence[Example]) -> NDArray[np.float64]:
        """Probabilities before priors and temperature."""
        result = np.zeros((len(examples), len(self.labels)))
        weights = model.weights.T.astype(np.float64)
        for start in range(0, len(examples), _CHUNK):
            part = examples[start : start + _CHUNK]
            cues = [cues_of(example, typed=model.typed) for example in part]
            logits = np.asarray(_matrix(cues, model.columns, model.idf) @ weights) + model.bias
            shares = np.exp(logits - logits.max(axis=1, keepdims=True))
            shares /= shares.sum(axis=1, keepdims=True)
            result[start : start + len(part), model.classes] = shares
        return result

    def save(self, *, folder: Path) -> None:
        """Writes ``student.json``, ``schema.yaml``, ``cues.json`` and ``model.safetensors``."""
        from safetensors.numpy import save_file

        model = self._model
        if model is None:
            raise not_fitted(self.name)
        write_saved(
            folder,
            name=self.name,
            schema=self._schema,
            options=self._options,
            fitted={
                "typed": model.typed,
                "probabilities": self._settled.model_dump(mode="json"),
            },
        )
        (folder / "cues.json").write_text(
            json.dumps(list(model.columns), ensure_ascii=False), encoding="utf-8"
        )
        arrays: dict[str, NDArray[Any]] = {
            "idf": model.idf,
            "weights": model.weights,
            "bias": model.bias,
            "classes": model.classes,
        }
        save_file(arrays, folder / "model.safetensors")

    @classmethod
    def load(cls, *, folder: Path) -> Self:
        """Reads what ``save`` wrote.

        Raises:
            ArtefactError: When a file is absent, broken, or does not fit the others.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        saved = read_saved(folder)
        options = options_of(saved, LinearOptions, folder=folder)
        student = cls(schema=saved.schema, options=options)
        try:
            arrays: dict[str, Any] = load_file(folder / "model.safetensors")
            cues = json.loads((folder / "cues.json").read_text(encoding="utf-8"))
            model = _Model(
                columns={cue: i for i, cue in enumerate(cues)},
                idf=arrays["idf"],
                weights=arrays["weights"],
                bias=arrays["bias"],
                classes=arrays["classes"],
                typed=bool(saved.fitted["typed"]),
            )
            shapes_fit = (
                len(model.columns) == len(cues)
                and model.idf.shape == (len(cues),)
                and model.weights.shape == (len(model.classes), len(cues))
                and model.bias.shape == model.classes.shape
                and set(model.classes.tolist()) <= set(range(len(student.labels)))
            )
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise ArtefactError(
                f"The linear student in {folder} cannot be read: {error}",
                hint=SAVE_AGAIN,
            ) from None
        if not shapes_fit:
            raise ArtefactError(
                f"The weights and the cues in {folder} do not fit each other.",
                hint=SAVE_AGAIN,
            )
        student._model = model
        student._settled = Settled.read(saved.fitted)
        return student


def _matrix(
    cues: Sequence[Sequence[str]], columns: dict[str, int], idf: NDArray[np.float32]
) -> csr_matrix:
    """TF-IDF rows of unit length, shape (examples, cues)."""
    from scipy.sparse import csr_matrix

    indices: list[int] = []
    borders = [0]
    for row in cues:
        indices += sorted(columns[cue] for cue in row if cue in columns)
        borders.append(len(indices))
    at = np.array(indices, dtype=np.int64)
    values = idf[at].astype(np.float64)
    rows = np.repeat(np.arange(len(cues)), np.diff(borders))
    norms = np.sqrt(np.bincount(rows, values**2, minlength=len(cues)))
    values /= np.where(norms > 0, norms, 1)[rows]
    return csr_matrix((values, at, np.array(borders)), shape=(len(cues), len(columns)))
