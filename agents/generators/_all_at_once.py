"""Generators that ask for all samples of a label in one request."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel

from agents.generators._label_generator import GeneratorOptions, LabelGenerator
from agents.generators._na_policy import NA_KIND
from agents.generators._reader import samples_of
from agents.prompts import generate_messages
from harness.protocols import Dialogue, GeneratedSet, GenerationItem

__all__ = ["AllAtOnce", "AllAtOnceDiverse", "AllAtOnceDiversePerLine", "AllAtOnceOptions"]


class AllAtOnceOptions(GeneratorOptions):
    """Options of the generators that ask for everything at once."""


class AllAtOnce(LabelGenerator[AllAtOnceOptions]):
    """One request per label for ``n`` samples, after the label's demonstrations.

    The wording is our own, after the paper.
    """

    name: ClassVar[str] = "all_at_once.v1"
    summary: ClassVar[str] = "One call per label for all its samples, one per line."
    source: ClassVar[str] = "Li, Dai and Li 2025, arXiv 2505.23108"
    Options: ClassVar[type[BaseModel]] = AllAtOnceOptions

    def generate(self, *, item: GenerationItem) -> Dialogue[GeneratedSet]:
        """Asks once and reads the lines of the answer."""
        messages = generate_messages(
            schema=self._schema,
            label=item.label,
            demonstrations=item.demonstrations,
            n=item.count,
            template=f"generate.{self.name}",
            na_kind=item.facts.get(NA_KIND),
        )
        (completion,) = yield [self._request(*messages)]
        written = self._set(item)
        written.take(completion, samples_of(completion), self._read_as(item.label))
        return written.result()


class AllAtOnceDiverse(AllAtOnce):
    """As ``all_at_once.v1``, and each sample is to differ from all before it."""

    name: ClassVar[str] = "all_at_once_diverse.v1"
    summary: ClassVar[str] = "One call per label for samples that each differ from those before."


class AllAtOnceDiversePerLine(AllAtOnceDiverse):
    """As ``all_at_once_diverse.v1``, and the request says that samples come one per line."""

    name: ClassVar[str] = "all_at_once_diverse.v2"
    summary: ClassVar[str] = "As all_at_once_diverse.v1; the request says one sample per line."
