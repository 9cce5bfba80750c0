"""Bodies of requests and answers of the server."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from harness.documents import FileModel
from harness.errors import DataError, Problem
from harness.relations import Example, MarkedTextError, Mention, Schema, parse_marked

__all__ = [
    "AnswerBody",
    "ErrorBody",
    "ErrorDetail",
    "ExampleBody",
    "HealthBody",
    "MentionBody",
    "PredictBody",
    "PredictedBody",
    "SchemaBody",
]

_MOST_CHARACTERS = 20_000


class MentionBody(FileModel):
    """Half-open character offsets of a mention, and its entity type where it has one."""

    start: int = Field(ge=0)
    end: int = Field(gt=0)
    type: str | None = None


class ExampleBody(FileModel):
    """A sentence: ``text`` with ``head`` and ``tail``, or ``marked`` with both marked in it."""

    id: str | None = Field(default=None, max_length=1000)
    text: str | None = Field(default=None, min_length=1, max_length=_MOST_CHARACTERS)
    head: MentionBody | None = None
    tail: MentionBody | None = None
    marked: str | None = Field(default=None, min_length=1, max_length=_MOST_CHARACTERS)

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        spans = (self.text, self.head, self.tail)
        if self.marked is not None and any(part is not None for part in spans):
            raise ValueError("give text with head and tail, or marked, not both")
        if self.marked is None and any(part is None for part in spans):
            raise ValueError("give text, head and tail, or marked")
        return self

    def example(self, place: int, schema: Schema) -> Example:
        """The sentence as an example.

        Raises:
            DataError: When its spans or its marks are wrong.
        """
        id = self.id if self.id is not None else str(place)
        try:
            if self.marked is not None:
                found = parse_marked(self.marked, schema.markers)
                return Example(id, found.text, found.head, found.tail)
            assert self.text is not None and self.head is not None and self.tail is not None
            head = Mention.of(self.text, self.head.start, self.head.end, self.head.type)
            tail = Mention.of(self.text, self.tail.start, self.tail.end, self.tail.type)
            return Example(id, self.text, head, tail)
        except (MarkedTextError, ValueError) as error:
            fix = f"offsets are half-open characters; marks are <{schema.markers.head}>"
            raise DataError([Problem(f"examples[{place}]: {error}", fix)]) from None


class PredictBody(FileModel):
    """A request for labels."""

    examples: tuple[ExampleBody, ...] = Field(min_length=1)
    probabilities: bool = False


class AnswerBody(BaseModel):
    """One answer. ``relation`` is null where an LLM's answer could not be read."""

    model_config = ConfigDict(extra="forbid")

    id: str
    relation: str | None
    outcome: str | None = None
    probability: float | None = None
    probabilities: dict[str, float] | None = None


class PredictedBody(BaseModel):
    """The answers, in the order of the examples."""

    answers: list[AnswerBody]


class HealthBody(BaseModel):
    """How the server is."""

    status: str
    system: str
    kind: str
    version: str
    waiting: int


class SchemaBody(BaseModel):
    """What the answers may be."""

    name: str
    labels: list[str]
    na_label: str
    markers: dict[str, Any]


class ErrorDetail(BaseModel):
    """What went wrong: a code for programs, a message and how to mend it for people."""

    code: str
    message: str
    hint: str = ""


class ErrorBody(BaseModel):
    """The body of every answer that is no success."""

    error: ErrorDetail
