"""The stages ``extract`` (an extractor answers test sentences) and ``label`` (training ones)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from harness.pipeline._driver import ItemResult, converse
from harness.pipeline.stages._calls import Agent, measure_calls, save_calls
from harness.pipeline.stages._files import (
    load_examples,
    load_predictions,
    save_examples,
    save_predictions,
)
from harness.pipeline.stages._stage import Measures, StageContext, schema_hash
from harness.registry import extractors
from harness.relations import Example, Prediction, Schema

__all__ = ["Extract", "Label"]


@dataclass(frozen=True)
class Extract:
    """An extractor answers the input ``examples``; it may show the input ``few_shot``.

    Attributes:
        agent: The extractor and its backend.
        schema: The relation schema.
        repeat: Repeat number of its calls.
    """

    name: ClassVar[str] = "extract"
    version: ClassVar[int] = 1
    agent: Agent
    schema: Schema
    repeat: int = 0

    def identity(self) -> Mapping[str, Any]:
        return {
            **self.agent.identity(),
            "schema": schema_hash(self.schema),
            "repeat": self.repeat,
        }

    def run(self, *, inputs: Mapping[str, Path], content: Path, context: StageContext) -> Measures:
        started = time.perf_counter()
        results = self._ask(_unlabelled(load_examples(inputs["examples"])), inputs, context)
        seconds = time.perf_counter() - started
        save_predictions(content, [result.value for result in results])
        save_calls(content, results)
        return measure_calls(results, agent=self.agent, seconds=seconds, units=len(results))

    def _ask(
        self, examples: Sequence[Example], inputs: Mapping[str, Path], context: StageContext
    ) -> list[ItemResult[Prediction]]:
        few_shot = load_examples(inputs["few_shot"]) if "few_shot" in inputs else ()
        make = extractors.get(self.agent.component)
        extractor = make(
            context=self.agent.context(self.schema, few_shot, self.repeat),
            options=self.agent.options,
        )
        return list(
            converse(
                ((e.id, extractor.extract(example=e)) for e in examples),
                backend=context.backend(self.agent.backend),
                store=context.calls,
                run=context.run,
                counter=self.agent.counter(),
                total=len(examples),
                progress=context.progress,
            )
        )


@dataclass(frozen=True)
class Label(Extract):
    """An extractor labels real sentences, which become training rows.

    An answer that could not be parsed gives no row; it stays among the predictions.
    """

    name: ClassVar[str] = "label"
    version: ClassVar[int] = 1

    def run(self, *, inputs: Mapping[str, Path], content: Path, context: StageContext) -> Measures:
        measures = super().run(inputs=inputs, content=content, context=context)
        labels = {p.example_id: p.label for p in load_predictions(content, self.schema)}
        save_examples(
            content,
            [
                example.labelled(label)
                for example in load_examples(inputs["examples"])
                if (label := labels[example.id]) is not None
            ],
        )
        return measures


def _unlabelled(examples: Sequence[Example]) -> list[Example]:
    """Without gold labels, so that no agent can see them."""
    return [example.labelled(None) for example in examples]
