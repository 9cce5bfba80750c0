"""The stage ``split``: the few-shot set of one seed, and its development set."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from harness.datasets import FewShotPlan, FewShotSplit, draw_few_shot, few_shot_from_ids
from harness.documents import fingerprint
from harness.pipeline._experiment import FewShotEntry
from harness.pipeline.stages._files import load_examples, save_examples
from harness.pipeline.stages._stage import Measures, StageContext, schema_hash
from harness.relations import Example, Schema

__all__ = ["DEV", "SHORTFALLS", "Split"]

SHORTFALLS = "shortfalls.json"
DEV = "dev"


@dataclass(frozen=True)
class Split:
    """Draws a few-shot set from the input ``pool``, or takes it whole.

    Attributes:
        entry: How it is drawn.
        seed: Seed of the split.
        schema: Whose labels are drawn.
    """

    name: ClassVar[str] = "split"
    version: ClassVar[int] = 1
    entry: FewShotEntry
    seed: int
    schema: Schema

    def identity(self) -> Mapping[str, Any]:
        return {
            **fingerprint(self.entry),
            "seed": self.seed,
            "schema": schema_hash(self.schema),
        }

    def split(self, pool: Sequence[Example]) -> FewShotSplit:
        """The split itself."""
        entry = self.entry
        if entry.source == "file":
            return FewShotSplit(train=tuple(pool), dev=(), shortfalls=())
        if entry.ids is not None:
            key = entry.ids.key.replace("{seed}", str(self.seed))
            return few_shot_from_ids(pool, file=entry.ids.file, key=key, k=entry.k)
        plan = FewShotPlan(k=entry.k, seed=self.seed, count_na=entry.count_na, dev=entry.dev)
        return draw_few_shot(pool, schema=self.schema, plan=plan)

    def run(self, *, inputs: Mapping[str, Path], content: Path, context: StageContext) -> Measures:
        drawn = self.split(load_examples(inputs["pool"]))
        save_examples(content, drawn.train)
        (content / DEV).mkdir()
        save_examples(content / DEV, drawn.dev)
        shortfalls = [asdict(shortfall) for shortfall in drawn.shortfalls]
        (content / SHORTFALLS).write_text(json.dumps(shortfalls, indent=1), encoding="utf-8")
        return Measures(units=len(drawn.train))
