"""How many calls an agent that asks in rounds will make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from harness.protocols._agents import GenerationItem
from harness.relations import Example

__all__ = ["PlannedRound", "PlannedSamples", "PlansCalls", "PlansGeneration"]


@dataclass(frozen=True, slots=True)
class PlannedRound:
    """The calls of one round for one example.

    Attributes:
        at_least: Fewest; 0 where the round may not come.
        likely: Best guess.
        at_most: Most.
    """

    at_least: int
    likely: float
    at_most: int

    def __post_init__(self) -> None:
        if not 0 <= self.at_least <= self.likely <= self.at_most:
            raise ValueError(f"{self} is not in order: 0 <= at least <= likely <= at most")

    @classmethod
    def exactly(cls, calls: int) -> PlannedRound:
        """A number that is known."""
        return cls(calls, calls, calls)


@runtime_checkable
class PlansCalls(Protocol):
    """An extractor that says beforehand how many calls its later rounds make."""

    def later_rounds(self, *, example: Example) -> tuple[PlannedRound, ...]:
        """The rounds after the first for one example; a call that others share counts each time."""
        ...


@dataclass(frozen=True, slots=True)
class PlannedSamples:
    """One round of a generator for one item.

    Attributes:
        calls: How many calls it makes.
        written: Samples that a call likely writes.
        shown: Samples in its prompt beyond those in the first round's.
    """

    calls: PlannedRound
    written: float
    shown: float = 0.0


@runtime_checkable
class PlansGeneration(Protocol):
    """A generator that says beforehand what each of its rounds will ask for."""

    def rounds(self, *, item: GenerationItem) -> tuple[PlannedSamples, ...]:
        """All rounds for one item, the first among them; a call that others share counts once
        for the first round and each time after it."""
        ...
