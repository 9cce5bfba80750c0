"""Scores on parts of the test set."""

from __future__ import annotations

from collections.abc import Sequence

from harness.metrics import interval
from harness.report._figures import count, metric_word
from harness.report.page._blocks import Block, Cell, Column, Grid, Note
from harness.report.page._cells import difference_cell, score_cell
from harness.report.page._evidence import Evidence
from harness.report.page._section import Section
from harness.report.page._slices import Slice, slices_of

__all__ = ["SECTION"]


def _blocks(evidence: Evidence) -> Sequence[Block]:
    trained = [
        row
        for record in evidence.manifest.systems
        if record.kind != "direct"
        for row in evidence.training(record.name)
    ]
    parts = slices_of(
        evidence.examples,
        trained=trained,
        labelled=evidence.labelled_rows,
        schema=evidence.schema,
    )
    if not parts:
        return ()
    word, student = metric_word(evidence.table.metric), evidence.student
    named = None if student is None else student.name
    columns = [
        Column("divided by", numeric=False),
        Column("part", numeric=False),
        Column("examples"),
    ]
    if named is not None:
        columns.append(Column(f"{named} less {evidence.table.reference} [95%]"))
    columns += [Column(f"{name}: {word} [95%]") for name in evidence.whole]
    rows = tuple(_row(evidence, part, named) for part in parts)
    return (
        Note(
            "A pair counts as seen if both entities stand together in a row that a student of this"
            " run was trained on. A sentence has a lexical cue if a word outside its entities"
            " speaks for its gold relation in the labelled rows outside the test set; sentences"
            " without a relation have no part in that division. Intervals are not corrected for"
            " their number: in twenty of them one misses by chance.",
            "small",
        ),
        Grid(
            "slices", tuple(columns), rows, "Colours mark a difference whose interval leaves out 0."
        ),
    )


def _row(evidence: Evidence, part: Slice, named: str | None) -> tuple[Cell, ...]:
    cells = [
        Cell(part.by, part.by),
        Cell(part.name, part.name, tone="strong"),
        Cell(count(len(part.ids)), len(part.ids)),
    ]
    if named is not None:
        cells.append(difference_cell(evidence.compared(named, evidence.table.reference,
                                                       ids=part.ids)))  # fmt: skip
    cells += [
        score_cell(
            interval(
                system.answers.subset(part.ids),
                evidence.table.metric,
                resamples=evidence.resamples,
                seed=evidence.table.seed,
            )
        )
        for system in evidence.whole.values()
    ]
    return tuple(cells)


SECTION = Section("Where systems differ", 70, _blocks, "Slices")
