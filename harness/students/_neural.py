"""What the students with a fine-tuned backbone share: training, prediction, saving, loading."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from harness.protocols import FitReport, Progress
from harness.relations import Example, Schema
from harness.students._backbone import longest_input, quiet_transformers, require_torch
from harness.students._probabilities import Settled, check_prior, class_weights_of, settle
from harness.students._saved import SavedStudent, options_of, read_saved, write_saved
from harness.students._training_options import NeuralOptions
from harness.students._training_rows import not_fitted, targets_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from harness.students._loaded import Backbone
    from harness.students._marking import MarkedIds
    from harness.students._network import Network

__all__ = ["Fitted", "NeuralStudent", "Vocabulary"]

_CHUNK = 4096  # examples that are tokenised together at prediction: memory stays flat
O = TypeVar("O", bound=NeuralOptions)  # noqa: E741
N = TypeVar("N", bound="Network")


class Vocabulary(Protocol):
    """Writes examples as token ids."""

    def encode(self, examples: Sequence[Example]) -> list[MarkedIds]:
        """One row per example, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Fitted(Generic[N]):
    """A trained student.

    Attributes:
        style: What of the input was settled by the training rows: the markers.
        tokenizer: The backbone's tokenizer, with the words that training added.
        vocabulary: Writes examples as ids.
        model: Encoder and classifier.
        settled: What becomes of raw probabilities.
    """

    style: str
    tokenizer: PreTrainedTokenizerBase
    vocabulary: Vocabulary
    model: N
    settled: Settled


