"""RAG4RE: one question, with the most similar training sentence as an unlabelled example."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, Field

from agents.extractors._label_extractor import ExtractorOptions, LabelExtractor
from agents.prompts import render
from harness.errors import ConfigError, Problem
from harness.protocols import AgentContext, Dialogue, Message, NeighbourSearch
from harness.relations import Example, Prediction, render_marked

__all__ = ["Rag4reExtractor", "Rag4reOptions"]


class Rag4reOptions(ExtractorOptions):
    """Options of ``rag4re.v1``.

    Attributes:
        retrieval: Whether the nearest training sentence is shown; False asks the published plain
            question.
        labels: The relation types in the order in which they are listed; the schema's order if
            left out. The published lists have the order of a Python set of one run.
        encoder: The sentence encoder of the search.
    """

    retrieval: bool = True
    labels: tuple[str, ...] = ()
    encoder: str = Field(default="all-MiniLM-L6-v2", min_length=1)


class Rag4reExtractor(LabelExtractor[Rag4reOptions]):
    """One round; the neighbour's label is not shown."""

    summary: ClassVar[str] = "One call per sentence, with its nearest training sentence unlabelled."
    source: ClassVar[str] = "Efeoglu and Paschke 2024, RAG4RE (arXiv 2404.13397)"
    Options: ClassVar[type[BaseModel]] = Rag4reOptions

    def __init__(self, *, context: AgentContext, options: Rag4reOptions) -> None:
        super().__init__(context=context, options=options)
        unknown = [label for label in options.labels if label not in context.schema]
        if unknown:
            known = ", ".join(context.schema.label_names)
            raise ConfigError(
                [
                    Problem(
                        f"rag4re.v1: {label!r} is not a label of the schema", f"one of: {known}"
                    )
                    for label in unknown
                ]
            )

    @classmethod
    def neighbour_search(cls, *, options: Rag4reOptions) -> NeighbourSearch | None:
        """The one training sentence whose text, without markers, is nearest."""
        if not options.retrieval:
            return None
        return NeighbourSearch(
            pool="train",
            count=1,
            representation="text",
            encoder=options.encoder,
            shows_labels=False,
        )

    def extract(self, *, example: Example) -> Dialogue[Prediction]:
        """Asks once and reads the answer; what cannot be read is a typed outcome."""
        near = self._context.neighbours.get(example.id, ())
        markers = self._schema.markers
        listed = self._options.labels or self._schema.label_names
        offered = set(self._offered(example))
        content = render(
            "rag4re.retrieval.v1" if near else "rag4re.plain.v1",
            head_name=markers.head,
            tail_name=markers.tail,
            neighbour=render_marked(near[0].example, markers) if near else None,
            sentence=render_marked(example, markers),
            head=example.head.surface,
            tail=example.tail.surface,
            labels=[label for label in listed if label in offered],
        )
        (completion,) = yield [self._request(Message(role="user", content=content))]
        return self._read(example, completion)
