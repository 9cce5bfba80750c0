"""What the pipeline hands over of each system."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.costs import CostDraws, SystemCost
from harness.metrics import Answers
from harness.report._row import Kind, Latency, TrainingRows

__all__ = ["SystemResult"]


@dataclass(frozen=True, slots=True, eq=False)
class SystemResult:
    """One system's answers and costs.

    Attributes:
        name: Unique in the experiment.
        kind: What it is.
        answers: On the test set of the head-to-head, shape (seeds, n).
        training_rows: What it was trained on.
        gold_budget: Every human label it saw: trained on, shown, or used as dev.
        full_answers: On the wider test set, for systems that were run there.
        cost: None where nothing was measured or declared.
        cost_draws: Draws of that cost, for the interval of the break-even; None: no interval.
        latency: Of one sentence; None where it is not known.
        notes: What a reader of its row must know, such as shortfalls.
    """

    name: str
    kind: Kind
    answers: Answers
    training_rows: TrainingRows = field(default_factory=TrainingRows)
    gold_budget: int = 0
    full_answers: Answers | None = None
    cost: SystemCost | None = None
    cost_draws: CostDraws | None = None
    latency: Latency | None = None
    notes: tuple[str, ...] = ()
