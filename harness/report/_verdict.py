"""The verdict: non-inferiority with a declared tolerance, and a declared volume."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from harness.costs import BreakEven
from harness.metrics import Comparison, examples_needed
from harness.report._table import Verdict, VerdictKind
from harness.report._words import Words

__all__ = ["Candidate", "choose", "decide"]

_LEVEL = 0.95
_RANK: dict[VerdictKind, int] = {
    "distil": 0,
    "cost_unknown": 1,
    "not_separable": 2,
    "do_not_distil": 3,
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A student that the verdict may speak of.

    Attributes:
        name: Its name.
        comparison: With the reference.
        break_even: Against the reference.
        total: Its cost over the declared volume, one-off included; None is unknown.
    """

    name: str
    comparison: Comparison
    break_even: BreakEven
    total: float | None = None


def decide(
    comparison: Comparison,
    break_even: BreakEven,
    *,
    tolerance: float,
    volume: int,
    student: str = "the student",
    reference: str = "the reference",
    metric: str = "micro_f1",
    candidates: int = 1,
) -> Verdict:
    """Applies the rule to one student.

    *Distil* if the lower bound of (student - reference) is above minus the tolerance and it pays
    for itself within the volume; *do not distil* if the upper bound is below minus the tolerance,
    or it never gets cheaper, or only beyond the volume; else *not separable*, with the number of
    further examples that would tell. Where the score holds and the cost is not known, nothing is
    decided: *cost unknown*.

    Args:
        comparison: Of the student with the reference; its ``level`` is the confidence used.
        break_even: Of the student against the reference.
        tolerance: Points that the student may lose.
        volume: Sentences within which it must pay for itself.
        student: Its name, for the sentence.
        reference: The reference's name.
        metric: Name of the metric compared.
        candidates: From how many students the same test set chose this one.
    """
    quality: Literal["holds", "fails", "open"] = "open"
    if comparison.low > -tolerance:
        quality = "holds"
    elif comparison.high < -tolerance:
        quality = "fails"
    cost = _cost(break_even, volume)
    kind: VerdictKind = "not_separable"
    if quality == "fails" or cost in ("never", "beyond"):
        kind = "do_not_distil"
    elif quality == "holds":
        kind = "distil" if cost == "pays" else "cost_unknown"
    further = examples_needed(comparison, tolerance=tolerance) if quality == "open" else None
    verdict = Verdict(
        kind=kind,
        sentence="",
        system=student,
        quality=quality,
        cost=cost,
        assumed=break_even.assumed,
        candidates=candidates,
        further_examples=further,
    )
    words = Words(verdict, comparison, break_even, tolerance, volume, reference, metric)
    return replace(verdict, sentence=words.sentence())


def choose(
    candidates: Sequence[Candidate],
    *,
    tolerance: float,
    volume: int,
    reference: str,
    metric: str = "micro_f1",
) -> Verdict | None:
    """Lets the test set choose among students, and pays for the choice.

    With N candidates every interval is widened to the confidence ``1 - 0.05 / N`` (Bonferroni),
    so that the best of many is not taken for good by luck. Among those to distil the cheapest at
    the volume is named, else the one with the highest lower bound.

    Returns:
        The verdict on the chosen student; None where there is no candidate.
    """
    level = 1 - (1 - _LEVEL) / max(len(candidates), 1)
    found = []
    for order, candidate in enumerate(candidates):
        comparison = _widened(candidate.comparison, level)
        verdict = decide(
            comparison,
            candidate.break_even,
            tolerance=tolerance,
            volume=volume,
            student=candidate.name,
            reference=reference,
            metric=metric,
            candidates=len(candidates),
        )
        total = math.inf if candidate.total is None else candidate.total
        by_cost = total if verdict.kind == "distil" else 0.0
        found.append((_RANK[verdict.kind], by_cost, -comparison.low, order, verdict))
    return min(found, key=lambda entry: entry[:-1])[-1] if found else None


def _widened(comparison: Comparison, level: float) -> Comparison:
    if level <= comparison.level:
        return comparison
    tail = (1 - level) / 2
    low, high = (float(q) for q in np.quantile(comparison.draws, [tail, 1 - tail]))
    return replace(
        comparison, low=min(low, comparison.low), high=max(high, comparison.high), level=level
    )


def _cost(even: BreakEven, volume: int) -> Literal["pays", "beyond", "never", "unknown"]:
    if even.kind == "at_once":
        return "pays"
    if even.kind == "after" and even.volume is not None:
        return "pays" if even.volume <= volume else "beyond"
    return "never" if even.kind == "never" else "unknown"
