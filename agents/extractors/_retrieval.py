"""GPT-RE: demonstrations chosen for each sentence by nearest neighbours."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import BaseModel, Field, model_validator

from agents.extractors._schema_extractor import SchemaExtractor, SchemaOptions
from agents.prompts import Demonstration, explain_messages, labelling_messages
from harness.protocols import (
    Completion,
    Dialogue,
    NeighbourSearch,
    PlannedRound,
    Representation,
    Request,
)
from harness.relations import Example, Prediction

__all__ = ["RetrievalExtractor", "RetrievalOptions"]


class RetrievalOptions(SchemaOptions):
    """Options of ``retrieval.v1``.

    Attributes:
        count: Demonstrations per sentence.
        pool: Where they come from: the full training set or the few-shot set of the seed.
        representation: What of an example is encoded: ``mentions`` (the states of both
            mentions), ``pair`` (a phrase that names the pair, before the sentence), ``marked``
            or ``text``.
        encoder: The sentence encoder, or the folder of a fine-tuned one.
        nearest: Whether the nearest demonstration stands last, next to the sentence, or first.
        reasoning: Whether a first round asks why each demonstration has its label, and the
            reasons are shown with it; the answer is then reasons and JSON, whatever ``form``.
    """

    count: int = Field(default=8, ge=1)
    pool: Literal["train", "few_shot"] = "train"
    representation: Representation = "mentions"
    encoder: str = Field(default="all-MiniLM-L6-v2", min_length=1)
    nearest: Literal["last", "first"] = "last"
    reasoning: bool = False

    @model_validator(mode="after")
    def _reasons_are_written(self) -> Self:
        if self.reasoning and (self.form == "scores" or self.constrained):
            raise ValueError(
                "with reasoning the answer is written freely: no scores, unconstrained"
            )
        return self


class RetrievalExtractor(SchemaExtractor[RetrievalOptions]):
    """One round, or two with reasoning; the few-shot turns of ``few_shot.v1``, chosen anew."""

    summary: ClassVar[str] = "One call per sentence, after the labelled sentences nearest to it."
    source: ClassVar[str] = "Wan et al. 2023, GPT-RE (arXiv 2305.02105)"
    Options: ClassVar[type[BaseModel]] = RetrievalOptions

    @classmethod
    def neighbour_search(cls, *, options: RetrievalOptions) -> NeighbourSearch:
        """The examples whose pairs are nearest."""
        return NeighbourSearch(
            pool=options.pool,
            count=options.count,
            representation=options.representation,
            encoder=options.encoder,
        )

    def later_rounds(self, *, example: Example) -> tuple[PlannedRound, ...]:
        """With reasoning the label is asked for in a second round."""
        return (PlannedRound.exactly(1),) if self._options.reasoning else ()

    def extract(self, *, example: Example) -> Dialogue[Prediction]:
        """Asks for reasons where they are wanted, and then for the label."""
        near = [neighbour.example for neighbour in self._context.neighbours.get(example.id, ())]
        if self._options.nearest == "last":
            near.reverse()
        if not self._options.reasoning:
            (completion,) = yield [self._asking(example, [Demonstration(shown) for shown in near])]
            return self._answered(example, completion)
        answers = (yield [self._why(shown) for shown in near]) if near else ()
        messages = labelling_messages(
            schema=self._schema,
            example=example,
            labels=self._offered(example),
            definitions=self._options.definitions,
            form="reasoned",
            demonstrations=[
                Demonstration(shown, _one_line(answer))
                for shown, answer in zip(near, answers, strict=True)
            ],
        )
        (completion,) = yield [self._request(*messages)]
        return self._read(example, completion)

    def _why(self, shown: Example) -> Request:
        """Asks for the reasons behind a gold label; the same request for every sentence."""
        return self._request(*explain_messages(schema=self._schema, example=shown))


def _one_line(answer: Completion) -> str | None:
    return " ".join(answer.text.split()) or None
