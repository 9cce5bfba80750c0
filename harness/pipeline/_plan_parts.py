"""What a plan is made of: systems, their repetitions and the stages behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from harness.pipeline._experiment import SeedTriple
from harness.pipeline._node import Node
from harness.pipeline._setup import Setup
from harness.pipeline._systems import SystemKind
from harness.pipeline.stages import Read, Split, Subset

__all__ = ["OverlapPlan", "Plan", "Repetition", "SystemPlan"]

_DATA = (Read, Split, Subset)


@dataclass(frozen=True)
class Repetition:
    """One repetition of a system.

    Attributes:
        seeds: Its seeds.
        answers: The stage that answers the test set; a student answers the wider one where
            there is one, and the head-to-head set as part of it.
        calibrated: The stage that corrects these answers, where that is declared.
    """

    seeds: SeedTriple
    answers: Node
    calibrated: Node | None = None

    @property
    def training(self) -> Node | None:
        """The stage that trained the student; None for a direct system."""
        return self.answers.inputs.get("model")


@dataclass(frozen=True)
class SystemPlan:
    """A row of the table and the stages behind it."""

    name: str
    kind: SystemKind
    repetitions: tuple[Repetition, ...]


@dataclass(frozen=True)
class OverlapPlan:
    """A comparison of the test set with one source of rows."""

    rows: str
    node: Node


@dataclass(frozen=True)
class Plan:
    """Everything a run does.

    Attributes:
        setup: The checked experiment.
        test: The stage that reads the head-to-head test set.
        full_test: The one that reads the wider test set.
        systems: In the file's order.
        overlaps: Test against every source of training rows.
        explanations: The stages that explain few-shot examples, by the name in the file.
    """

    setup: Setup
    test: Node
    full_test: Node | None
    systems: tuple[SystemPlan, ...]
    overlaps: tuple[OverlapPlan, ...]
    explanations: Mapping[str, tuple[Node, ...]] = field(default_factory=dict)

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """All stages, inputs before what reads them, each key once.

        Those that read data come first: a malformed file is found before anything is paid.
        """
        ends = [self.test]
        if self.full_test is not None:
            ends.append(self.full_test)
        for system in self.systems:
            for repetition in system.repetitions:
                ends.append(repetition.calibrated or repetition.answers)
        ends += [node for nodes in self.explanations.values() for node in nodes]
        ends += [overlap.node for overlap in self.overlaps]
        found: dict[str, Node] = {}
        for end in ends:
            for node in (*end.ancestors(), end):
                found.setdefault(node.key, node)
        return tuple(sorted(found.values(), key=lambda node: not isinstance(node.stage, _DATA)))
