"""What the generators share that vary one gold row at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Generic, TypeVar

from pydantic import BaseModel, Field

from agents.generators._reader import SampleReader
from agents.generators._sample_set import SampleSet
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

__all__ = ["GoldGenerator", "GoldOptions", "like_gold"]


class GoldOptions(FileModel):
    """Options of the generators that vary gold rows.

    Attributes:
        n: Variants asked for per gold row.
        na_rows: Whether gold rows of the NA label are varied as well. They are the only NA rows
            that come of it, as a variant of a gold row keeps its label.
    """

    n: int = Field(default=4, ge=1)
    na_rows: bool = True


O = TypeVar("O", bound=GoldOptions)  # noqa: E741


class GoldGenerator(Generic[O]):
    """Base of the generators that vary each row of the few-shot set, in its order.

    A row carries the id of its gold row in its meta (``gold``), shares its group, so that splits
    keep the two together, and has its entity types.

    Args:
        context: Schema, few-shot examples and sampling.
        options: The generator's options.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]
    Options: ClassVar[type[BaseModel]]
    uses_few_shot: ClassVar[bool] = True
    needs_few_shot: ClassVar[bool] = True

    def __init__(self, *, context: AgentContext, options: O) -> None:
        self._context = context
        self._options = options
        self._reader = SampleReader(context.schema)

    def items(self) -> tuple[GenerationItem, ...]:
        """One item per gold row that can be varied."""
        return tuple(
            GenerationItem(
                label=gold.relation,
                demonstrations=(gold,),
                count=self._options.n,
                facts={"gold": gold.id},
            )
            for gold in self._context.few_shot
            if gold.relation is not None and self._can_vary(gold)
        )

    def rounds(self, *, item: GenerationItem) -> tuple[PlannedSamples, ...]:
        """One call."""
        return (PlannedSamples(PlannedRound.exactly(1), item.count),)

    @property
    def _schema(self) -> Schema:
        return self._context.schema

    def _can_vary(self, gold: Example) -> bool:
        wanted = self._options.na_rows or gold.relation != self._schema.na_label
        # One inside the other cannot be written with markers that a reader takes apart again.
        return wanted and not gold.head.overlaps(gold.tail)

    def _set(self, item: GenerationItem) -> SampleSet:
        start = f"gen-{self.name}-{item.facts['gold']}-{self._context.repeat}"
        return SampleSet(
            item, markers=self._schema.markers, row_id=lambda place: f"{start}-{place}"
        )

    def _request(self, content: str) -> Request:
        return Request(
            messages=(Message(role="user", content=content),),
            sampling=self._context.sampling,
            repeat=self._context.repeat,
        )


def like_gold(variant: Example, gold: Example) -> Example:
    """The variant with the entity types of its gold row and in its group."""
    return replace(
        variant,
        head=replace(variant.head, type=gold.head.type),
        tail=replace(variant.tail, type=gold.tail.type),
        group=gold.group_key,
    )
