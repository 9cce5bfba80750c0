"""The extractor that shows the schema and asks for one label."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel

from agents.extractors._parse import parse_label_answer
from agents.prompts import extract_messages
from harness.documents import FileModel
from harness.protocols import AgentContext, Dialogue, Request
from harness.relations import Example, Prediction

__all__ = ["ZeroShotExtractor", "ZeroShotOptions"]


class ZeroShotOptions(FileModel):
    """The extractor ``zero_shot.v1`` has no options: its wording is its version."""


class ZeroShotExtractor:
    """One round: the schema as system message, the marked sentence, one label as JSON."""

    summary: ClassVar[str] = "One call per sentence: the schema, the marked sentence, one label."
    source: ClassVar[str] = "calldistil"
    Options: ClassVar[type[BaseModel]] = ZeroShotOptions
    uses_few_shot: ClassVar[bool] = False

    template: ClassVar[str] = "extract.zero_shot.v1"

    def __init__(self, *, context: AgentContext, options: ZeroShotOptions) -> None:
        self._context = context

    def extract(self, *, example: Example) -> Dialogue[Prediction]:
        """Asks once and reads the answer; what cannot be read is a typed outcome."""
        messages = extract_messages(
            schema=self._context.schema, example=example, template=self.template
        )
        request = Request(
            messages=messages, sampling=self._context.sampling, repeat=self._context.repeat
        )
        (completion,) = yield [request]
        parsed = parse_label_answer(completion.text, self._context.schema, completion.finish)
        return Prediction(
            example_id=example.id,
            label=parsed.label,
            outcome=parsed.outcome,
            answer=completion.text,
        )
