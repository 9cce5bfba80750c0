"""What a stage is in which an agent asks an LLM."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from harness.pipeline._driver import ItemResult, converse
from harness.pipeline.stages._calls import Agent
from harness.pipeline.stages._stage import StageContext, schema_hash
from harness.protocols import Dialogue
from harness.relations import Schema

__all__ = ["AskingStage"]

T = TypeVar("T")


@dataclass(frozen=True)
class AskingStage:
    """Base of the stages whose agent talks to an LLM.

    Attributes:
        agent: The agent and its backend.
        schema: The relation schema.
        repeat: Repeat number of its calls.
    """

    agent: Agent
    schema: Schema
    repeat: int = 0

    def identity(self) -> Mapping[str, Any]:
        """What decides the answers."""
        return {
            **self.agent.identity(),
            "schema": schema_hash(self.schema),
            "repeat": self.repeat,
        }

    def _conversed(
        self, dialogues: Iterable[tuple[str, Dialogue[T]]], *, total: int, context: StageContext
    ) -> list[ItemResult[T]]:
        """Advances every dialogue to its end, through the call store and within the budget."""
        return list(
            converse(
                dialogues,
                backend=context.backend(self.agent.backend),
                store=context.calls,
                run=context.run,
                counter=self.agent.counter(),
                purse=context.purse(self.agent.backend),
                window=context.window,
                total=total,
                progress=context.progress,
            )
        )
