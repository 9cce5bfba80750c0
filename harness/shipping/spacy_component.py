"""A spaCy component that labels pairs of entities. Imports spaCy: import this module late.

``nlp.add_pipe("calldistil_relations", config={"folder": "exported"})`` writes
``doc._.relations``: tuples of head, tail, label and probability.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import MissingExtraError
from harness.relations import Example, Mention
from harness.shipping._load import load_system

try:
    from spacy.language import Language
    from spacy.tokens import Doc, Span
except ImportError:
    raise MissingExtraError(package="spacy", extra="spacy", feature="the spaCy component") from None

__all__ = ["RelationsComponent", "SpacyRelation"]


@dataclass(frozen=True, slots=True)
class SpacyRelation:
    """A labelled pair of entities.

    Attributes:
        head: The head's span.
        tail: The tail's span.
        label: A label of the schema, never its NA label.
        probability: The label's probability, where the system gives one.
    """

    head: Any
    tail: Any
    label: str
    probability: float | None


class RelationsComponent:
    """Labels every ordered pair of different entities within a sentence.

    Args:
        folder: An exported system, or a saved student.
        types: spaCy's entity labels by the schema's types; others stay as they are.
    """

    def __init__(self, folder: Path, types: dict[str, str]) -> None:
        self._system = load_system(folder)
        self._types = types
        if not Doc.has_extension("relations"):
            Doc.set_extension("relations", default=())

    def __call__(self, doc: Doc) -> Doc:
        pairs = list(_pairs(doc))
        examples = [
            Example(
                str(place),
                sentence.text,
                self._mention(sentence, head),
                self._mention(sentence, tail),
            )
            for place, (sentence, head, tail) in enumerate(pairs)
        ]
        na = self._system.schema.na_label
        doc._.relations = tuple(
            SpacyRelation(head, tail, answer.label, answer.confidence)
            for (_, head, tail), answer in zip(pairs, self._system.answer(examples), strict=True)
            if answer.label not in (None, na)
        )
        return doc

    def _mention(self, sentence: Span, span: Span) -> Mention:
        start = span.start_char - sentence.start_char
        type_ = self._types.get(span.label_, span.label_) or None
        return Mention.of(sentence.text, start, start + len(span.text), type_)


def _pairs(doc: Doc) -> Iterator[tuple[Span, Span, Span]]:
    """Sentence, head and tail; a text without sentence borders is one sentence."""
    sentences = doc.sents if doc.has_annotation("SENT_START") else (doc[:],)
    for sentence in sentences:
        for head in sentence.ents:
            for tail in sentence.ents:
                if head.start != tail.start:
                    yield sentence, head, tail


@Language.factory("calldistil_relations", default_config={"types": {}})
def _make(nlp: Language, name: str, folder: str, types: dict[str, str]) -> RelationsComponent:
    return RelationsComponent(Path(folder), types)
