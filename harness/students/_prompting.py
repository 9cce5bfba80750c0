"""KnowPrompt's input: the sentence, and a prompt with a mask between head and tail.

Chen et al. 2022, section 4.1: ``[CLS] sentence [SEP] [sub] head [sub] [MASK] [obj] tail [obj] .``
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.relations import Example, Schema
from harness.students._marking import MarkedIds, MarkerVocabulary

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["HEAD_TYPE", "TAIL_TYPE", "PromptVocabulary", "label_words", "type_words"]

HEAD_TYPE, TAIL_TYPE = "[sub]", "[obj]"
_MENTION = 24  # tokens of a mention that the prompt repeats
_RELEASED = ("person", "organization", "location", "date", "country")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


class PromptVocabulary:
    """Writes examples as token ids with a prompt.

    Args:
        tokenizer: A fast tokenizer with a mask, which knows both type words already.
        style: How mentions are marked in the sentence.
        max_length: Upper bound on the ids of one example.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, *, style: str, max_length: int) -> None:
        self._tokenizer = tokenizer
        # The prompt takes what it needs of the length, and leaves the sentence a third.
        self._max_length = max_length
        self._mention = min(_MENTION, max(1, max_length // 6))
        self._room = max(max_length - 2 * self._mention - 9, max_length // 3)
        self._marked = MarkerVocabulary(
            tokenizer, style=style, type_words={}, max_length=self._room
        )
        head, tail = self._ids(HEAD_TYPE), self._ids(TAIL_TYPE)
        self._head, self._tail = head, tail
        self._stop = self._ids(" .")
        self._closing = self._marked.closing

    def encode(self, examples: Sequence[Example]) -> list[MarkedIds]:
        """One row per example; ``starts`` holds the mask, ``spans`` the prompt's mentions."""
        sentences = self._marked.encode(examples)
        surfaces = [f" {m.surface.strip()}" for e in examples for m in (e.head, e.tail)]
        mentions = self._pieces(surfaces)
        return [
            self._prompted(sentence.ids, mentions[2 * i], mentions[2 * i + 1])
            for i, sentence in enumerate(sentences)
        ]

    def _prompted(self, sentence: list[int], head: list[int], tail: list[int]) -> MarkedIds:
        ids = [*sentence, *self._head]
        head_span = (len(ids), len(ids) + len(head))
        ids += [*head, *self._head]
        mask = len(ids)
        mask_id = self._tokenizer.mask_token_id
        assert isinstance(mask_id, int)  # checked when the student was made
        ids += [mask_id, *self._tail]
        tail_span = (len(ids), len(ids) + len(tail))
        ids += [*tail, *self._tail, *self._stop, *self._closing]
        return MarkedIds(ids=ids, starts=(mask,), spans=(head_span, tail_span))

    def _ids(self, text: str) -> list[int]:
        found: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return found

    def _pieces(self, surfaces: list[str]) -> list[list[int]]:
        if not surfaces:
            return []
        unknown = self._tokenizer.unk_token_id
        found = self._tokenizer(
            surfaces, add_special_tokens=False, split_special_tokens=True, verbose=False
        )["input_ids"]
        return [
            ids[: self._mention] or [unknown if isinstance(unknown, int) else 0] for ids in found
        ]


def label_words(schema: Schema, label: str) -> str:
    """The words that a label's virtual answer word begins from: ``per:city_of_birth`` gives
    ``person city of birth``; the NA label gives ``no relation``.
    """
    relation = schema.relation_of(label)
    if relation is None:
        return "no relation"
    words = re.split(r"[\W_]+", _CAMEL.sub(" ", relation.name).lower())
    long = {"per": "person", "org": "organization", "loc": "location"}
    return " ".join(long.get(word, word) for word in words if word)


def type_words(schema: Schema, role: int) -> list[str]:
    """Words that a virtual type word begins from: the argument roles and entity types that the
    schema gives to a side (0 the head, 1 the tail), or those of the released code.
    """
    from harness.students._entity_marker import TYPE_WORDS

    found: list[str] = []
    for relation in schema.relations:
        types = relation.head_types if role == 0 else relation.tail_types
        found += [TYPE_WORDS.get(name, name.lower()) for name in types]
        if relation.arguments is not None:
            found += relation.arguments if schema.directed else [relation.arguments[role]]
    return sorted(set(found)) or list(_RELEASED)
