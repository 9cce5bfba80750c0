"""How answers were read, and the three ways to count those that were not."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report._figures import count, metric_word, score
from harness.report.page._blocks import Block, Cell, Column, Grid, Note
from harness.report.page._evidence import Evidence
from harness.report.page._section import Section

__all__ = ["SECTION"]


def _blocks(evidence: Evidence) -> Sequence[Block]:
    table = evidence.table
    shown = [row for row in table.rows if row.kind == "direct" or row.unparsed]
    if not shown:
        return ()
    outcomes = list(dict.fromkeys(o for row in shown for o in row.outcomes))
    kept = [o for o in outcomes if o == "parsed" or any(row.outcomes.get(o) for row in shown)]
    bare = table.metric.partition("@")[0]
    word = metric_word(bare)
    columns = (
        Column("system", numeric=False),
        *(Column(outcome.replace("_", " ")) for outcome in kept),
        Column(f"{word}, counted wrong"),
        Column(f"{word}, counted as NA"),
        Column(f"{word}, left out"),
    )
    rows = tuple(
        (
            Cell(row.system, row.system, tone="strong"),
            *(Cell(count(row.outcomes.get(o, 0)), row.outcomes.get(o, 0)) for o in kept),
            *(
                Cell(score(value), value)
                for value in (
                    row.diagnostics.get(bare),
                    row.diagnostics.get(f"{bare}@unparsed=na"),
                    row.diagnostics.get(f"{bare}@unparsed=left_out"),
                )
            ),
        )
        for row in shown
    )
    note = "The head-to-head table counts an answer that could not be read as wrong."
    return (Grid("parse-outcomes", columns, rows, "Answers over all seeds."), Note(note, "small"))


SECTION = Section("How answers were read", 130, _blocks, "Parsing")
