"""The stage ``refill``: a generator is asked again, for what is missing alone."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from harness.pipeline.stages._files import load_examples, save_examples
from harness.pipeline.stages._generate import Generate
from harness.pipeline.stages._stage import Measures, StageContext
from harness.protocols import GenerationItem
from harness.relations import Example

__all__ = ["Refill", "missing_items"]


@dataclass(frozen=True)
class Refill(Generate):
    """Adds new rows to the input ``rows``, for the labels that have fewer than ``count``.

    The content is the rows that were there and the new ones after them. Where nothing is missing
    nothing is asked. The repeat number must be one that no earlier generation had.

    Attributes:
        count: Rows wanted of each label that the generator writes.
    """

    name: ClassVar[str] = "refill"
    version: ClassVar[int] = 1
    count: int = 1

    def identity(self) -> Mapping[str, Any]:
        return {**super().identity(), "count": self.count}

    def run(self, *, inputs: Mapping[str, Path], content: Path, context: StageContext) -> Measures:
        have = load_examples(inputs["rows"])
        measures = self.write(
            inputs=inputs,
            content=content,
            context=context,
            choose=lambda items: missing_items(items, have, self.count),
        )
        save_examples(content, [*have, *load_examples(content)])
        return measures


def missing_items(
    items: Iterable[GenerationItem], have: Sequence[Example], count: int
) -> tuple[GenerationItem, ...]:
    """The items that ask for what is missing, each for no more than it asked before."""
    missing = Counter({item.label: count for item in items})
    missing.subtract(row.relation or "" for row in have)
    return tuple(_cut(items, missing))


def _cut(items: Iterable[GenerationItem], missing: Counter[str]) -> Iterator[GenerationItem]:
    for item in items:
        wanted = min(item.count, missing[item.label])
        if wanted > 0:
            missing[item.label] -= wanted
            yield dataclasses.replace(item, count=wanted)
