"""When a student has paid for itself, against each way to buy the LLM's answers."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report._figures import count, score
from harness.report.page._blocks import Block, Cell, Column, Grid, Note
from harness.report.page._cells import bounded_even, money_cell
from harness.report.page._evidence import Evidence
from harness.report.page._section import Section

__all__ = ["SECTION"]


def _blocks(evidence: Evidence) -> Sequence[Block]:
    table = evidence.table
    rows = [row for row in table.rows if row.break_even is not None and row.kind != "direct"]
    if not rows:
        return ()
    modes = list(dict.fromkeys(mode for row in rows for mode in row.break_even_by_mode))
    columns = (
        Column("student", numeric=False),
        Column("cheapest honest price [95%]"),
        *(Column(f"{mode.replace('_', ' ')} price [95%]") for mode in modes),
        Column(f"within {score(table.tolerance)} points", note="share of resamples"),
        Column("human labels"),
        Column("one-off cost"),
    )
    cells = []
    for row in rows:
        gap = row.difference
        within = None if gap is None else gap.within_tolerance
        cells.append(
            (
                Cell(row.system, row.system, tone="strong"),
                bounded_even(row.break_even),
                *(bounded_even(row.break_even_by_mode.get(mode)) for mode in modes),
                Cell("-") if within is None else Cell(f"{100 * within:.0f}%", within),
                Cell(count(row.gold_budget), row.gold_budget),
                Cell("unknown") if row.costs is None else money_cell(row.costs.one_off),
            )
        )
    return (
        Note(
            f"Sentences after which a student and all that was paid for it once have cost less than"
            f" asking {table.reference} each time. Brackets hold 95% of the draws: test sentences"
            " resampled for the LLM's tokens, training repetitions for the student's time, prices"
            " drawn from their declared ranges. Money that was spent once, apart from its prices,"
            " is taken as it is. A bound that reads never: in part of the draws the student does"
            " not get cheaper."
        ),
        Grid("break-even", columns, tuple(cells), "Break-even volume, in sentences."),
    )


SECTION = Section("Break-even", 30, _blocks, "Break-even")
