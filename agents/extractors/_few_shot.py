"""The extractor that shows fixed labelled sentences before it asks."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import BaseModel, Field

from agents.extractors._schema_extractor import SchemaExtractor, SchemaOptions
from agents.prompts import Demonstration
from harness.protocols import AgentContext, Dialogue
from harness.relations import Example, Prediction, Schema

__all__ = ["FewShotExtractor", "FewShotOptions", "chosen_demonstrations"]


class FewShotOptions(SchemaOptions):
    """Options of ``few_shot.v1``.

    Attributes:
        demonstrations: ``all`` of the few-shot set, ``balanced`` (``count`` of each label) or
            ``sampled`` (``count`` in all, whatever their labels).
        count: How many, for ``balanced`` and ``sampled``; a label with fewer gives what it has.
        order: ``shuffled`` by the seed, ``file`` (the few-shot set's own order) or ``by_label``
            (the schema's order).
        seed: Seed of the choice and of the order.
    """

    demonstrations: Literal["all", "balanced", "sampled"] = "all"
    count: int = Field(default=1, ge=1)
    order: Literal["shuffled", "file", "by_label"] = "shuffled"
    seed: int = Field(default=0, ge=0)


class FewShotExtractor(SchemaExtractor[FewShotOptions]):
    """One round; the same demonstrations for every sentence, so that their prefix is shared."""

    summary: ClassVar[str] = "One call per sentence, after the same labelled sentences each time."
    source: ClassVar[str] = "Brown et al. 2020, Language Models are Few-Shot Learners"
    Options: ClassVar[type[BaseModel]] = FewShotOptions
    uses_few_shot: ClassVar[bool] = True

    def __init__(self, *, context: AgentContext, options: FewShotOptions) -> None:
        super().__init__(context=context, options=options)
        chosen = chosen_demonstrations(context.few_shot, context.schema, options)
        self._demonstrations = tuple(Demonstration(example) for example in chosen)

    def extract(self, *, example: Example) -> Dialogue[Prediction]:
        """Asks once and reads the answer; what cannot be read is a typed outcome."""
        (completion,) = yield [self._asking(example, self._demonstrations)]
        return self._answered(example, completion)


def chosen_demonstrations(
    few_shot: Sequence[Example], schema: Schema, options: FewShotOptions
) -> tuple[Example, ...]:
    """The demonstrations in the order in which they are shown.

    Choice and order are drawn apart, so that another order shows the same sentences.
    """
    chosen = list(few_shot)
    draw = random.Random(f"choose {options.seed}")
    if options.demonstrations == "sampled":
        chosen = draw.sample(chosen, min(options.count, len(chosen)))
    elif options.demonstrations == "balanced":
        chosen = []
        for label in schema.label_names:
            pool = [example for example in few_shot if example.relation == label]
            chosen += draw.sample(pool, min(options.count, len(pool)))
    place = {example.id: position for position, example in enumerate(few_shot)}
    chosen.sort(key=lambda example: place[example.id])
    if options.order == "by_label":
        rank = {label: position for position, label in enumerate(schema.label_names)}
        chosen.sort(key=lambda example: rank[example.relation or schema.na_label])
    elif options.order == "shuffled":
        random.Random(f"order {options.seed}").shuffle(chosen)
    return tuple(chosen)
