"""What a system costs in all over a number of sentences, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.report._measures import cheapest_of
from harness.report._system import SystemResult

__all__ = ["Total", "totals"]


@dataclass(frozen=True, slots=True)
class Total:
    """Cost of a volume, one-off included, in USD.

    Attributes:
        volume: Sentences.
        value: The cost.
        low: Lower end of its 95% interval; the cost itself where nothing was drawn.
        high: Upper end.
    """

    volume: float
    value: float
    low: float
    high: float


def totals(system: SystemResult, volumes: Sequence[float]) -> list[Total]:
    """The cost of each volume at the cheapest honest mode; empty where a part is unknown."""
    cost = system.cost
    if cost is None:
        return []
    mode, per_1000 = cheapest_of(cost)
    if cost.one_off.amount is None or per_1000.amount is None:
        return []
    draws = system.cost_draws
    running = None if draws is None else draws.per_sentence.get(mode)
    found = []
    for volume in volumes:
        value = cost.one_off.amount + per_1000.amount / 1000 * volume
        low = high = value
        if draws is not None and draws.one_off is not None and running is not None:
            drawn = np.quantile(draws.one_off + running * volume, [0.025, 0.975])
            low, high = min(float(drawn[0]), value), max(float(drawn[1]), value)
        found.append(Total(volume, value, low, high))
    return found
