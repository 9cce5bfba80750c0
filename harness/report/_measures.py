"""What one row says that needs no other row, and what it costs against another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.costs import COST_MODES, BreakEven, CostMode, Money, SystemCost, break_even, cheapest
from harness.metrics import Answers, diagnostics, interval, metrics, score
from harness.report._row import Costs, Estimate, Row
from harness.report._system import SystemResult

__all__ = ["Measures", "cheapest_of", "definition_of", "even_of", "evens_by_mode", "total_of"]

_VARIANTS = {
    "@unparsed=wrong": "answers that could not be read counted wrong",
    "@unparsed=na": "answers that could not be read counted as NA",
    "@unparsed=left_out": "answers that could not be read left out",
}


def definition_of(metric: str) -> str:
    """One line on a metric and its variant.

    >>> definition_of("accuracy@unparsed=na")
    'share of right answers, NA included; answers that could not be read counted as NA'
    """
    name, at, variant = metric.partition("@")
    summary = metrics.get(name).summary
    return f"{summary}; {_VARIANTS[at + variant]}" if at else summary


class Measures:
    """Makes rows: the table's metric with its interval, and everything beside it."""

    def __init__(self, metric: str, resamples: int, seed: int) -> None:
        self.metric, self.resamples, self.seed = metric, resamples, seed

    def names(self, answers: Answers) -> tuple[str, ...]:
        """Metrics of a row, the table's own first."""
        official = answers.schema.official_metric
        base = dict.fromkeys([self.metric, "micro_f1", official, "accuracy", "na_f1"])
        bare = dict.fromkeys(name.partition("@")[0] for name in (self.metric, "micro_f1"))
        return (
            *base,
            *(f"{name}{v}" for name in bare for v in ("@unparsed=na", "@unparsed=left_out")),
        )

    def row(self, system: SystemResult) -> Row:
        """The row of a system, not yet compared with the reference."""
        answers = system.answers
        figures = diagnostics(answers)
        full = system.full_answers
        return Row(
            system=system.name,
            kind=system.kind,
            training_rows=system.training_rows,
            gold_budget=system.gold_budget,
            seeds=answers.seeds,
            score=self._estimate(answers),
            full_score=None if full is None else self._estimate(full),
            diagnostics={name: float(score(answers, name).mean()) for name in self.names(answers)},
            coverage=figures.coverage,
            direction_flips=figures.direction_flips,
            outcomes={str(outcome): n for outcome, n in figures.outcomes.items()},
            costs=None if system.cost is None else _costs(system.cost),
            latency=system.latency,
            notes=(*system.notes, *(system.cost.notes if system.cost is not None else ())),
        )

    def _estimate(self, answers: Answers) -> Estimate:
        found = interval(answers, self.metric, resamples=self.resamples, seed=self.seed)
        return Estimate(
            value=found.value,
            low=found.low,
            high=found.high,
            seed_sd=found.seed_sd,
            by_seed=tuple(float(value) for value in score(answers, self.metric)),
            examples=found.examples,
        )


def cheapest_of(cost: SystemCost) -> tuple[CostMode, Money]:
    """The cheapest honest mode and what 1,000 sentences cost in it."""
    if not cost.per_1000_by_mode:
        return "list", cost.per_1000
    best = cheapest(cost.per_1000_by_mode)
    return (best.mode, best.money) if best.money.is_known else ("list", cost.per_1000)


def _costs(cost: SystemCost) -> Costs:
    mode, money = cheapest_of(cost)
    return Costs(
        one_off=cost.one_off,
        one_off_seconds=cost.one_off_seconds,
        known_seconds=cost.known_seconds,
        per_1000={**_named(cost), mode: money},
        mode=mode if money.is_known else None,
        seconds_per_1000=cost.seconds_per_1000,
    )


def _named(cost: SystemCost) -> dict[str, Money]:
    return {str(mode): money for mode, money in cost.per_1000_by_mode.items()}


def even_of(
    student: SystemResult, reference: SystemResult, *, mode: CostMode | None = None
) -> BreakEven:
    """The break-even volume, the student at its cheapest honest mode.

    Args:
        student: The student.
        reference: The reference.
        mode: Pricing mode of the reference; its cheapest honest one by default.
    """
    if student.cost is None or reference.cost is None:
        return BreakEven("unknown")
    own, mine = cheapest_of(student.cost)
    its, theirs = cheapest_of(reference.cost)
    if mode is not None:
        its, theirs = mode, reference.cost.per_1000_by_mode.get(mode, Money.unknown())
    draws = _draws(student, own, reference, its)
    return break_even(
        student.cost,
        reference.cost,
        student_per_1000=mine,
        reference_per_1000=theirs,
        student_draws=None if draws is None else draws[0],
        reference_draws=None if draws is None else draws[1],
        extra_draws=None if draws is None else draws[2],
    )


def evens_by_mode(student: SystemResult, reference: SystemResult) -> dict[str, BreakEven]:
    """The break-even against each pricing mode of a reference whose price depends on it."""
    modes = {} if reference.cost is None else reference.cost.per_1000_by_mode
    if len(set(modes.values())) < 2:
        return {}
    return {mode: even_of(student, reference, mode=mode) for mode in COST_MODES if mode in modes}


def _draws(
    student: SystemResult, own: CostMode, reference: SystemResult, its: CostMode
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]] | None:
    """Draws of both running costs and of the one-off difference; None where one is unknown."""
    mine, theirs = student.cost_draws, reference.cost_draws
    if mine is None or theirs is None or mine.one_off is None or theirs.one_off is None:
        return None
    running = mine.per_sentence.get(own), theirs.per_sentence.get(its)
    if running[0] is None or running[1] is None:
        return None
    return running[0], running[1], mine.one_off - theirs.one_off


def total_of(cost: SystemCost | None, volume: int) -> float | None:
    """Money for the one-off and ``volume`` sentences; None is unknown."""
    if cost is None:
        return None
    return (cost.one_off + cheapest_of(cost)[1] * (volume / 1000)).amount
