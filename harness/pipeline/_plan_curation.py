"""A source's gates as stages, one after another, and the rounds that refill what they took."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.pipeline._components import checked_component
from harness.pipeline._gate_entry import GateEntry
from harness.pipeline._node import Node
from harness.pipeline._setup import Setup
from harness.pipeline.stages import Agent, Curate, Generate, Refill, Review
from harness.registry import gates

__all__ = ["TARGET", "CuratedRows", "Writer", "asks", "refill_repeat", "shows_few_shot"]

TARGET = "target.v1"
_REPEATS = 1000


@dataclass(frozen=True)
class Writer:
    """Who is asked again for what gates took.

    Attributes:
        stage: The stage that wrote the rows.
        inputs: Its inputs.
    """

    stage: Generate
    inputs: Mapping[str, Node]


@dataclass(frozen=True)
class CuratedRows:
    """Lays out the gates of a source.

    Attributes:
        setup: The checked experiment.
        test: Gives the widest test set.
        few_shot: Gives the few-shot set of the repetition.
        agent: Makes an agent of registry, component, options and backend entry.
    """

    setup: Setup
    test: Callable[[], Node]
    few_shot: Callable[[], Node]
    agent: Callable[[Any, str, Mapping[str, Any], str], Agent]

    def plan(self, entries: Sequence[GateEntry], rows: Node, writer: Writer | None) -> Node:
        """The last stage: its rows are those that every gate let through."""
        last = entries[-1] if entries and gates.resolve(entries[-1].gate) == TARGET else None
        others = entries[:-1] if last is not None else entries
        for entry in others:
            rows = self._through(entry, rows)
        if last is None:
            return rows
        if writer is not None:
            rows = self._refilled(last, others, rows, writer)
        return self._through(last, rows)

    def _refilled(
        self, target: GateEntry, others: Sequence[GateEntry], rows: Node, writer: Writer
    ) -> Node:
        options: Any = checked_component(gates, target.gate, target.options, self.setup.base)
        for attempt in range(1, options.options.attempts + 1):
            stage = Refill(
                agent=writer.stage.agent,
                schema=writer.stage.schema,
                repeat=refill_repeat(writer.stage.repeat, attempt),
                count=options.options.count,
            )
            title = f"ask {stage.agent.component} again for what is missing, attempt {attempt}"
            passed, rows = rows, Node(stage, title, {**writer.inputs, "rows": rows})
            for entry in others:
                rows = self._through(entry, rows, passed)
        return rows

    def _through(self, entry: GateEntry, rows: Node, passed: Node | None = None) -> Node:
        found: Any = checked_component(gates, entry.gate, entry.options, self.setup.base)
        inputs = {"rows": rows, **({"passed": passed} if passed is not None else {})}
        title = f"{rows.title}, {found.name}"
        if asks(found.kind):
            agent = self.agent(gates, found.name, entry.options, entry.backend or "")
            if found.kind.shows_few_shot(options=found.options):
                inputs["few_shot"] = self.few_shot()
            return Node(Review(agent=agent, schema=self.setup.schema), title, inputs)
        if found.kind.uses_test:
            inputs["test"] = self.test()
        chosen = ", ".join(f"{key} {value}" for key, value in entry.options.items())
        stage = Curate(gate=found.name, options=found.options, schema=self.setup.schema)
        return Node(stage, f"{title} ({chosen})" if chosen else title, inputs)


def refill_repeat(generation: int, attempt: int) -> int:
    """The repeat number of an attempt: one that no generation seed below 1,000 has.

    >>> refill_repeat(2, 1)
    1002
    """
    return _REPEATS * attempt + generation


def asks(kind: object) -> bool:
    """Whether a gate asks an LLM."""
    return hasattr(kind, "review")


def shows_few_shot(entry: GateEntry, base: Path) -> bool:
    """Whether a gate shows few-shot examples."""
    found: Any = checked_component(gates, entry.gate, entry.options, base)
    return asks(found.kind) and bool(found.kind.shows_few_shot(options=found.options))
