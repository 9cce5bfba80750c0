"""The gate ``round_trip``: does a second, blind reading give the label that was asked for?"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, Field, ValidationError, model_validator

from harness.documents import FileModel
from harness.errors import ConfigError
from harness.protocols import KEPT, AgentContext, Dialogue, Judgement, SearchesNeighbours
from harness.registry import extractors
from harness.relations import Example, Prediction

__all__ = ["RoundTrip", "RoundTripOptions"]


class RoundTripOptions(FileModel):
    """Options of ``round_trip.v1``.

    Attributes:
        extractor: The extractor that reads the rows; one that searches for neighbours has none
            to find here.
        extractor_options: Its options.
        direction: Whether a reading of the same relation the other way round is a rejection.
    """

    extractor: str = Field(default="zero_shot.v1", min_length=1)
    extractor_options: dict[str, Any] = Field(default_factory=dict)
    direction: bool = True

    @model_validator(mode="after")
    def _can_read(self) -> RoundTripOptions:
        try:
            kind: Any = extractors.get(self.extractor)
            options = kind.Options.model_validate(self.extractor_options)
        except ConfigError as error:
            raise ValueError("; ".join(map(str, error.problems))) from None
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise ValueError(f"{self.extractor}: option {place}: {first['msg']}") from None
        if isinstance(kind, SearchesNeighbours) and kind.neighbour_search(options=options):
            raise ValueError(f"{self.extractor} searches for neighbours: name another extractor")
        return self


class RoundTrip:
    """Rejects rows that the teacher, asked without their label, reads otherwise.

    Reasons: ``other_direction`` (the same relation the other way round), ``other_label``,
    ``read_as_na``, ``na_read_as_relation`` and ``unreadable`` (no label could be read). The share
    of rejected rows estimates the set's label noise, in so far as the teacher reads right:
    its own errors count as well, and an error that it makes twice does not show.
    """

    name: ClassVar[str] = "round_trip.v1"
    summary: ClassVar[str] = "rows that the LLM, asked again without their label, reads as asked"
    source: ClassVar[str] = "calldistil"
    Options: ClassVar[type[BaseModel]] = RoundTripOptions
    noise: ClassVar[str | None] = "a second, blind reading by the teacher disagrees"

    def __init__(self, *, context: AgentContext, options: RoundTripOptions) -> None:
        kind: Any = extractors.get(options.extractor)
        checked = kind.Options.model_validate(options.extractor_options)
        self._extractor = kind(context=context, options=checked)
        self._schema = context.schema
        self._options = options

    @classmethod
    def shows_few_shot(cls, *, options: RoundTripOptions) -> bool:
        """Whether its extractor shows few-shot examples."""
        return extractors.get(options.extractor).uses_few_shot

    def review(self, *, row: Example) -> Dialogue[Judgement]:
        """Has the extractor read the row without its label."""
        reading = yield from self._extractor.extract(example=row.labelled(None))
        return self._judged(row, reading)

    def _judged(self, row: Example, reading: Prediction) -> Judgement:
        asked, read = row.relation, reading.label
        if read is None:
            return Judgement("unreadable", str(reading.outcome))
        if read == asked:
            return KEPT
        if asked in self._schema and read == self._schema.reverse(asked or ""):
            return Judgement("other_direction", read) if self._options.direction else KEPT
        if read == self._schema.na_label:
            return Judgement("read_as_na", read)
        if asked == self._schema.na_label:
            return Judgement("na_read_as_relation", read)
        return Judgement("other_label", read)
