"""The frozen-encoder student: vectors that are made once, and a head that trains in seconds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from harness.errors import ArtefactError, ConfigError
from harness.protocols import Encoding, FitReport, Progress, Representation
from harness.relations import Example, Schema
from harness.students._backbone import (
    DEFAULT_BACKBONE,
    backbone_folder,
    load_encoder,
    load_tokenizer,
    quiet_transformers,
    require_torch,
)
from harness.students._encode import encode_with, parts_of
from harness.students._frozen_heads import Head, fit_head, head_of
from harness.students._probabilities import (
    ProbabilityOptions,
    Settled,
    check_prior,
    class_weights_of,
    settle,
)
from harness.students._saved import SAVE_AGAIN, options_of, read_saved, write_saved
from harness.students._training_rows import not_fitted, targets_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = ["FrozenEncoderOptions", "FrozenEncoderStudent"]

_HEAD = "head.safetensors"


class FrozenEncoderOptions(ProbabilityOptions):
    """Options of ``frozen_encoder.v1``.

    Attributes:
        backbone: The default, a folder, or the name of a model on the hub. It is not trained.
        representations: What of an example is encoded; several are joined.
        head: ``linear`` (logistic regression), ``mlp`` (one hidden layer) or ``knn``.
        inverse_penalty: ``linear``: inverse of the L2 penalty.
        hidden: ``mlp``: width of the hidden layer.
        penalty: ``mlp``: L2 penalty.
        iterations: ``linear`` and ``mlp``: upper bound on the solver's iterations or epochs; null
            is 300 or 100.
        neighbours: ``knn``: rows that are looked up.
        scale: ``knn``: cosine distance by which a neighbour's weight falls to 1/e.
    """

    backbone: str = Field(default=DEFAULT_BACKBONE, min_length=1)
    representations: tuple[Representation, ...] = Field(default=("spans",), min_length=1)
    head: Literal["linear", "mlp", "knn"] = "mlp"
    inverse_penalty: float = Field(default=30.0, gt=0)
    hidden: int = Field(default=256, ge=1)
    penalty: float = Field(default=1e-3, ge=0)
    iterations: int | None = Field(default=None, ge=1)
    neighbours: int = Field(default=16, ge=1)
    scale: float = Field(default=0.05, gt=0)

    @property
    def most_iterations(self) -> int:
        """The upper bound in force."""
        return self.iterations or (100 if self.head == "mlp" else 300)


@dataclass(frozen=True, slots=True)
class _Encoder:
    tokenizer: PreTrainedTokenizerBase
    model: PreTrainedModel


class FrozenEncoderStudent:
    """A head on an encoder's vectors: the cheapest neural student.

    In an experiment the vectors of the training rows are artefacts of their own, which every
    head and seed shares. Probabilities are calibrated only where the option
    ``temperature_scaling`` and dev rows say so.
    """

    name: ClassVar[str] = "frozen_encoder.v1"
    summary: ClassVar[str] = "linear, MLP or nearest-neighbour head on a frozen encoder's vectors"
    source: ClassVar[str] = "Reimers and Gurevych 2019, arXiv:1908.10084; scikit-learn"
    Options: ClassVar[type[FrozenEncoderOptions]] = FrozenEncoderOptions

    def __init__(self, *, schema: Schema, options: FrozenEncoderOptions | None = None) -> None:
        require_torch(f"the student {self.name}")
        self._schema = schema
        self._options = options or FrozenEncoderOptions()
        check_prior(self._options, schema, student=self.name)
        self._encoder: _Encoder | None = None
        self._head: Head | None = None
        self._settled = Settled()

    @classmethod
    def encodings(cls, *, options: FrozenEncoderOptions) -> tuple[Encoding, ...]:
        """The encodings that its vectors join."""
        return tuple(Encoding(options.backbone, each) for each in options.representations)

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
        """Encodes the examples and trains the head.

        Raises:
            DataError: When an example has no label of the schema.
            ConfigError: When the backbone cannot be loaded.
        """
        start = time.perf_counter()
        targets_of(examples, self._schema, role="training")
        features = self._encoded(examples, progress)
        encoding = time.perf_counter() - start
        return self._fit(examples, features, seed, dev, encoding)

    def fit_features(
        self,
        *,
        examples: Sequence[Example],
        features: NDArray[np.float32],
        seed: int,
        dev: Sequence[Example] = (),
        progress: Progress | None = None,
    ) -> FitReport:
        """Trains the head on vectors that were made before, shape (examples, size)."""
        del progress
        return self._fit(examples, features, seed, dev, None)

    def _fit(
        self,
        examples: Sequence[Example],
        features: NDArray[np.float32],
        seed: int,
        dev: Sequence[Example],
        encoding: float | None,
    ) -> FitReport:
        start = time.perf_counter()
        options = self._options
        targets = np.array(targets_of(examples, self._schema, role="training"))
        dev_targets = targets_of(dev, self._schema, role="dev") if dev else []
        weights = None
        if options.class_weights == "balanced":
            weights = class_weights_of(targets.tolist(), len(self.labels))
        self._head, steps, notes = fit_head(
            features, targets, options, labels=len(self.labels), weights=weights, seed=seed
        )
        of_dev = None
        if options.temperature_scaling and dev:
            of_dev = self._head.shares(self._encoded(dev, None))
        settled = settle(
            options,
            labels=self.labels,
            targets=targets.tolist(),
            dev=of_dev,
            dev_targets=dev_targets,
        )
        self._settled = settled.settled
        if encoding is not None:
            notes.append(f"{encoding:.1f} s of it encoded the rows")
        return FitReport(
            examples=len(examples),
            steps=steps,
            seconds=time.perf_counter() - start + (encoding or 0.0),
            notes=(f"head: {options.head}", *notes, *settled.notes),
        )

    def predict_proba(
        self, *, examples: Sequence[Example], progress: Progress | None = None
    ) -> NDArray[np.float64]:
        """Probabilities of shape (examples, labels); rows sum to 1.

        Raises:
            CalldistilError: When the student was not trained.
        """
        if self._head is None:
            raise not_fitted(self.name)
        if not examples:
            return np.zeros((0, len(self.labels)))
        return self._settled.apply(self._head.shares(self._encoded(examples, progress)))

    def save(self, *, folder: Path) -> None:
        """Writes ``student.json``, ``schema.yaml``, the head, and the encoder as plain
        transformers reads it.
        """
        from safetensors.numpy import save_file

        if self._head is None:
            raise not_fitted(self.name)
        write_saved(
            folder,
            name=self.name,
            schema=self._schema,
            options=self._options,
            fitted={"probabilities": self._settled.model_dump(mode="json")},
        )
        encoder = self._loaded()
        with quiet_transformers():
            encoder.model.save_pretrained(folder)
            encoder.tokenizer.save_pretrained(folder)
        save_file(
            {name: np.ascontiguousarray(value) for name, value in self._head.arrays().items()},
            folder / _HEAD,
        )

    @classmethod
    def load(cls, *, folder: Path) -> Self:
        """Reads what ``save`` wrote.

        Raises:
            ArtefactError: When a file is absent, broken, or does not fit the others.
            MissingExtraError: When torch or transformers are not installed.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        saved = read_saved(folder)
        student = cls(schema=saved.schema, options=options_of(saved, cls.Options, folder=folder))
        for name in ("config.json", "model.safetensors", "tokenizer.json", _HEAD):
            if not (folder / name).is_file():
                raise ArtefactError(f"{folder} lacks the student's {name}.", hint=SAVE_AGAIN)
        try:
            student._encoder = _Encoder(load_tokenizer(str(folder)), load_encoder(str(folder)))
            arrays: dict[str, Any] = load_file(folder / _HEAD)
            size = int(student._encoder.model.config.hidden_size)
            parts = [parts_of(each) for each in student._options.representations]
            student._head = head_of(
                student._options, arrays, size=size * sum(parts), labels=len(student.labels)
            )
        except ConfigError as error:
            raise ArtefactError(
                f"The student in {folder} cannot be read: {error.problems[0].what}",
                hint=SAVE_AGAIN,
            ) from None
        except (OSError, KeyError, ValueError, SafetensorError) as error:
            raise ArtefactError(
                f"The student's head in {folder} cannot be read: {error}", hint=SAVE_AGAIN
            ) from None
        student._settled = Settled.read(saved.fitted)
        return student

    def _loaded(self) -> _Encoder:
        if self._encoder is None:
            source = backbone_folder(self._options.backbone)
            self._encoder = _Encoder(load_tokenizer(source), load_encoder(source))
        return self._encoder

    def _encoded(
        self, examples: Sequence[Example], progress: Progress | None
    ) -> NDArray[np.float32]:
        encoder = self._loaded()
        parts = [
            encode_with(
                examples,
                each,
                encoder.tokenizer,
                encoder.model,
                markers=self._schema.markers,
                progress=progress,
            )
            for each in self._options.representations
        ]
        return np.concatenate(parts, axis=1)
