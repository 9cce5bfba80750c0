"""What the generators share that ask for samples of each label."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar, Generic, TypeVar

from pydantic import BaseModel, Field

from agents.generators._na_policy import NA_KIND, NaPolicy, checked_policy
from agents.generators._reader import SampleReader
from agents.generators._sample_set import ReadSample, SampleSet
from harness.documents import FileModel
from harness.protocols import (
    AgentContext,
    GenerationItem,
    Message,
    PlannedRound,
    PlannedSamples,
    Request,
)
from harness.relations import Example, Schema

__all__ = ["GeneratorOptions", "LabelGenerator"]


class GeneratorOptions(FileModel):
    """Options of the generators that ask for samples of each label.

    Attributes:
        n: Samples asked for per label, the NA label included.
        demonstrations: Few-shot examples shown per label: the first in the set's order. Where
            a label has fewer, all of them are shown.
        na_policy: How rows of the NA label are made; left out, as the schema asks for them.
    """

    n: int = Field(default=32, ge=1)
    demonstrations: int = Field(default=8, ge=0)
    na_policy: NaPolicy | None = None


O = TypeVar("O", bound=GeneratorOptions)  # noqa: E741


class LabelGenerator(Generic[O]):
    """Base of the generators, which add a coroutine ``generate``.

    A row's id says generator, label, repeat number and place among what was written for the
    label, so that the same answers give the same rows.

    Args:
        context: Schema, few-shot examples and sampling.
        options: The generator's options.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]
    Options: ClassVar[type[BaseModel]]
    uses_few_shot: ClassVar[bool] = True

    def __init__(self, *, context: AgentContext, options: O) -> None:
        self._context = context
        self._options = options
        self._reader = SampleReader(context.schema)
        checked_policy(options.na_policy, context.schema)

    def items(self) -> tuple[GenerationItem, ...]:
        """One item per label, in the schema's order, the NA label last, one per kind of it."""
        return tuple(item for label in self._schema.label_names for item in self._of(label))

    def rounds(self, *, item: GenerationItem) -> tuple[PlannedSamples, ...]:
        """One call, unless a generator says otherwise."""
        return (PlannedSamples(PlannedRound.exactly(1), item.count),)

    @property
    def _schema(self) -> Schema:
        return self._context.schema

    def _of(self, label: str) -> Iterator[GenerationItem]:
        shown = tuple(example for example in self._context.few_shot if example.relation == label)
        item = GenerationItem(
            label=label,
            demonstrations=shown[: self._options.demonstrations],
            count=self._options.n,
        )
        policy = self._options.na_policy
        if policy is None or not self._schema.label(label).is_na:
            yield item
            return
        for kind, count in policy.shares(self._options.n).items():
            yield replace(item, count=count, facts={NA_KIND: kind})

    def _set(self, item: GenerationItem) -> SampleSet:
        """Where the samples of an item come together."""
        kind = f".{item.facts[NA_KIND]}" if NA_KIND in item.facts else ""
        start = f"gen-{self.name}-{item.label}{kind}-{self._context.repeat}"
        return SampleSet(
            item, markers=self._schema.markers, row_id=lambda place: f"{start}-{place}"
        )

    def _read_as(self, label: str) -> ReadSample:
        """Reads a marked sentence as a sample of a label."""
        return lambda text, id: self._reader.example(text, label, id)

    def _request(self, *messages: Message, time: int = 0, times: int = 1) -> Request:
        """A request, the same messages being asked ``times`` times at most.

        Each time has a repeat number of its own, and a seed of its own where seeds are set.
        """
        sampling = self._context.sampling
        if sampling.seed is not None and time:
            sampling = replace(sampling, seed=sampling.seed + time)
        repeat = self._context.repeat * times + time
        return Request(messages=messages, sampling=sampling, repeat=repeat)

    def _shown_with(self, item: GenerationItem, written: SampleSet) -> tuple[Example, ...]:
        """The demonstrations and, after them, what was written so far."""
        return (*item.demonstrations, *written.examples)
