"""A row of a head-to-head table, as plain values that a JSON file holds unrounded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias

from pydantic import ConfigDict

from harness.costs import BreakEven, Money

__all__ = ["STRICT", "Costs", "Difference", "Estimate", "Kind", "Latency", "Row", "TrainingRows"]

Kind: TypeAlias = Literal["direct", "distilled", "labelled", "gold", "mixed", "cascade", "baseline"]
"""What a system is; that of a student follows from the sources of its training rows."""

STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
"""How pydantic reads these dataclasses from a file."""


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """How many rows a student was trained on, by who made them.

    Attributes:
        gold: Real sentences with a human's label.
        generated: Sentences that the teacher wrote.
        labelled: Real sentences that the teacher labelled.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    gold: int = 0
    generated: int = 0
    labelled: int = 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A score in percent with its interval.

    Attributes:
        value: Mean over the training seeds.
        low: Lower bound of the interval over examples and seeds; None where none was made.
        high: Upper bound.
        seed_sd: Standard deviation between training seeds, in points; None with one seed.
        by_seed: The score of each training seed.
        examples: How many test examples it stands on.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    value: float
    low: float | None = None
    high: float | None = None
    seed_sd: float | None = None
    by_seed: tuple[float, ...] = ()
    examples: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """A system's score less the reference's on the same examples, in points.

    Attributes:
        value: The difference; negative where the reference is better.
        low: Lower bound of its 95% interval.
        high: Upper bound.
        p_randomisation: Paired approximate randomisation, two-sided, not corrected.
        p_bootstrap: Paired bootstrap, not corrected.
        p_holm: ``p_randomisation`` after Holm's correction over the table.
        within_tolerance: Share of the bootstrap's draws in which the system loses less than the
            declared tolerance; None where none was declared.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    value: float
    low: float
    high: float
    p_randomisation: float | None = None
    p_bootstrap: float | None = None
    p_holm: float | None = None
    within_tolerance: float | None = None


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds from a sentence to its answer, its calls made one after another.

    Attributes:
        p50: Median.
        p95: 95th percentile.
        sentences: How many were timed.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    p50: float
    p95: float
    sentences: int


@dataclass(frozen=True, slots=True)
class Costs:
    """What a system costs.

    Attributes:
        one_off: Everything before the first sentence: teacher's calls, human labels, training.
        one_off_seconds: Seconds of all that; None is unknown.
        known_seconds: A lower bound of them: what was measured.
        per_1000: Running cost of 1,000 sentences by pricing mode (``list``,
            ``cached_prefix``, ``batch``); a local model has one mode.
        mode: The cheapest honest mode, by which the verdict goes; None where none is known.
        seconds_per_1000: Seconds for 1,000 sentences; None is unknown.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    one_off: Money = field(default_factory=Money.unknown)
    one_off_seconds: float | None = None
    per_1000: Mapping[str, Money] = field(default_factory=dict, hash=False)
    mode: str | None = None
    seconds_per_1000: float | None = None
    known_seconds: float = 0.0

    @property
    def cheapest(self) -> Money:
        """Cost of 1,000 sentences in the cheapest honest mode."""
        return self.per_1000[self.mode] if self.mode is not None else Money.unknown()


@dataclass(frozen=True, slots=True)
class Row:
    """One system of the table.

    Attributes:
        system: Its name.
        kind: What it is.
        reference: Whether the others are compared with it.
        training_rows: What it was trained on.
        gold_budget: Every human label it saw: trained on, shown, or used as dev.
        seeds: Number of training seeds.
        score: The table's metric on the test set of the head-to-head.
        full_score: The same on the wider test set, where it was run there.
        diagnostics: Other metrics by name, means over seeds, in percent.
        coverage: Percent of answers that were read as a label of the schema.
        direction_flips: Answers with the right relation the wrong way round, mean over seeds.
        outcomes: Answers by how they were read, summed over seeds.
        difference: To the reference, on the same examples.
        costs: None where nothing was measured or declared.
        break_even: Break-even volume against the reference, both at their cheapest honest mode;
            None for the reference and baselines.
        break_even_by_mode: The same with the reference at each of its pricing modes.
        latency: Of one sentence; None where it is not known.
        notes: What a reader of this row must know.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    system: str
    kind: Kind
    score: Estimate
    reference: bool = False
    training_rows: TrainingRows = field(default_factory=TrainingRows)
    gold_budget: int = 0
    seeds: int = 1
    full_score: Estimate | None = None
    diagnostics: Mapping[str, float] = field(default_factory=dict, hash=False)
    coverage: float = 100.0
    direction_flips: float = 0.0
    outcomes: Mapping[str, int] = field(default_factory=dict, hash=False)
    difference: Difference | None = None
    costs: Costs | None = None
    break_even: BreakEven | None = None
    break_even_by_mode: Mapping[str, BreakEven] = field(default_factory=dict, hash=False)
    latency: Latency | None = None
    notes: tuple[str, ...] = ()

    @property
    def unparsed(self) -> int:
        """Answers, over all seeds, that are missing or could not be read."""
        return sum(n for outcome, n in self.outcomes.items() if outcome != "parsed")
