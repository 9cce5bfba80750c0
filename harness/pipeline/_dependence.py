"""What an agent's answers hang on besides its prompts: an adapter to train, the few-shot set."""

from __future__ import annotations

from harness.pipeline._components import checked_component
from harness.pipeline._experiment import Experiment
from harness.pipeline._setup import Setup
from harness.pipeline.stages import Agent, Tune
from harness.registry import tuners

__all__ = ["searches_few_shot", "tune_stage", "tuned_on_split"]


def tune_stage(setup: Setup, agent: Agent) -> Tune | None:
    """What trains the adapter of an agent's backend; None where the run does not train it."""
    if (adapter := agent.tuned) is None:
        return None
    entry = setup.experiment.tuned[adapter.tuned]
    found = checked_component(tuners, entry.tuner, entry.options, setup.base)
    return Tune(tuner=found.name, options=found.options, schema=setup.schema, seed=entry.seed)


def tuned_on_split(experiment: Experiment, agent: Agent) -> bool:
    """Whether an agent's backend carries an adapter that is trained on the few-shot set."""
    adapter = agent.tuned
    return adapter is not None and experiment.tuned[adapter.tuned].train_on == "few_shot"


def searches_few_shot(agent: Agent) -> bool:
    """Whether an extractor takes neighbours from the few-shot set."""
    search = agent.neighbour_search()
    return search is not None and search.pool == "few_shot"
