"""A loaded backbone: tokenizer, encoder, and a masked-LM head where one is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.students._backbone import backbone_folder, load_encoder, load_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from harness.students._mlm import MlmHead

__all__ = ["Backbone", "load_backbone"]


@dataclass(slots=True)
class Backbone:
    """What a student fine-tunes. Training changes it in place.

    Attributes:
        source: Folder or hub name that it came from.
        tokenizer: Its tokenizer.
        encoder: Its encoder.
        notes: What a reader of a table should know of it.
    """

    source: str
    tokenizer: PreTrainedTokenizerBase
    encoder: PreTrainedModel
    notes: list[str] = field(default_factory=list)
    _head: MlmHead | None = None

    def add_words(self, words: Sequence[str]) -> None:
        """Adds special words with random embeddings."""
        if words:
            self.tokenizer.add_tokens(list(words), special_tokens=True)
            self.encoder.resize_token_embeddings(len(self.tokenizer), mean_resizing=False)

    def masked_lm(self) -> MlmHead:
        """The masked-LM head, loaded at the first call: a pretraining hands on what it trained."""
        if self._head is None:
            from harness.students._mlm import load_head

            self._head = load_head(self.source, self.encoder)
            if self._head.new:
                self.notes.append(
                    "masked-LM head: the checkpoint has none; decoder tied to the word embeddings,"
                    " transform and bias new"
                )
        return self._head


def load_backbone(name: str) -> Backbone:
    """Loads tokenizer and encoder.

    Raises:
        ConfigError: When they cannot be loaded, or the weights are not complete.
    """
    source = backbone_folder(name)
    return Backbone(source, load_tokenizer(source), load_encoder(source))
