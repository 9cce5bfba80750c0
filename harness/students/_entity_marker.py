"""The entity-marker student: a transformers encoder that sees head and tail in markers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from harness.relations import Example
from harness.students._exported import GraphExport
from harness.students._marking import MarkerVocabulary, marker_tags
from harness.students._neural import Fitted, NeuralStudent
from harness.students._probabilities import Settled
from harness.students._saved import SavedStudent
from harness.students._training_options import NeuralOptions, Pooling
from harness.students._training_rows import all_typed, untyped_problems

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from harness.students._loaded import Backbone
    from harness.students._network import MarkerClassifier

__all__ = ["TYPE_WORDS", "EntityMarkerOptions", "EntityMarkerStudent"]

TYPE_WORDS = {
    "PER": "person",
    "ORG": "organization",
    "LOC": "location",
    "GPE": "place",
    "MISC": "thing",
    "PROD": "product",
}
_NEED_TYPES = ("typed_punct", "typed_tag", "typed_mask")
_NEW_WORDS = ("tag", "typed_tag", "mask", "typed_mask")


class EntityMarkerOptions(NeuralOptions):
    """Options of ``entity_marker.v1``.

    Attributes:
        marker: ``punct`` ``@ head @ ... # tail #``, ``tag`` ``[E1] head [/E1]``, ``mask``
            ``[SUBJ]`` in the head's place, and all with entity types. ``auto`` is
            ``typed_punct`` if the schema has types and every training mention has one, else
            ``punct``.
        type_words: Words that ``typed_punct`` writes for a type; others in lower case.
        pooling: ``start_markers`` joins the states of both start markers, ``mean_span`` the
            means over both mentions, ``cls`` takes the first token's, ``joined`` joins all five.
        hidden_layer: Whether a layer with a ReLU stands before the linear one.
    """

    marker: Literal["auto", "punct", "tag", "mask", "typed_punct", "typed_tag", "typed_mask"] = (
        "auto"
    )
    type_words: dict[str, str] = Field(default_factory=lambda: dict(TYPE_WORDS))
    pooling: Pooling = "start_markers"
    hidden_layer: bool = False

    @model_validator(mode="after")
    def _tags_are_trained(self) -> Self:
        if not self.train_embeddings and self.marker in _NEW_WORDS:
            raise ValueError(f"{self.marker} markers are new words: train_embeddings must be true")
        return self


class EntityMarkerStudent(GraphExport, NeuralStudent[EntityMarkerOptions, "MarkerClassifier"]):
    """An encoder with entity markers and a linear classifier (Zhou and Chen 2022).

    Probabilities are the softmax of the classifier; they are calibrated only where the option
    ``temperature_scaling`` and dev rows say so.
    """

    name: ClassVar[str] = "entity_marker.v1"
    summary: ClassVar[str] = "transformers encoder with entity markers and a linear classifier"
    source: ClassVar[str] = "Zhou and Chen 2022, arXiv:2102.01373"
    Options: ClassVar[type[EntityMarkerOptions]] = EntityMarkerOptions

    def _style(self, examples: Sequence[Example]) -> tuple[str, list[str]]:
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
        if style in _NEED_TYPES:
            untyped_problems(examples, fix="give types, or set marker: punct")
        return style, []

    def _refuse(self, style: str, examples: Sequence[Example]) -> None:
        if style in _NEED_TYPES:
            untyped_problems(examples, fix="give types, or train with marker: punct")

    def _new_words(self, style: str, examples: Sequence[Example]) -> list[str]:
        found = {m.type for e in examples for m in (e.head, e.tail) if m.type}
        return marker_tags(style, sorted(found | set(self._schema.entity_types)))

    def _network(self, backbone: Backbone, style: str) -> MarkerClassifier:
        from harness.students._network import MarkerClassifier

        return MarkerClassifier(
            backbone.encoder,
            pooling=self._options.pooling,
            labels=len(self.labels),
            hidden=self._options.hidden_layer,
        )

    def _vocabulary(
        self, tokenizer: PreTrainedTokenizerBase, config: Any, style: str
    ) -> MarkerVocabulary:
        return MarkerVocabulary(
            tokenizer,
            style=style,
            type_words=self._options.type_words,
            max_length=self._room(config),
        )

    def _restored(self, saved: SavedStudent, folder: Path) -> Fitted[MarkerClassifier]:
        from harness.students._network import MarkerClassifier
        from harness.students._restored import restore_network, restore_style

        style = restore_style(saved, folder)
        tokenizer, model = restore_network(
            folder,
            lambda encoder: MarkerClassifier(
                encoder,
                pooling=self._options.pooling,
                labels=len(self.labels),
                hidden=self._options.hidden_layer,
            ),
        )
        vocabulary = self._vocabulary(tokenizer, model.encoder.config, style)
        return Fitted(style, tokenizer, vocabulary, model, Settled.read(saved.fitted))
