"""The stages ``extract`` (an extractor answers test sentences) and ``label`` (training ones)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TypeAlias

from harness.errors import CalldistilError
from harness.pipeline._neighbours import find_neighbours
from harness.pipeline.stages._asking import AskingStage
from harness.pipeline.stages._calls import measure_calls, save_calls
from harness.pipeline.stages._encode import load_features
from harness.pipeline.stages._files import (
    DEMONSTRATIONS,
    load_examples,
    load_predictions,
    save_examples,
    save_predictions,
)
from harness.pipeline.stages._stage import Measures, StageContext
from harness.protocols import Dialogue, Neighbour
from harness.registry import extractors
from harness.relations import Example, Prediction
from harness.students import encode_examples

__all__ = ["Extract", "Label"]

Neighbours: TypeAlias = Mapping[str, tuple[Neighbour, ...]]


@dataclass(frozen=True)
class Extract(AskingStage):
    """An extractor answers the input ``examples``; it may show the input ``few_shot``.

    Where it needs neighbours, they come from the input ``pool`` (else ``few_shot``), by the
    vectors of the inputs ``features`` and ``pool_features``; without these it encodes by itself.
    """

    name: ClassVar[str] = "extract"
    version: ClassVar[int] = 1

    def run(self, *, inputs: Mapping[str, Path], content: Path, context: StageContext) -> Measures:
        started = time.perf_counter()
        examples = self.unlabelled(inputs)
        neighbours = self.neighbours(examples, inputs)
        results = self._conversed(
            self.dialogues(examples, inputs, neighbours),
            total=len(examples),
            context=context,
        )
        seconds = time.perf_counter() - started
        save_predictions(content, [result.value for result in results])
        save_calls(content, results)
        self._save_shown(content, neighbours)
        return measure_calls(results, agent=self.agent, seconds=seconds, units=len(results))

    def unlabelled(self, inputs: Mapping[str, Path]) -> list[Example]:
        """The examples without gold labels, so that no agent can see them."""
        return [example.labelled(None) for example in load_examples(inputs["examples"])]

    def dialogues(
        self, examples: Sequence[Example], inputs: Mapping[str, Path], neighbours: Neighbours
    ) -> Iterator[tuple[str, Dialogue[Prediction]]]:
        """One dialogue per example, under the example's id."""
        few_shot = load_examples(inputs["few_shot"]) if "few_shot" in inputs else ()
        make = extractors.get(self.agent.component)
        extractor = make(
            context=self.agent.context(self.schema, few_shot, self.repeat, neighbours),
            options=self.agent.options,
        )
        return ((example.id, extractor.extract(example=example)) for example in examples)

    def neighbours(self, examples: Sequence[Example], inputs: Mapping[str, Path]) -> Neighbours:
        """The examples near to each one, where the extractor needs them.

        Raises:
            CalldistilError: When there is nothing to choose from.
        """
        search = self.agent.neighbour_search()
        if search is None:
            return {}
        source = inputs.get("pool", inputs.get("few_shot"))
        if source is None:
            raise CalldistilError(
                f"{self.agent.component} shows examples near to each sentence and was given none.",
                hint="Name the sentences to choose from: --train FILE, or --few-shot FILE.",
            )
        pool = load_examples(source)
        features = [
            load_features(inputs[name])
            if name in inputs
            else encode_examples(
                rows,
                representation=search.representation,
                encoder=search.encoder,
                markers=self.schema.markers,
            )
            for name, rows in (("features", examples), ("pool_features", pool))
        ]
        return find_neighbours(examples, features[0], pool, features[1], search.count)

    def _save_shown(self, content: Path, neighbours: Neighbours) -> None:
        """Writes whose labels were shown as neighbours, for the gold budget."""
        search = self.agent.neighbour_search()
        if search is None:
            return
        found = (n.example.id for near in neighbours.values() for n in near)
        shown = list(dict.fromkeys(found)) if search.shows_labels else []
        (content / DEMONSTRATIONS).write_text(json.dumps(shown), encoding="utf-8")


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
