"""How long an answer takes."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report._figures import UNKNOWN, count, seconds
from harness.report.page._blocks import Block, Cell, Column, Grid, Note
from harness.report.page._evidence import Evidence
from harness.report.page._section import Section

__all__ = ["SECTION"]


def _blocks(evidence: Evidence) -> Sequence[Block]:
    columns = (
        Column("system", numeric=False),
        Column("p50 of a sentence"),
        Column("p95 of a sentence"),
        Column("sentences timed"),
        Column("mean of a sentence", note="wall-clock seconds of all, divided by the sentences"),
    )
    rows = []
    for row in evidence.table.rows:
        if row.kind == "baseline":
            continue
        timed = row.latency
        per_1000 = None if row.costs is None else row.costs.seconds_per_1000
        mean = None if per_1000 is None else per_1000 / 1000
        rows.append(
            (
                Cell(row.system, row.system, tone="strong"),
                *(
                    Cell(UNKNOWN, tone="muted") if v is None else Cell(seconds(v), v)
                    for v in ((None, None) if timed is None else (timed.p50, timed.p95))
                ),
                Cell("-") if timed is None else Cell(count(timed.sentences), timed.sentences),
                Cell(seconds(mean), mean, tone="muted" if mean is None else ""),
            )
        )
    return (
        Note(
            "p50 and p95 are known where each call was timed, its calls counted one after another."
            " A student answers in batches, whose mean alone is measured; a recording tells no"
            " time.",
            "small",
        ),
        Grid("latency", columns, tuple(rows)),
    )


SECTION = Section("Latency", 50, _blocks, "Latency")
