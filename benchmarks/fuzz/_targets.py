"""All targets."""

from __future__ import annotations

from pathlib import Path

from benchmarks.fuzz._agents import agent_targets
from benchmarks.fuzz._files import file_targets
from benchmarks.fuzz._target import Target
from benchmarks.fuzz._world import World

__all__ = ["Target", "fuzz_targets"]


def fuzz_targets(folder: Path) -> dict[str, Target]:
    """Every target by its name.

    Args:
        folder: An empty folder, which targets may fill.
    """
    world = World(folder)
    return {target.name: target for target in (*file_targets(world), *agent_targets(world))}
