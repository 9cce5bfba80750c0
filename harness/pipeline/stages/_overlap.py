"""The stage ``overlap``: test sentences compared with every row a system saw."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from harness.datasets import find_overlaps
from harness.pipeline.stages._files import load_examples
from harness.pipeline.stages._stage import Measures, StageContext
from harness.protocols import Progress

__all__ = ["OVERLAPS", "Overlap"]

OVERLAPS = "overlaps.json"


@dataclass(frozen=True)
class Overlap:
    """Pairs of the inputs ``rows`` and ``test`` that are equal, nearly or after normalising."""

    name: ClassVar[str] = "overlap"
    version: ClassVar[int] = 1

    def identity(self) -> Mapping[str, Any]:
        return {}

    def run(self, *, inputs: Mapping[str, Path], content: Path, context: StageContext) -> Measures:
        return self.work(inputs=inputs, content=content, progress=context.progress)

    def work(
        self, *, inputs: Mapping[str, Path], content: Path, progress: Progress | None = None
    ) -> Measures:
        rows, test = load_examples(inputs["rows"]), load_examples(inputs["test"])
        report = find_overlaps(rows, test)
        (content / OVERLAPS).write_text(json.dumps(asdict(report), indent=1), encoding="utf-8")
        return Measures(units=len(rows))
