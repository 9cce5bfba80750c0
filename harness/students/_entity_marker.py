"""The entity-marker student: a transformers encoder that sees head and tail in markers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from harness.protocols import FitReport, Progress
from harness.relations import Example, Schema
from harness.students._backbone import (
    DEFAULT_BACKBONE,
    backbone_folder,
    load_encoder,
    load_tokenizer,
    quiet_transformers,
    require_torch,
)
from harness.students._marking import MarkerStyle, MarkerVocabulary, marker_tags
from harness.students._saved import options_of, read_saved, write_saved
from harness.students._training_options import Pooling, TrainingOptions
from harness.students._training_rows import all_typed, not_fitted, targets_of, untyped_problems

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from harness.students._network import MarkerClassifier

__all__ = ["EntityMarkerOptions", "EntityMarkerStudent"]

_CHUNK = 4096  # examples that are tokenised together at prediction: memory stays flat
_TYPE_WORDS = {
    "PER": "person",
    "ORG": "organization",
    "LOC": "location",
    "GPE": "place",
    "MISC": "thing",
    "PROD": "product",
}


class EntityMarkerOptions(TrainingOptions):
    """Options of ``entity_marker.v1``.

    Attributes:
        backbone: The default, a folder, or the name of a model on the hub.
        marker: ``punct`` ``@ head @ ... # tail #``, ``tag`` ``[E1] head [/E1]``, and both with
            entity types. ``auto`` is ``typed_punct`` if the schema has types and every
            training mention has one, else ``punct``.
        type_words: Words that ``typed_punct`` writes for a type; others in lower case.
        pooling: ``start_markers`` joins the states of both start markers, ``mean_span`` the
            means over both mentions, ``cls`` takes the first token's.
        max_length: Upper bound on a sentence's tokens; context far from the mentions is cut.
        batch_tokens: Upper bound on a batch's tokens at prediction.
    """

    backbone: str = Field(default=DEFAULT_BACKBONE, min_length=1)
    marker: Literal["auto", "punct", "tag", "typed_punct", "typed_tag"] = "auto"
    type_words: dict[str, str] = Field(default_factory=lambda: dict(_TYPE_WORDS))
    pooling: Pooling = "start_markers"
    max_length: int = Field(default=128, ge=32)
    batch_tokens: int = Field(default=2048, ge=32)

    @model_validator(mode="after")
    def _tags_are_trained(self) -> Self:
        if not self.train_embeddings and self.marker in ("tag", "typed_tag"):
            raise ValueError("tag markers are new words: they need train_embeddings: true")
        return self


@dataclass(frozen=True, slots=True)
class _Fitted:
    style: MarkerStyle
    tokenizer: PreTrainedTokenizerBase
    vocabulary: MarkerVocabulary
    model: MarkerClassifier


class EntityMarkerStudent:
    """An encoder with entity markers and a linear classifier (Zhou and Chen 2022).

    Probabilities are the softmax of the classifier and are not calibrated.
    """

    name: ClassVar[str] = "entity_marker.v1"
    summary: ClassVar[str] = "transformers encoder with entity markers and a linear classifier"
    source: ClassVar[str] = "Zhou and Chen 2022, arXiv:2102.01373"
    Options: ClassVar[type[EntityMarkerOptions]] = EntityMarkerOptions

    def __init__(self, *, schema: Schema, options: EntityMarkerOptions | None = None) -> None:
        require_torch(f"the student {self.name}")
        self._schema = schema
        self._options = options or EntityMarkerOptions()
        self._fitted: _Fitted | None = None

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

        from harness.students._network import MarkerClassifier
        from harness.students._training import DevSet, bf16_wanted, train

        start = time.perf_counter()
        options = self._options
        targets = targets_of(examples, self._schema, role="training")
        dev_targets = targets_of(dev, self._schema, role="dev") if dev else []
        style, notes = self._style(examples)
        source = backbone_folder(options.backbone)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            tokenizer, encoder = load_tokenizer(source), load_encoder(source)
            tags = marker_tags(style, self._types(examples))
            if tags:
                tokenizer.add_tokens(tags, special_tokens=True)
                encoder.resize_token_embeddings(len(tokenizer), mean_resizing=False)
            vocabulary = self._vocabulary(tokenizer, encoder.config, style)
            model = MarkerClassifier(encoder, pooling=options.pooling, labels=len(self.labels))
            dev_set = None
            if options.patience is not None and dev:
                dev_set = DevSet(vocabulary.encode(dev), dev_targets)
            elif options.patience is not None:
                notes.append("no dev examples: early stopping is off")
            bf16 = bf16_wanted(options.precision)
            trained = train(
                model,
                vocabulary.encode(examples),
                targets,
                options,
                seed=seed,
                pad=_pad(tokenizer),
                bf16=bf16,
                dev=dev_set,
                progress=progress,
            )
        self._fitted = _Fitted(style, tokenizer, vocabulary, model)
        notes += [f"markers: {style}", f"precision: {'bf16' if bf16 else 'fp32'}"]
        if trained.best_epoch is not None:
            notes.append(
                f"kept epoch {trained.best_epoch} of {len(trained.losses)}, by dev accuracy"
            )
        return FitReport(
            examples=len(examples),
            steps=trained.steps,
            seconds=time.perf_counter() - start,
            losses=trained.losses,
            notes=tuple(notes),
        )

    def predict_proba(
        self, *, examples: Sequence[Example], progress: Progress | None = None
    ) -> NDArray[np.float64]:
        """Probabilities of shape (examples, labels); rows sum to 1.

        Raises:
            DataError: When the markers are typed and an example has no types.
            CalldistilError: When the student was not trained.
        """
        from harness.students._training import bf16_wanted, predict

        fitted = self._ready()
        if fitted.style.startswith("typed"):
            untyped_problems(examples, fix="give types, or train with marker: punct")
        result = np.zeros((len(examples), len(self.labels)))
        for start in range(0, len(examples), _CHUNK):
            rows = fitted.vocabulary.encode(examples[start : start + _CHUNK])

            def report(done: int, _: int, start: int = start) -> None:
                if progress is not None:
                    progress(start + done, len(examples))

            result[start : start + len(rows)] = predict(
                fitted.model,
                rows,
                pad=_pad(fitted.tokenizer),
                tokens=self._options.batch_tokens,
                bf16=bf16_wanted(self._options.precision),
                progress=report,
            )
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
            options=self._options,
            fitted={"marker": fitted.style},
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
        from harness.students._restored import restore_classifier, restore_style

        style = restore_style(saved, folder)
        tokenizer, model = restore_classifier(
            folder, pooling=student._options.pooling, labels=len(student.labels)
        )
        vocabulary = student._vocabulary(tokenizer, model.encoder.config, style)
        student._fitted = _Fitted(style, tokenizer, vocabulary, model)
        return student

    def _ready(self) -> _Fitted:
        if self._fitted is None:
            raise not_fitted(self.name)
        return self._fitted

    def _style(self, examples: Sequence[Example]) -> tuple[MarkerStyle, list[str]]:
        """The markers to train with, and what a reader should know of the choice."""
        style = self._options.marker
        if style == "auto":
            if not self._schema.entity_types:
                return "punct", []
            if all_typed(examples):
                return "typed_punct", []
            lacking = sum(not all_typed([example]) for example in examples)
            return "punct", [
                f"markers without types: {lacking} of {len(examples)} training examples lack them"
            ]
        if style in ("typed_punct", "typed_tag"):
            untyped_problems(examples, fix="give types, or set marker: punct")
        return style, []

    def _types(self, examples: Sequence[Example]) -> list[str]:
        found = {m.type for e in examples for m in (e.head, e.tail) if m.type}
        return sorted(found | set(self._schema.entity_types))

    def _vocabulary(
        self, tokenizer: PreTrainedTokenizerBase, config: Any, style: MarkerStyle
    ) -> MarkerVocabulary:
        # RoBERTa's first positions are taken: 514 positions hold 512 tokens.
        room = int(getattr(config, "max_position_embeddings", 512))
        if config.model_type in ("roberta", "xlm-roberta", "camembert", "mpnet"):
            room -= int(config.pad_token_id) + 1
        return MarkerVocabulary(
            tokenizer,
            style=style,
            type_words=self._options.type_words,
            max_length=min(self._options.max_length, room),
        )


def _pad(tokenizer: PreTrainedTokenizerBase) -> int:
    pad = tokenizer.pad_token_id
    return pad if isinstance(pad, int) else 0
