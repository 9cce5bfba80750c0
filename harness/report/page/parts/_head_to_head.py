"""Every system beside the reference."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report._figures import (
    ASSUMED,
    UNKNOWN,
    count,
    interval,
    metric_word,
    p_value,
    score,
    seconds,
    signed,
)
from harness.report._notes import notes_of
from harness.report._row import Row
from harness.report._table import HeadToHead
from harness.report.page._blocks import Block, Cell, Column, Fold, Grid, Note, Tone
from harness.report.page._cells import bounded_even, money_cell
from harness.report.page._evidence import Evidence
from harness.report.page._section import Section

__all__ = ["SECTION"]


def _blocks(evidence: Evidence) -> Sequence[Block]:
    table = evidence.table
    word = metric_word(table.metric)
    columns = (
        Column("system", numeric=False),
        Column("kind", numeric=False),
        Column(f"{word} [95%]"),
        Column(f"difference to {table.reference} [95%]"),
        Column("within tolerance", note="share of resamples that lose less than the tolerance"),
        Column("one-off cost"),
        Column("cost per 1,000"),
        Column("time per 1,000"),
        Column("break-even sentences [95%]"),
        Column("gold budget", note="human labels it saw in any way"),
        Column("rows gold / gen. / lab."),
        Column("p (Holm)", note="paired approximate randomisation, corrected over the rows"),
        Column("seeds sd", note="standard deviation between training seeds, in points"),
        Column("coverage", note="answers that were read as a label"),
    )
    rows = tuple(_row(table, row) for row in table.rows)
    verdict = table.verdict
    named = {table.reference, verdict.system if verdict is not None else ""}
    strong = tuple(i for i, row in enumerate(table.rows) if row.system in named)
    caption = (
        f"{count(table.test.examples)} test sentences; click a head to sort."
        f" {ASSUMED} stands on assumed prices."
    )
    notes = tuple(Note(note, "small") for note in notes_of(table))
    return (
        Grid("head-to-head", columns, rows, caption, strong),
        Fold("How to read it, and what was assumed", notes),
    )


def _row(table: HeadToHead, row: Row) -> tuple[Cell, ...]:
    gap, costs = row.difference, row.costs
    rows = row.training_rows
    trained = (rows.gold, rows.generated, rows.labelled)
    absent = row.kind == "baseline"
    value, sd = score(row.score.value), row.score.seed_sd
    tone: Tone = ""
    if gap is not None:
        tone = "good" if gap.low > -table.tolerance else tone
        tone = "bad" if gap.high < -table.tolerance else tone
    return (
        Cell(row.system, row.system, tone="strong"),
        Cell(row.kind, row.kind),
        Cell(f"{value} {interval(row.score.low, row.score.high)}".strip(), row.score.value),
        Cell("reference" if row.reference else "-", 0.0 if row.reference else None)
        if gap is None
        else Cell(
            f"{signed(gap.value)} {interval(gap.low, gap.high, sign=True)}", gap.value, tone=tone
        ),
        Cell("-")
        if gap is None or gap.within_tolerance is None
        else Cell(f"{100 * gap.within_tolerance:.0f}%", gap.within_tolerance),
        Cell("-") if costs is None else money_cell(costs.one_off),
        Cell("-") if costs is None else money_cell(costs.cheapest),
        Cell(
            "-" if absent else seconds(costs.seconds_per_1000) if costs else UNKNOWN,
            costs.seconds_per_1000 if costs else None,
        ),
        bounded_even(row.break_even),
        Cell(count(row.gold_budget), row.gold_budget),
        Cell(" / ".join(map(count, trained)) if any(trained) else "-", sum(trained)),
        Cell("-") if gap is None else Cell(p_value(gap.p_holm), gap.p_holm),
        Cell("-" if sd is None else f"±{score(sd)}", sd),
        Cell(f"{row.coverage:.1f}%".replace(".0%", "%"), row.coverage),
    )


SECTION = Section("Head to head", 10, _blocks, "Table")
