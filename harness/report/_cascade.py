"""A cascade's curve: the score against the cost over thresholds, from stored answers alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from pydantic import ConfigDict

from harness.costs import Money, SystemCost
from harness.metrics import join, score
from harness.pipeline import TwoAnswers
from harness.relations import Schema
from harness.report._document import Heading, Sheet
from harness.report._figures import metric_word, money
from harness.report._figures import score as figure
from harness.report._row import STRICT

__all__ = ["CascadeCurve", "CascadePoint", "cascade_cost", "cascade_curve", "cascade_sheet"]

_STEPS = 20
_SHOWN = 4  # the text formats show every fourth point; JSON has them all


@dataclass(frozen=True, slots=True)
class CascadePoint:
    """One threshold; figures are means over the student's seeds.

    Attributes:
        threshold: Confidence under which the direct system is asked; 1.01 asks always.
        share: Part of the test sentences that it is asked about.
        score: The table's metric.
        by_seed: The metric of each seed.
        per_1000: Running cost of 1,000 sentences by pricing mode.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    threshold: float
    share: float
    score: float
    by_seed: tuple[float, ...]
    per_1000: Mapping[str, Money] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class CascadeCurve:
    """A student first, a direct system for what it is not confident of, over thresholds.

    Attributes:
        name: The cascade's name.
        student: The system that answers first.
        direct: The system that answers the rest.
        one_off: What the student costs once.
        points: From the student alone to the direct system alone.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    name: str
    student: str
    direct: str
    one_off: Money
    points: tuple[CascadePoint, ...]


def cascade_cost(
    student: SystemCost,
    direct: SystemCost,
    share: float,
    *,
    extra: Money | None = None,
    extra_seconds: float | None = 0.0,
) -> SystemCost:
    """What a cascade costs: the student for every sentence, the direct system for a share.

    Args:
        student: Costs of the student.
        direct: Costs of the direct system.
        share: Part of the sentences that the direct system is asked about.
        extra: What choosing the threshold cost once.
        extra_seconds: How long that took; None: unknown.
    """
    modes = set(student.per_1000_by_mode) & set(direct.per_1000_by_mode)
    return SystemCost(
        one_off=student.one_off + direct.one_off + (extra or Money.zero()),
        one_off_seconds=_sum(student.one_off_seconds, direct.one_off_seconds, extra_seconds),
        per_1000=student.per_1000 + direct.per_1000 * share,
        per_1000_by_mode={
            mode: student.per_1000_by_mode[mode] + direct.per_1000_by_mode[mode] * share
            for mode in direct.per_1000_by_mode
            if mode in modes
        },
        seconds_per_1000=_sum(
            student.seconds_per_1000,
            None if direct.seconds_per_1000 is None else direct.seconds_per_1000 * share,
        ),
        notes=tuple(dict.fromkeys((*student.notes, *direct.notes))),
        known_seconds=student.known_seconds + direct.known_seconds + (extra_seconds or 0.0),
    )


def _sum(*seconds: float | None) -> float | None:
    known = [value for value in seconds if value is not None]
    return sum(known) if len(known) == len(seconds) else None


def cascade_curve(
    name: str,
    seeds: Sequence[TwoAnswers],
    *,
    student: tuple[str, SystemCost],
    direct: tuple[str, SystemCost],
    schema: Schema,
    metric: str,
) -> CascadeCurve:
    """The curve in steps of 5% of what the direct system is asked about.

    Args:
        name: The cascade's name.
        seeds: Both systems' answers to the test set, for each seed of the student.
        student: The student's name and costs.
        direct: The direct system's name and costs.
        schema: The relation schema.
        metric: Metric of the table.
    """
    grids = [both.thresholds(_STEPS) for both in seeds]
    points = []
    for step in range(_STEPS + 1):
        here = [grid[step] for grid in grids]
        shares = [both.share(t) for both, t in zip(seeds, here, strict=True)]
        answered = [both.answers(t) for both, t in zip(seeds, here, strict=True)]
        scores = score(join(seeds[0].examples, answered, schema), metric)
        share = float(np.mean(shares))
        cost = cascade_cost(student[1], direct[1], share)
        modes = {str(mode): amount for mode, amount in cost.per_1000_by_mode.items()}
        points.append(
            CascadePoint(
                threshold=float(np.mean(here)),
                share=share,
                score=float(np.mean(scores)),
                by_seed=tuple(float(value) for value in scores),
                per_1000=modes or {"list": cost.per_1000},
            )
        )
    once = student[1].one_off + direct[1].one_off
    return CascadeCurve(name, student[0], direct[0], once, tuple(points))


def cascade_sheet(curve: CascadeCurve, metric: str) -> Sheet:
    """The curve as a table, every fourth point of it; costs are list prices."""
    shown = curve.points[::_SHOWN]
    return Sheet(
        title=f"{curve.name}: {curve.student} first, {curve.direct} where it is not confident",
        headings=(
            Heading((f"share to {curve.direct}",)),
            Heading(("threshold",)),
            Heading((metric_word(metric),)),
            Heading(("cost per 1,000",)),
        ),
        rows=tuple(
            (
                f"{point.share:.0%}",
                f"{point.threshold:.4f}",
                figure(point.score),
                money(point.per_1000.get("list", Money.unknown())),
            )
            for point in shown
        ),
    )
