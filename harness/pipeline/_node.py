"""A stage of a plan, known by its key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from harness.pipeline.stages import Stage
from harness.store import content_hash

__all__ = ["Node"]


@dataclass(frozen=True, eq=False)
class Node:
    """A stage with its inputs.

    Attributes:
        stage: What it does.
        title: What it does, for people.
        inputs: The stages whose content it reads, by the name it knows them under.
    """

    stage: Stage
    title: str
    inputs: Mapping[str, Node]

    @cached_property
    def key(self) -> str:
        """Hash of the stage, its config and its inputs' keys."""
        return content_hash(
            {
                "stage": self.stage.name,
                "version": self.stage.version,
                "config": self.stage.identity(),
                "inputs": {name: node.key for name, node in self.inputs.items()},
            }
        )

    def ancestors(self) -> Iterator[Node]:
        """This stage's inputs and theirs, each once per path."""
        for node in self.inputs.values():
            yield from node.ancestors()
            yield node
