"""The extractor that shows the schema and asks for one label."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel

from agents.extractors._schema_extractor import SchemaExtractor, SchemaOptions
from harness.protocols import Dialogue
from harness.relations import Example, Prediction

__all__ = ["ZeroShotExtractor", "ZeroShotOptions"]


class ZeroShotOptions(SchemaOptions):
    """Options of ``zero_shot.v1``; the defaults are the wording of the recordings."""


class ZeroShotExtractor(SchemaExtractor[ZeroShotOptions]):
    """One round: the schema as system message, the marked sentence, one label."""

    summary: ClassVar[str] = "One call per sentence: the schema, the marked sentence, one label."
    source: ClassVar[str] = "calldistil"
    Options: ClassVar[type[BaseModel]] = ZeroShotOptions

    def extract(self, *, example: Example) -> Dialogue[Prediction]:
        """Asks once and reads the answer; what cannot be read is a typed outcome."""
        (completion,) = yield [self._asking(example)]
        return self._answered(example, completion)
