"""What an agent's answers hang on besides its prompts: neighbours, and an adapter to train."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeAlias

from harness.pipeline._components import checked_component
from harness.pipeline._experiment import Experiment
from harness.pipeline._node import Node
from harness.pipeline._setup import Setup
from harness.pipeline.stages import Adopt, Agent, Encode, Tune
from harness.registry import backends, tuners

__all__ = ["GoldRows", "neighbour_inputs", "searches_few_shot", "tuned_input", "tuned_on_split"]

GoldRows: TypeAlias = Callable[[Literal["few_shot", "train"]], Node]
"""Gives the stage that has the human labels of a name."""


def neighbour_inputs(setup: Setup, agent: Agent, examples: Node, gold: GoldRows) -> dict[str, Node]:
    """The pool of an agent that needs neighbours, and the vectors to search it by."""
    search = agent.neighbour_search()
    if search is None:
        return {}
    pool = gold(search.pool)
    stage = Encode(
        encoder=search.encoder,
        representation=search.representation,
        markers=setup.schema.markers,
    )
    title = f"encode ({search.representation}, {search.encoder})"
    return {
        "pool": pool,
        "features": Node(stage, f"{title}: {examples.title}", {"examples": examples}),
        "pool_features": Node(stage, f"{title}: {pool.title}", {"examples": pool}),
    }


def searches_few_shot(agent: Agent) -> bool:
    """Whether an extractor takes neighbours from the few-shot set."""
    search = agent.neighbour_search()
    return search is not None and search.pool == "few_shot"


def tuned_input(setup: Setup, agent: Agent, gold: GoldRows) -> dict[str, Node]:
    """The training of the adapter that an agent's backend carries, here or before."""
    if (adapter := agent.tuned) is None:
        options = agent.backend_options
        made = getattr(options, "adapter", None) or getattr(options, "lora", None)
        if not isinstance(made, Path):
            return {}
        weights = backends.get(agent.backend_use).fingerprint(options=options)
        return {"adopted": Node(Adopt(made, weights), f"adopt {made.name}", {})}
    entry = setup.experiment.tuned[adapter.tuned]
    found = checked_component(tuners, entry.tuner, entry.options, setup.base)
    stage = Tune(tuner=found.name, options=found.options, schema=setup.schema, seed=entry.seed)
    title = f"tune {adapter.tuned}: {found.name}"
    return {"tuned": Node(stage, title, {"source0": gold(entry.train_on)})}


def tuned_on_split(experiment: Experiment, agent: Agent) -> bool:
    """Whether an agent's backend carries an adapter that is trained on the few-shot set."""
    adapter = agent.tuned
    return adapter is not None and experiment.tuned[adapter.tuned].train_on == "few_shot"
