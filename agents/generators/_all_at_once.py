"""Generators that ask for all samples of a label in one request."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, Field

from agents.generators._reader import SampleReader
from agents.prompts import generate_messages
from harness.documents import FileModel
from harness.protocols import AgentContext, Dialogue, GeneratedSet, GenerationItem, Request

__all__ = ["AllAtOnce", "AllAtOnceDiverse", "AllAtOnceDiversePerLine", "AllAtOnceOptions"]

_PAPER = "Li, Dai and Li 2025, arXiv 2505.23108"


class AllAtOnceOptions(FileModel):
    """Keys of the generators that ask for everything at once.

    Attributes:
        n: Samples asked for per label, the NA label included.
        demonstrations: Few-shot examples shown per label: the first in the set's order. Where
            a label has fewer, all of them are shown.
    """

    n: int = Field(default=32, ge=1)
    demonstrations: int = Field(default=8, ge=0)


class AllAtOnce:
    """One request per label for ``n`` samples, after the label's demonstrations.

    The wording is our own, after the paper. A row's id says generator, label, repeat number and
    position, so that the same answers give the same rows.
    """

    name: ClassVar[str] = "all_at_once.v1"
    summary: ClassVar[str] = "One call per label for all its samples, one per line."
    source: ClassVar[str] = _PAPER
    Options: ClassVar[type[BaseModel]] = AllAtOnceOptions
    uses_few_shot: ClassVar[bool] = True

    def __init__(self, *, context: AgentContext, options: AllAtOnceOptions) -> None:
        self._context = context
        self._options = options
        self._reader = SampleReader(context.schema)

    def items(self) -> tuple[GenerationItem, ...]:
        """One item per label, in the schema's order, the NA label last."""
        return tuple(
            GenerationItem(
                label=label,
                demonstrations=tuple(
                    example for example in self._context.few_shot if example.relation == label
                )[: self._options.demonstrations],
                count=self._options.n,
            )
            for label in self._context.schema.label_names
        )

    def generate(self, *, item: GenerationItem) -> Dialogue[GeneratedSet]:
        """Asks once and reads the lines of the answer."""
        messages = generate_messages(
            schema=self._context.schema,
            label=item.label,
            demonstrations=item.demonstrations,
            n=item.count,
            template=f"generate.{self.name}",
        )
        request = Request(
            messages=messages, sampling=self._context.sampling, repeat=self._context.repeat
        )
        (completion,) = yield [request]
        start = f"gen-{self.name}-{item.label}-{self._context.repeat}"
        return self._reader.read(
            item=item, completion=completion, row_id=lambda position: f"{start}-{position}"
        )


class AllAtOnceDiverse(AllAtOnce):
    """As ``all_at_once.v1``, and each sample is to differ from all before it."""

    name: ClassVar[str] = "all_at_once_diverse.v1"
    summary: ClassVar[str] = "One call per label for samples that each differ from those before."


class AllAtOnceDiversePerLine(AllAtOnceDiverse):
    """As ``all_at_once_diverse.v1``, and the request says that samples come one per line."""

    name: ClassVar[str] = "all_at_once_diverse.v2"
    summary: ClassVar[str] = "As all_at_once_diverse.v1; the request says one sample per line."
