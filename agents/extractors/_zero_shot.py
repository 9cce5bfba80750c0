"""The extractor that shows the schema and asks for one label."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel

from agents.extractors._label_extractor import ExtractorOptions, LabelExtractor
from agents.prompts import labelling_messages
from harness.protocols import Dialogue
from harness.relations import Example, Prediction

__all__ = ["ZeroShotExtractor", "ZeroShotOptions"]


class ZeroShotOptions(ExtractorOptions):
    """Options of ``zero_shot.v1``; the defaults are the wording of the recordings.

    Attributes:
        definitions: Whether labels are shown with what they mean.
        form: Whether the answer is a JSON object or the bare label.
    """

    definitions: bool = True
    form: Literal["json", "text"] = "json"


class ZeroShotExtractor(LabelExtractor[ZeroShotOptions]):
    """One round: the schema as system message, the marked sentence, one label."""

    summary: ClassVar[str] = "One call per sentence: the schema, the marked sentence, one label."
    source: ClassVar[str] = "calldistil"
    Options: ClassVar[type[BaseModel]] = ZeroShotOptions

    def extract(self, *, example: Example) -> Dialogue[Prediction]:
        """Asks once and reads the answer; what cannot be read is a typed outcome."""
        messages = labelling_messages(
            schema=self._schema,
            example=example,
            labels=self._offered(example),
            definitions=self._options.definitions,
            form=self._options.form,
        )
        (completion,) = yield [self._request(*messages)]
        return self._read(example, completion)
