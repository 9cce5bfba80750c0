"""The stage ``generate``: a generator writes training rows, each with its provenance."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from harness.pipeline._driver import ItemResult
from harness.pipeline.stages._asking import AskingStage
from harness.pipeline.stages._calls import measure_calls, save_calls
from harness.pipeline.stages._files import (
    DEMONSTRATIONS,
    REJECTS,
    load_examples,
    save_examples,
    write_jsonl,
)
from harness.pipeline.stages._stage import Measures, StageContext
from harness.pipeline.stages._tune import untuned_labels
from harness.protocols import GeneratedRow, GeneratedSet, GenerationItem, Reject
from harness.registry import generators
from harness.relations import Example

__all__ = ["Generate"]


@dataclass(frozen=True)
class Generate(AskingStage):
    """A generator writes rows; it may show the input ``few_shot``."""

    name: ClassVar[str] = "generate"
    version: ClassVar[int] = 1

    def run(self, *, inputs: Mapping[str, Path], content: Path, context: StageContext) -> Measures:
        return self.write(inputs=inputs, content=content, context=context)

    def write(
        self,
        *,
        inputs: Mapping[str, Path],
        content: Path,
        context: StageContext,
        choose: Callable[[Sequence[GenerationItem]], Sequence[GenerationItem]] = tuple,
    ) -> Measures:
        """Asks for the items that ``choose`` leaves of all of them."""
        started = time.perf_counter()
        few_shot = load_examples(inputs["few_shot"]) if "few_shot" in inputs else ()
        make = generators.get(self.agent.component)
        generator = make(
            context=self.agent.context(self.schema, few_shot, self.repeat),
            options=self.agent.options,
        )
        items = choose(self._items(generator.items(), inputs))
        backend = context.backend(self.agent.backend)
        results = self._conversed(
            ((f"{n}:{i.label}", generator.generate(item=i)) for n, i in enumerate(items)),
            total=len(items),
            context=context,
        )
        seconds = time.perf_counter() - started
        rows = [self._row(r, row, backend.model.name) for r in results for row in r.value.rows]
        save_examples(content, rows)
        write_jsonl(
            content / REJECTS, (_reject(r, reject) for r in results for reject in r.value.rejects)
        )
        shown = dict.fromkeys(d.id for item in items for d in item.demonstrations)
        (content / DEMONSTRATIONS).write_text(json.dumps(list(shown)), encoding="utf-8")
        save_calls(content, results)
        return measure_calls(results, agent=self.agent, seconds=seconds, units=len(rows))

    def _items(
        self, items: Sequence[GenerationItem], inputs: Mapping[str, Path]
    ) -> list[GenerationItem]:
        """All items; an adapter that the run tuned writes none of a label it was tuned on."""
        adapter = self.agent.tuned
        if adapter is None:
            return list(items)
        labels = untuned_labels(inputs["tuned"], adapter.part, self.schema)
        return [item for item in items if item.label in labels]

    def _row(self, result: ItemResult[GeneratedSet], row: GeneratedRow, model: str) -> Example:
        provenance = {
            "generator": self.agent.component,
            "request": _key(result, row),
            "asked": row.example.relation or "",
            "position": str(row.position),
            "model": model,
            "sampling": json.dumps(dataclasses.asdict(self.agent.sampling), sort_keys=True),
            "repeat": str(self.repeat),
        }
        return dataclasses.replace(row.example, meta={**row.example.meta, **provenance})


def _key(result: ItemResult[GeneratedSet], row: GeneratedRow | Reject) -> str:
    return result.calls[result.requests.index(row.request)].key


def _reject(result: ItemResult[GeneratedSet], reject: Reject) -> Mapping[str, Any]:
    return {
        "reason": str(reject.reason),
        "label": reject.label,
        "position": reject.position,
        "text": reject.text,
        "request": _key(result, reject),
    }
