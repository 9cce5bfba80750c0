"""A head-to-head table as sheets, a conclusion and notes."""

from __future__ import annotations

from harness.report._cascade import cascade_sheet
from harness.report._columns import Column, cost, details, modes, quality
from harness.report._document import Document, Heading, Sheet
from harness.report._figures import count, metric_word
from harness.report._notes import notes_of
from harness.report._row import Row
from harness.report._table import HeadToHead

__all__ = ["document_of"]


def document_of(table: HeadToHead) -> Document:
    """The table, its details and its notes, ready for a text format."""
    word = metric_word(table.metric)
    main = _sheet(
        f"{table.experiment}: {word} on {table.test.name} (n = {count(table.test.examples)})",
        table,
        (*quality(table), *cost(table)),
    )
    sheets = [main, _sheet("Diagnostics", table, details(table))]
    if by_mode := modes(table):
        priced = tuple(row for row in table.rows if row.costs is not None)
        sheets.append(_sheet("Running cost of 1,000 sentences by mode", table, by_mode, priced))
    sheets += [cascade_sheet(curve, table.metric) for curve in table.cascades]
    if table.verdict is not None:
        conclusion = f"Verdict: {table.verdict.sentence}"
    else:
        conclusion = "No verdict: no distilled student is compared with the reference."
    return Document(tuple(sheets), conclusion, notes_of(table), details=len(sheets) - 1)


def _sheet(
    title: str, table: HeadToHead, columns: tuple[Column, ...], rows: tuple[Row, ...] | None = None
) -> Sheet:
    rows = table.rows if rows is None else rows
    name = Column(Heading(("system",), right=False, wraps=True), lambda row: row.system)
    columns = (name, *columns)
    chosen = table.verdict.system if table.verdict is not None else None
    return Sheet(
        title=title,
        headings=tuple(column.heading for column in columns),
        rows=tuple(tuple(column.cell(row) for column in columns) for row in rows),
        strong=tuple(i for i, row in enumerate(rows) if row.system == chosen),
    )
