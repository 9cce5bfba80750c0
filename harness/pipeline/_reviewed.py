"""The rows that a gate will ask an LLM about, as far as a plan can know them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from harness.pipeline._node import Node
from harness.pipeline.stages import Curate, Generate, Label, Refill, Review
from harness.registry import generators
from harness.relations import Example

__all__ = ["reviewed"]


def reviewed(node: Node, data: Callable[[Node], tuple[Example, ...]]) -> tuple[Example, ...]:
    """Stand-ins for the rows of a gate's input ``rows``, as many as may come.

    The plan writes nothing: few-shot examples stand in for rows that are to be generated, and
    sentences to be labelled for themselves. What gates before this one take is not known and not
    taken off, and what an attempt to refill may bring is not counted.

    Args:
        node: The gate's stage.
        data: Gives the examples of a stage that reads data.
    """
    if "passed" in node.inputs:
        return ()
    writer = node.inputs["rows"]
    while isinstance(writer.stage, Curate | Review | Refill):
        writer = writer.inputs["rows"]
    if isinstance(writer.stage, Label):
        return data(writer.inputs["examples"])
    stage = writer.stage
    assert isinstance(stage, Generate)  # gates follow rows that were written or labelled
    few_shot = data(writer.inputs["few_shot"]) if "few_shot" in writer.inputs else ()
    made: Any = generators.get(stage.agent.component)
    context = stage.agent.context(stage.schema, few_shot, stage.repeat)
    count = sum(item.count for item in made(context=context, options=stage.agent.options).items())
    shown = few_shot or (_sentence(),)
    return tuple(itertools.islice(itertools.cycle(shown), count))


def _sentence() -> Example:
    """A sentence of middling length, where no labelled one is at hand."""
    from harness.relations import Mention

    text = "The storm that came in from the sea caused a flood in the lower part of the town ."
    return Example("stand-in", text, Mention.of(text, 4, 9), Mention.of(text, 47, 52))
