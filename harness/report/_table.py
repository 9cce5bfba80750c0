"""A head-to-head table: its rows, what was declared beforehand, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias

from pydantic import ConfigDict

from harness.report._cascade import CascadeCurve
from harness.report._row import STRICT, Row

__all__ = ["HeadToHead", "TestSet", "Verdict", "VerdictKind"]

VerdictKind: TypeAlias = Literal["distil", "do_not_distil", "not_separable", "cost_unknown"]
"""The verdict's kinds; ``cost_unknown`` is a quality that holds with nothing known of its price."""


@dataclass(frozen=True, slots=True)
class TestSet:
    """A set of test examples.

    Attributes:
        name: As the experiment calls it.
        examples: How many there are.
    """

    __test__: ClassVar[bool] = False  # pytest takes the name for a test case
    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    name: str
    examples: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether to distil: non-inferiority within a declared tolerance, and a declared volume.

    Attributes:
        kind: What was decided.
        sentence: The verdict as one sentence or two.
        system: The student it speaks of.
        quality: Whether its score ``holds`` within the tolerance, ``fails`` or is ``open``.
        cost: Whether it ``pays`` within the volume, pays ``beyond`` it, ``never`` or ``unknown``.
        assumed: Whether the cost side stands on assumed prices or counts.
        candidates: From how many students the test set chose it; 1 where it was declared.
        further_examples: How many more test examples would tell; None where not needed or
            where no number would.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    kind: VerdictKind
    sentence: str
    system: str
    quality: Literal["holds", "fails", "open"]
    cost: Literal["pays", "beyond", "never", "unknown"]
    assumed: bool = False
    candidates: int = 1
    further_examples: int | None = None


@dataclass(frozen=True, slots=True)
class HeadToHead:
    """All systems of an experiment beside each other.

    Attributes:
        experiment: Name of the experiment.
        metric: Name of the table's metric.
        definitions: Name to one-line definition of every metric in it.
        reference: Name of the reference system.
        tolerance: Points a student may lose, declared before looking.
        volume: Sentences within which a student must pay for itself.
        test: The test set of the head-to-head.
        full_test: The wider test set on which students are scored too.
        resamples: Resamples behind each interval and test.
        seed: Seed of the resampling.
        rows: Systems in the order given, trivial baselines last.
        verdict: None where there is no student to decide about.
        assumptions: What was assumed and whatever else the experiment has to say, a note each.
        cascades: The score against the cost over thresholds, of every cascade.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    experiment: str
    metric: str
    definitions: Mapping[str, str] = field(hash=False)
    reference: str
    tolerance: float
    volume: int
    test: TestSet
    rows: tuple[Row, ...]
    full_test: TestSet | None = None
    resamples: int = 10_000
    seed: int = 0
    verdict: Verdict | None = None
    assumptions: tuple[str, ...] = ()
    cascades: tuple[CascadeCurve, ...] = ()

    def row(self, system: str) -> Row:
        """The row of a system.

        Raises:
            KeyError: When there is none of that name.
        """
        for row in self.rows:
            if row.system == system:
                return row
        raise KeyError(system)
