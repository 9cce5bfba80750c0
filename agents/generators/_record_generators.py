"""Generators whose samples come in named fields, asked for until there are enough of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import ceil
from typing import ClassVar, Self, TypeVar

from pydantic import BaseModel, Field, model_validator

from agents.generators._label_generator import GeneratorOptions, LabelGenerator
from agents.generators._na_policy import NA_KIND
from agents.generators._records import RecordReader, written_record, written_records
from agents.prompts import render, requested_label_line
from agents.reasoning import visible_answer
from harness.protocols import (
    AgentContext,
    Dialogue,
    GeneratedSet,
    GenerationItem,
    Message,
    PlannedRound,
    PlannedSamples,
)

__all__ = ["SchemaConstrained", "SchemaConstrainedOptions", "Unleash", "UnleashOptions"]


class RecordOptions(GeneratorOptions):
    """Options of the generators whose samples come in named fields.

    Attributes:
        entity_types: The closed list of entity types; left out, those of the schema. Where there
            are none, samples carry no types.
        attempts: Calls per label at most, each under a repeat number of its own.
    """

    entity_types: tuple[str, ...] = ()
    attempts: int = Field(default=1, ge=1)


R = TypeVar("R", bound=RecordOptions)


class RecordGenerator(LabelGenerator[R], ABC):
    """Asks the same again until there are enough distinct samples or no attempt is left."""

    def __init__(self, *, context: AgentContext, options: R) -> None:
        super().__init__(context=context, options=options)
        self._types = options.entity_types or context.schema.entity_types
        self._records = RecordReader(context.schema, self._types)

    def generate(self, *, item: GenerationItem) -> Dialogue[GeneratedSet]:
        """Repeats the request; stops where two answers are equal, as without sampling."""
        written = self._set(item)
        message = Message(role="user", content=self._content(item))
        answers: set[str] = set()
        for attempt in range(self._options.attempts):
            (completion,) = yield [
                self._request(message, time=attempt, times=self._options.attempts)
            ]
            written.take(
                completion,
                written_records(visible_answer(completion.text).text),
                lambda text, id: self._records.example(text, item.label, id),
            )
            if written.complete or completion.text in answers:
                break
            answers.add(completion.text)
        return written.result()

    def rounds(self, *, item: GenerationItem) -> tuple[PlannedSamples, ...]:
        """One call per round: as many as the samples need, or all attempts."""
        needed = min(self._options.attempts, self._needed(item))
        return tuple(
            PlannedSamples(PlannedRound(number == 0, number < needed, 1), item.count / needed)
            for number in range(self._options.attempts)
        )

    def _needed(self, item: GenerationItem) -> int:
        """Calls that bring enough samples if all of them are kept."""
        return 1

    @abstractmethod
    def _content(self, item: GenerationItem) -> str:
        """The request's text."""

    def _shown(self, item: GenerationItem, *, relation: str | None = None) -> list[str]:
        """The demonstrations in named fields."""
        return [
            written_record(example, relation=relation, typed=bool(self._types))
            for example in item.demonstrations
        ]


class SchemaConstrainedOptions(RecordOptions):
    """Options of ``schema_constrained.v1``.

    Attributes:
        per_call: Samples that one call is asked for.
        attempts: Calls per label at most, each under a repeat number of its own.
    """

    per_call: int = Field(default=8, ge=1)
    attempts: int = Field(default=8, ge=1)

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if self.attempts * self.per_call < self.n:
            raise ValueError(
                f"{self.attempts} attempts of {self.per_call} samples cannot give {self.n}:"
                " raise attempts or per_call"
            )
        return self


class SchemaConstrained(RecordGenerator[SchemaConstrainedOptions]):
    """Closed types, definition, demonstrations and "eight more", until there are enough.

    The wording is our own, after the paper.
    """

    name: ClassVar[str] = "schema_constrained.v1"
    summary: ClassVar[str] = "A few samples per call from a closed list of types, until enough."
    source: ClassVar[str] = "Guo et al. 2025, TKRE (arXiv 2505.12236)"
    Options: ClassVar[type[BaseModel]] = SchemaConstrainedOptions

    def _needed(self, item: GenerationItem) -> int:
        return ceil(item.count / self._options.per_call)

    def _content(self, item: GenerationItem) -> str:
        return render(
            f"generate.{self.name}",
            types=self._types,
            label=item.label,
            label_line=requested_label_line(
                self._schema,
                item.label,
                na_kind=item.facts.get(NA_KIND),
                head="the head entity",
                tail="the tail entity",
            ),
            records=self._shown(item),
            n=self._options.per_call,
        )


class UnleashOptions(RecordOptions):
    """Options of ``unleash.v1``.

    Attributes:
        demonstrations: Few-shot examples shown per label.
    """

    demonstrations: int = Field(default=1, ge=0)


class Unleash(RecordGenerator[UnleashOptions]):
    """The published prompt, which names no number of samples; the first ``n`` are kept.

    The published script gives a sample's tail the type of its head. Here each has its own.
    """

    name: ClassVar[str] = "unleash.v1"
    summary: ClassVar[str] = "The published prompt: 'Generate more samples like above'."
    source: ClassVar[str] = "Xu et al. 2023, UnleashLLMRE (arXiv 2305.01555)"
    Options: ClassVar[type[BaseModel]] = UnleashOptions

    def _content(self, item: GenerationItem) -> str:
        return render(
            f"generate.{self.name}",
            types=self._types,
            label=item.label,
            records=self._shown(item, relation=item.label),
        )
