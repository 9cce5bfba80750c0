"""The stages of cascades: answers of two other systems put together, and a threshold on dev."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from harness.pipeline._experiment import Experiment, SeedTriple
from harness.pipeline._node import Node
from harness.pipeline._plan_parts import Repetition, SystemPlan
from harness.pipeline._setup import Setup
from harness.pipeline._systems import CascadeEntry
from harness.pipeline.stages import Agent, Cascade, Extract

__all__ = ["cascade_plans", "cascades_of", "matching"]


def cascade_plans(
    setup: Setup,
    plans: Mapping[str, SystemPlan],
    read: Callable[[str], Node],
    asks: Callable[[Agent, Node, SeedTriple], Mapping[str, Node]],
) -> dict[str, SystemPlan]:
    """The rows of an experiment that are cascades; one without a threshold is no row.

    Args:
        setup: The checked experiment.
        plans: The systems that cascades are made of.
        read: Gives the stage that reads a part of the data.
        asks: Gives the inputs of a stage in which an extractor answers examples.
    """
    experiment = setup.experiment
    found = {}
    for name, entry in experiment.systems.items():
        if entry.cascade is None or not entry.cascade.is_row:
            continue
        stage = Cascade(
            schema=setup.schema,
            threshold=entry.cascade.threshold,
            choose=entry.cascade.choose,
            tolerance=experiment.verdict.tolerance,
            metric=setup.metric,
        )
        parts = _repetitions(name, entry.cascade, stage, plans, read, asks)
        found[name] = SystemPlan(name, entry.kind, tuple(parts))
    return found


def matching(first: SeedTriple, second: SeedTriple) -> bool:
    """Whether a student's repetition goes with one of a direct system: no seed says otherwise."""
    return second.split is None or first.split is None or first.split == second.split


def _repetitions(
    name: str,
    entry: CascadeEntry,
    stage: Cascade,
    plans: Mapping[str, SystemPlan],
    read: Callable[[str], Node],
    asks: Callable[[Agent, Node, SeedTriple], Mapping[str, Node]],
) -> Iterator[Repetition]:
    for student in plans[entry.student].repetitions:
        direct = next(
            d for d in plans[entry.direct].repetitions if matching(student.seeds, d.seeds)
        )
        inputs = {"student": student.answers, "direct": direct.answers, "examples": read("test")}
        if entry.choose is not None:
            dev = read("dev")
            inputs |= {
                "dev": dev,
                "dev_student": _again(student, {"examples": dev}, f"{name}: predict dev"),
                "dev_direct": _asked(direct, dev, f"{name}: ask about dev", asks),
            }
            trained = student.answers.inputs["model"].inputs
            sources = (node for key, node in trained.items() if key.startswith("source"))
            inputs |= {f"trained{at}": node for at, node in enumerate(sources)}
        yield Repetition(student.seeds, Node(stage, f"{name}: cascade, {student.seeds}", inputs))


def _again(repetition: Repetition, inputs: Mapping[str, Node], title: str) -> Node:
    """The stage of a repetition's answers with other inputs."""
    answers = repetition.answers
    return Node(answers.stage, f"{title}, {repetition.seeds}", {**answers.inputs, **inputs})


def _asked(
    repetition: Repetition,
    dev: Node,
    title: str,
    asks: Callable[[Agent, Node, SeedTriple], Mapping[str, Node]],
) -> Node:
    stage = repetition.answers.stage
    assert isinstance(stage, Extract)  # a cascade's second part is direct, checked with the file
    return _again(repetition, asks(stage.agent, dev, repetition.seeds), title)


def cascades_of(experiment: Experiment) -> dict[str, CascadeEntry]:
    """The cascades of an experiment by name, those without a row too."""
    return {
        name: entry.cascade
        for name, entry in experiment.systems.items()
        if entry.cascade is not None
    }
