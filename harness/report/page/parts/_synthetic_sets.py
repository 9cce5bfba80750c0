"""What the run's generated and labelled sets are like, where they were described."""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import ArtefactError
from harness.report._document import Sheet
from harness.report._set_sheets import sets_document
from harness.report._sets import set_reports
from harness.report.page._blocks import Block, Cell, Column, Fold, Grid, Note
from harness.report.page._evidence import Evidence
from harness.report.page._section import Section

__all__ = ["SECTION"]

_MADE = ("generated", "labelled")


def _blocks(evidence: Evidence) -> Sequence[Block]:
    try:
        document = sets_document(set_reports(evidence.folder))
    except ArtefactError:
        return _hint(evidence)
    first, *others = (_grid(place, sheet) for place, sheet in enumerate(document.sheets))
    blocks: list[Block] = [first]
    if document.conclusion:
        blocks.append(Note(document.conclusion))
    blocks += [Fold(grid.caption, (grid,)) for grid in others]
    blocks.append(Fold("How these figures come about", tuple(map(_small, document.notes))))
    return blocks


def _hint(evidence: Evidence) -> Sequence[Block]:
    """Says how the report is made, where there are sets to describe."""
    files = evidence.reader.files
    made = any(
        files.source_kind(node) in _MADE
        for record in evidence.manifest.systems
        for node in files.sources(record)
    )
    if not made:
        return ()
    said = "Describe the sets that students were trained on, and write this page again:"
    command = f"calldistil describe {evidence.folder}/experiment.yaml --output {evidence.folder}"
    return (Note(said, "small"), Note(command, "code"))


def _grid(place: int, sheet: Sheet) -> Grid:
    columns = tuple(Column(h.text, numeric=h.right) for h in sheet.headings)
    rows = tuple(
        (Cell(row[0], tone="strong"), *(Cell(text, _number(text)) for text in row[1:]))
        for row in sheet.rows
    )
    return Grid(f"sets-{place}", columns, rows, sheet.title)


def _number(text: str) -> float | str:
    """A cell's leading number, by which it is sorted; else its text."""
    start = text.lstrip("≈$").split(" ")[0].rstrip("%").replace(",", "")
    try:
        return float(start)
    except ValueError:
        return text


def _small(text: str) -> Note:
    return Note(text, "small")


SECTION = Section("Synthetic sets", 135, _blocks, "Sets")
