"""The stage ``subset``: some examples of another artefact, by id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from harness.pipeline.stages._files import load_examples, save_examples
from harness.pipeline.stages._read import keep_ids
from harness.pipeline.stages._stage import Measures, StageContext
from harness.relations import Example
from harness.store import file_hash

__all__ = ["Subset"]


@dataclass(frozen=True)
class Subset:
    """Keeps examples of the input ``examples``.

    Attributes:
        ids: A JSON list of the ids to keep, in its order; None keeps all.
        limit: Then only the first so many; None keeps all.
    """

    name: ClassVar[str] = "subset"
    version: ClassVar[int] = 1
    ids: Path | None = None
    limit: int | None = None

    def identity(self) -> Mapping[str, Any]:
        ids = file_hash(self.ids) if self.ids is not None and self.ids.is_file() else None
        return {"ids": ids, "limit": self.limit}

    def select(self, examples: Sequence[Example]) -> tuple[Example, ...]:
        """The kept examples."""
        kept = keep_ids(examples, self.ids) if self.ids is not None else tuple(examples)
        return kept[: self.limit]

    def run(self, *, inputs: Mapping[str, Path], content: Path, context: StageContext) -> Measures:
        kept = self.select(load_examples(inputs["examples"]))
        save_examples(content, kept)
        return Measures(units=len(kept))