class NeuralStudent(ABC, Generic[O, N]):
    """A backbone that is fine-tuned with a classifier. What differs, subclasses fill in."""

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]
    Options: ClassVar[type[Any]]

    def __init__(self, *, schema: Schema, options: O | None = None) -> None:
        require_torch(f"the student {self.name}")
        self._schema = schema
        self._options: O = options or self.Options()
        check_prior(self._options, schema, student=self.name)
        self._fitted: Fitted[N] | None = None

    # -- what a subclass fills in --------------------------------------------------------------

    @abstractmethod
    def _style(self, examples: Sequence[Example]) -> tuple[str, list[str]]:
        """The markers to train with, and what a reader should know of the choice."""

    @abstractmethod
    def _new_words(self, style: str, examples: Sequence[Example]) -> list[str]:
        """Words to add to the tokenizer."""

    @abstractmethod
    def _network(self, backbone: Backbone, style: str) -> N:
        """The untrained network; the tokenizer knows the new words already."""

    @abstractmethod
    def _vocabulary(
        self, tokenizer: PreTrainedTokenizerBase, config: Any, style: str
    ) -> Vocabulary:
        """What writes examples as ids."""

    @abstractmethod
    def _restored(self, saved: SavedStudent, folder: Path) -> Fitted[N]:
        """A trained student from its folder."""

    def _refuse(self, style: str, examples: Sequence[Example]) -> None:
        """Raises DataError when examples lack what the markers need."""

    def _trained(
        self, fitted: Fitted[N], rows: Sequence[MarkedIds], targets: Sequence[int]
    ) -> list[str]:
        """What is left to do after training; returns notes."""
        del fitted, rows, targets
        return []

    def _facts(self, fitted: Fitted[N]) -> dict[str, Any]:
        """What else ``student.json`` must say for ``_restored``."""
        del fitted
        return {}

    def _raw(
        self, fitted: Fitted[N], rows: Sequence[MarkedIds], progress: Progress | None
    ) -> NDArray[np.float64]:
        """Probabilities of encoded rows before priors and temperature."""
        from harness.students._training import bf16_wanted, predict

        return predict(
            fitted.model,
            rows,
            pad=_pad(fitted.tokenizer),
            tokens=self._options.batch_tokens,
            bf16=bf16_wanted(self._options.precision),
            progress=progress,
        )

    # -- the protocol --------------------------------------------------------------------------

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
        """Fine-tunes the backbone on labelled examples.

        The same seed, examples, options, thread count and kind of CPU give the same weights.
        Progress counts optimiser steps.

        Raises:
            DataError: When an example has no label of the schema, or no type where types are on.
            ConfigError: When the backbone cannot be loaded.
        """
        import torch

        from harness.students._loaded import load_backbone
        from harness.students._training import DevSet, bf16_wanted, train

        start = time.perf_counter()
        options = self._options
        targets = targets_of(examples, self._schema, role="training")
        dev_targets = targets_of(dev, self._schema, role="dev") if dev else []
        style, notes = self._style(examples)
        bf16 = bf16_wanted(options.precision)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            backbone = load_backbone(options.backbone)
            if options.pretrain is not None:
                from harness.students._pretraining import pretrain

                notes += pretrain(
                    backbone, examples, self._schema, options.pretrain, seed=seed, bf16=bf16
                )
            backbone.add_words(self._new_words(style, examples))
            vocabulary = self._vocabulary(backbone.tokenizer, backbone.encoder.config, style)
            model = self._network(backbone, style)
            notes += backbone.notes
            dev_set = None
            if options.patience is not None and dev:
                dev_set = DevSet(vocabulary.encode(dev), dev_targets)
            elif options.patience is not None:
                notes.append("no dev examples: early stopping is off")
            rows = vocabulary.encode(examples)
            trained = train(
                model,
                rows,
                targets,
                options,
                seed=seed,
                pad=_pad(backbone.tokenizer),
                bf16=bf16,
                dev=dev_set,
                weights=class_weights_of(targets, len(self.labels))
                if options.class_weights == "balanced"
                else None,
                progress=progress,
            )
        fitted = Fitted(style, backbone.tokenizer, vocabulary, model, Settled())
        notes += [f"markers: {style}", f"precision: {'bf16' if bf16 else 'fp32'}"]
        if trained.best_epochs:
            kept = ", ".join(map(str, trained.best_epochs))
            notes.append(f"kept epoch {kept}, by dev accuracy")
        if options.soup > 1:
            notes.append(f"soup: mean weights of {options.soup} trainings")
        notes += self._settle(fitted, rows, targets, dev, dev_targets)
        return FitReport(
            examples=len(examples),
            steps=trained.steps,
            seconds=time.perf_counter() - start,
            losses=trained.losses,
            notes=tuple(notes),
        )

    def _settle(
        self,
        fitted: Fitted[N],
        rows: Sequence[MarkedIds],
        targets: Sequence[int],
        dev: Sequence[Example],
        dev_targets: Sequence[int],
    ) -> list[str]:
        """What follows the training of the network; the student is ready then. Returns notes."""
        notes = self._trained(fitted, rows, targets)
        of_dev = None
        if self._options.temperature_scaling and dev:
            of_dev = self._raw(fitted, fitted.vocabulary.encode(dev), None)
        settled = settle(
            self._options, labels=self.labels, targets=targets, dev=of_dev, dev_targets=dev_targets
        )
        self._fitted = replace(fitted, settled=settled.settled)
        return [*notes, *settled.notes]

    def predict_proba(
        self, *, examples: Sequence[Example], progress: Progress | None = None
    ) -> NDArray[np.float64]:
        """Probabilities of shape (examples, labels); rows sum to 1.

        Raises:
            DataError: When the markers are typed and an example has no types.
            CalldistilError: When the student was not trained.
        """
        fitted = self._ready()
        self._refuse(fitted.style, examples)
        result = np.zeros((len(examples), len(self.labels)))
        for start in range(0, len(examples), _CHUNK):
            rows = fitted.vocabulary.encode(examples[start : start + _CHUNK])

            def report(done: int, _: int, start: int = start) -> None:
                if progress is not None:
                    progress(start + done, len(examples))

            raw = self._raw(fitted, rows, report)
            result[start : start + len(rows)] = fitted.settled.apply(raw)
        return result

    def save(self, *, folder: Path) -> None:
        """Writes ``student.json``, ``schema.yaml``, the encoder as plain transformers reads it
        (``config.json``, ``model.safetensors``, ``tokenizer.json``) and the classifier.
        """
        from safetensors.torch import save_file

        fitted = self._ready()
        write_saved(
            folder,
            name=self.name,
            schema=self._schema,
            options=_without_folders(self._options),
            fitted={
                "marker": fitted.style,
                "probabilities": fitted.settled.model_dump(mode="json"),
                **self._facts(fitted),
            },
        )
        with quiet_transformers():
            fitted.model.encoder.save_pretrained(folder)
            fitted.tokenizer.save_pretrained(folder)
        save_file(
            {
                name: value.detach().contiguous()
                for name, value in fitted.model.classifier.state_dict().items()
            },
            folder / "classifier.safetensors",
        )

    @classmethod
    def load(cls, *, folder: Path) -> Self:
        """Reads what ``save`` wrote.

        Raises:
            ArtefactError: When a file is absent, broken, or does not fit the others.
            MissingExtraError: When torch or transformers are not installed.
        """
        saved = read_saved(folder)
        student = cls(schema=saved.schema, options=options_of(saved, cls.Options, folder=folder))
        student._fitted = student._restored(saved, folder)
        return student

    def _ready(self) -> Fitted[N]:
        if self._fitted is None:
            raise not_fitted(self.name)
        return self._fitted

    def _room(self, config: Any) -> int:
        """Tokens that an example may have."""
        return min(self._options.max_length, longest_input(config))


def _without_folders(options: O) -> O:
    """The options as they are saved: a file of explanations by its name, wherever it lay."""
    pretrain = options.pretrain
    if pretrain is None or pretrain.explanations is None:
        return options
    name = Path(pretrain.explanations.name)
    return options.model_copy(
        update={"pretrain": pretrain.model_copy(update={"explanations": name})}
    )


def _pad(tokenizer: PreTrainedTokenizerBase) -> int:
    pad = tokenizer.pad_token_id
    return pad if isinstance(pad, int) else 0
