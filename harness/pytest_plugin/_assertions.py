"""Assertions about intervals, costs and parse outcomes; a failure says what was found.

They are plain functions: they work in any test, notebook or script.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.pytest_plugin._runs import RunUnderTest, SystemUnderTest

if TYPE_CHECKING:
    from harness.metrics import Comparison

__all__ = [
    "assert_costs_less",
    "assert_not_regressed",
    "assert_not_worse",
    "assert_score_at_least",
    "assert_unparsed_at_most",
]


def assert_not_worse(
    system: SystemUnderTest,
    than: SystemUnderTest | None = None,
    *,
    by: float,
    level: float = 0.95,
    metric: str | None = None,
) -> None:
    """Asserts non-inferiority: the system is shown to lose no more than ``by`` points.

    The lower bound of the paired difference must lie above ``-by``. Too few examples to tell is a
    failure: nothing was shown.

    Args:
        system: The system.
        than: What it is compared with on the same examples; the run's reference by default.
        by: Points that it may lose.
        level: Confidence of the interval.
        metric: The metric; the table's by default.
    """
    __tracebackhide__ = True
    from harness.metrics import examples_needed

    other = than if than is not None else system.run.reference
    name = metric or system.run.table.metric
    found = _compared(system, other, name, level)
    if found.low > -by:
        return
    said = f"{system} is not shown to be within {by:g} points of {other}: {_told(found, name)}"
    if found.high < -by:
        raise AssertionError(f"{said}. It is shown to be worse than that.")
    more = examples_needed(found, tolerance=by)
    hint = (
        "more training seeds would be needed to tell"
        if more is None
        else f"about {more:,} further examples would tell"
    )
    raise AssertionError(f"{said}. The interval holds -{by:g}: {hint}.")


def assert_not_regressed(
    system: SystemUnderTest,
    baseline: RunUnderTest | Path | str,
    *,
    by: float = 0.0,
    level: float = 0.95,
    metric: str | None = None,
) -> None:
    """Asserts that a system is not shown to be worse than it was in a stored run.

    It fails where the whole interval of the paired difference lies below ``-by``. To demand a
    proof of the contrary, use ``assert_not_worse``.

    Args:
        system: The system.
        baseline: A stored run, or its folder, with a system of that name on the same test set.
        by: Points that it may lose.
        level: Confidence of the interval.
        metric: The metric; the table's by default.
    """
    __tracebackhide__ = True
    stored = baseline if isinstance(baseline, RunUnderTest) else RunUnderTest(Path(baseline))
    name = metric or system.run.table.metric
    found = _compared(system, stored.system(system.name), name, level)
    if found.high < -by:
        allowed = f", more than the {by:g} allowed" if by else ""
        raise AssertionError(
            f"{system} is worse than in the stored run {stored.folder}{allowed}:"
            f" {_told(found, name)}."
        )


def assert_score_at_least(
    system: SystemUnderTest,
    score: float,
    *,
    metric: str | None = None,
    shown: bool = False,
) -> None:
    """Asserts a score in percent.

    Args:
        system: The system.
        score: The least that it may have.
        metric: The metric; the table's by default.
        shown: Whether the lower bound of its 95% interval must reach it, and not the score alone.
    """
    __tracebackhide__ = True
    from harness.metrics import interval

    name = metric or system.run.table.metric
    found = interval(system.answers, name, resamples=system.run.table.resamples)
    value = found.low if shown else found.value
    if value < score:
        what = "is not shown to reach" if shown else "does not reach"
        raise AssertionError(
            f"{system} {what} {score:g} {name}: {found.value:.1f}"
            f" [{found.low:.1f}, {found.high:.1f}] on {found.examples:,} examples."
        )


def assert_costs_less(
    system: SystemUnderTest,
    than: SystemUnderTest | None = None,
    *,
    sentences: int | None = None,
) -> None:
    """Asserts that a system is cheaper, in the cheapest honest mode of each.

    Args:
        system: The system.
        than: What it is compared with; the run's reference by default.
        sentences: Compare the one-off cost and that of so many sentences; without it the running
            cost of 1,000 sentences alone.
    """
    __tracebackhide__ = True
    other = than if than is not None else system.run.reference
    costs, others = _cost(system, sentences), _cost(other, sentences)
    what = "per 1,000 sentences" if sentences is None else f"for {sentences:,} sentences in all"
    unknown = [str(s) for s, found in ((system, costs), (other, others)) if found is None]
    if costs is None or others is None:
        raise AssertionError(
            f"What {' and '.join(unknown)} costs {what} is unknown: declare prices in the"
            " experiment (backends.*.price, prices.machine_per_hour, prices.human_label)."
        )
    if costs >= others:
        raise AssertionError(
            f"{system} does not cost less than {other} {what}: ${costs:.6g} against ${others:.6g}."
        )


def assert_unparsed_at_most(system: SystemUnderTest, percent: float) -> None:
    """Asserts that no more than a share of the answers is missing or could not be read.

    Args:
        system: The system.
        percent: Percent of all its answers, over all seeds.
    """
    __tracebackhide__ = True
    outcomes = system.row.outcomes
    asked, unread = sum(outcomes.values()), system.row.unparsed
    share = 100 * unread / asked if asked else 0.0
    if share > percent:
        kinds = ", ".join(f"{kind} {n:,}" for kind, n in outcomes.items() if n and kind != "parsed")
        raise AssertionError(
            f"{share:.2f}% of the answers of {system} could not be read, more than"
            f" {percent:g}%: {unread:,} of {asked:,} ({kinds})."
        )


def _compared(
    system: SystemUnderTest, other: SystemUnderTest, metric: str, level: float
) -> Comparison:
    from harness.metrics import compare

    theirs, ours = other.answers, system.answers
    if set(ours.ids) < set(theirs.ids):  # a direct system that answered a part
        theirs = theirs.subset(ours.ids)
    resamples = system.run.table.resamples
    return compare(ours, theirs, metric, resamples=resamples, level=level)


def _told(found: Comparison, metric: str) -> str:
    return (
        f"difference {found.difference:+.1f} [{found.low:+.1f}, {found.high:+.1f}] {metric} on"
        f" {found.examples:,} examples ({found.level:.0%} interval)"
    )


def _cost(system: SystemUnderTest, sentences: int | None) -> float | None:
    costs = system.row.costs
    if costs is None:
        return None
    if sentences is None:
        return costs.cheapest.amount
    return (costs.one_off + costs.cheapest * (sentences / 1000)).amount
