"""Which columns a head-to-head table has, and what stands in their cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.costs import COST_MODES, Money
from harness.report._document import Heading
from harness.report._figures import (
    ASSUMED,
    UNKNOWN,
    count,
    interval,
    metric_word,
    money,
    p_value,
    score,
    seconds,
    signed,
)
from harness.report._row import Costs, Row
from harness.report._table import HeadToHead

__all__ = ["Column", "cost", "details", "modes", "quality"]

_NONE = "-"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its head, and the cell of each row."""

    heading: Heading
    cell: Callable[[Row], str]


def quality(table: HeadToHead) -> tuple[Column, ...]:
    """Who it is, its score, and the difference to the reference."""
    word = metric_word(table.metric)
    labelled = any(row.training_rows.labelled for row in table.rows)
    sources = "gold / gen. / lab." if labelled else "gold / gen."

    def trained(row: Row) -> str:
        rows = row.training_rows
        if row.kind in ("direct", "baseline") and not (
            rows.gold or rows.generated or rows.labelled
        ):
            return _NONE
        counts = (rows.gold, rows.generated, *((rows.labelled,) if labelled else ()))
        return " / ".join(map(count, counts))

    def scored(row: Row) -> str:
        return f"{score(row.score.value)} {interval(row.score.low, row.score.high)}".strip()

    def spread(row: Row) -> str:
        return _NONE if row.score.seed_sd is None else f"±{score(row.score.seed_sd)}"

    def difference(row: Row) -> str:
        if row.reference:
            return "reference"
        if (gap := row.difference) is None:
            return _NONE
        return f"{signed(gap.value)} {interval(gap.low, gap.high, sign=True)}"

    def p_holm(row: Row) -> str:
        return _NONE if row.difference is None else p_value(row.difference.p_holm)

    columns = [
        Column(Heading(("kind",), right=False), lambda row: row.kind),
        Column(Heading(("training rows", sources)), trained),
        Column(Heading((word, "[95%]")), scored),
        Column(Heading(("seeds", "sd")), spread),
        Column(Heading(("difference to", table.reference, "[95%]")), difference),
        Column(Heading(("p", "(Holm)")), p_holm),
    ]
    if table.full_test is not None:
        n = count(table.full_test.examples)

        def full(row: Row) -> str:
            return _NONE if row.full_score is None else score(row.full_score.value)

        columns.append(Column(Heading((f"{word} on", f"all {n}")), full))
    return tuple(columns)


def cost(table: HeadToHead) -> tuple[Column, ...]:
    """What it needs once and for each sentence."""

    def even(row: Row) -> str:
        if (found := row.break_even) is None:
            return _NONE
        if found.kind == "unknown":
            return UNKNOWN
        mark = ASSUMED if found.assumed else ""
        if found.kind == "never":
            return f"{mark}never"
        return f"{mark}at once" if found.kind == "at_once" else f"{mark}{count(found.volume)}"

    return (
        Column(Heading(("gold", "budget")), lambda row: count(row.gold_budget)),
        Column(Heading(("coverage",)), lambda row: f"{_share(row.coverage)}%"),
        Column(Heading(("one-off", "cost")), _priced(lambda costs: costs.one_off)),
        Column(Heading(("one-off", "time")), _one_off_time),
        Column(Heading(("cost per", "1,000")), _priced(lambda costs: costs.cheapest)),
        Column(Heading(("time per", "1,000")), _timed("seconds_per_1000")),
        Column(Heading(("break-even", "sentences")), even),
    )


def details(table: HeadToHead) -> tuple[Column, ...]:
    """The figures beside the score."""

    def figure(name: str) -> Callable[[Row], str]:
        return lambda row: score(row.diagnostics.get(name))

    def full(row: Row) -> str:
        if (wide := row.full_score) is None:
            return _NONE
        sd = f" ±{score(wide.seed_sd)}" if wide.seed_sd is not None else ""
        return f"{score(wide.value)} {interval(wide.low, wide.high)}{sd}"

    columns = [
        Column(Heading((name,)), figure(name)) for name in table.definitions if name != table.metric
    ]
    columns += [
        Column(Heading(("unparsed",)), lambda row: count(row.unparsed)),
        Column(Heading(("direction flips",)), lambda row: score(row.direction_flips)),
        Column(Heading(("seeds",)), lambda row: count(row.seeds)),
    ]
    if table.full_test is not None:
        columns.append(
            Column(Heading((f"{metric_word(table.metric)} on {table.full_test.name} [95%]",)), full)
        )
    return tuple(columns)


def modes(table: HeadToHead) -> tuple[Column, ...]:
    """A column for each pricing mode; none where no system's price depends on it."""
    priced = [row.costs for row in table.rows if row.costs is not None]
    if all(len(set(costs.per_1000.values())) < 2 for costs in priced):
        return ()
    found = dict.fromkeys(mode for costs in priced for mode in costs.per_1000)
    names = [*(m for m in COST_MODES if m in found), *(m for m in found if m not in COST_MODES)]

    def in_mode(mode: str) -> Callable[[Row], str]:
        return _priced(lambda costs: costs.per_1000.get(mode, Money.unknown()))

    def used(row: Row) -> str:
        return (row.costs.mode if row.costs is not None else None) or UNKNOWN

    return (
        *(Column(Heading((mode.replace("_", " "),)), in_mode(mode)) for mode in names),
        Column(Heading(("used",), right=False), lambda row: used(row).replace("_", " ")),
    )


def _priced(amount: Callable[[Costs], Money]) -> Callable[[Row], str]:
    return lambda row: _absent(row) if row.costs is None else money(amount(row.costs))


def _one_off_time(row: Row) -> str:
    """The seconds spent once; where part of them is unknown, what is known as a lower bound."""
    if row.costs is None:
        return _absent(row)
    if row.costs.one_off_seconds is None and row.costs.known_seconds > 0:
        return f"≥ {seconds(row.costs.known_seconds)}"
    return seconds(row.costs.one_off_seconds)


def _timed(name: str) -> Callable[[Row], str]:
    return lambda row: _absent(row) if row.costs is None else seconds(getattr(row.costs, name))


def _absent(row: Row) -> str:
    """A constant answer has no cost to know; any other system's missing cost is unknown."""
    return _NONE if row.kind == "baseline" else UNKNOWN


def _share(percent: float) -> str:
    """Never 100 while an answer is missing."""
    return "100" if percent >= 100 else f"{min(percent, 99.9):.1f}"
