"""Cells that several sections fill alike."""

from __future__ import annotations

from harness.costs import BreakEven, Money
from harness.metrics import Comparison, Interval
from harness.report._figures import ASSUMED, UNKNOWN, count, interval, money, score, signed
from harness.report.page._blocks import Cell, Tone

__all__ = ["bounded_even", "difference_cell", "money_cell", "score_cell"]


def money_cell(amount: Money) -> Cell:
    """Money, sorted by its amount."""
    return Cell(money(amount), amount.amount, tone="" if amount.is_known else "muted")


def bounded_even(even: BreakEven | None) -> Cell:
    """A break-even volume with its interval; what never breaks even sorts last but unknown."""
    if even is None:
        return Cell("-")
    if even.kind == "unknown":
        return Cell(UNKNOWN, tone="muted")
    mark = ASSUMED if even.assumed else ""
    bounds = ""
    if even.low is not None and even.high is not None and even.low != even.high:
        bounds = f" [{count(even.low)}, {count(even.high)}]"
    if even.kind == "never":
        return Cell(f"{mark}never{bounds}", 1e300)
    word = "at once" if even.kind == "at_once" else count(even.volume)
    return Cell(f"{mark}{word}{bounds}", even.volume)


def score_cell(found: Interval) -> Cell:
    """A score with its interval."""
    return Cell(f"{score(found.value)} {interval(found.low, found.high)}", found.value)


def difference_cell(found: Comparison) -> Cell:
    """A difference in points with its interval; green and red where 0 lies outside."""
    tone: Tone = "good" if found.low > 0 else "bad" if found.high < 0 else ""
    text = f"{signed(found.difference)} {interval(found.low, found.high, sign=True)}"
    return Cell(text, found.difference, tone=tone)
