"""Rows that stand in the test set as well."""

from __future__ import annotations

import json
from collections.abc import Sequence

from harness.pipeline import OVERLAPS
from harness.report._figures import count
from harness.report.page._blocks import Block, Cell, Column, Fold, Grid, Note
from harness.report.page._evidence import Evidence
from harness.report.page._section import Section

__all__ = ["SECTION"]

_KINDS = ("exact", "normalised", "near")
_LISTED = 50


def _blocks(evidence: Evidence) -> Sequence[Block]:
    records = evidence.manifest.overlaps
    if not records:
        return ()
    rows, pairs = [], []
    for record in records:
        file = evidence.reader.files.artefact(record.key).content / OVERLAPS
        found = json.loads(file.read_text(encoding="utf-8"))
        counts = [len(found.get(kind, ())) for kind in _KINDS]
        rows.append(
            (
                Cell(record.rows, record.rows, tone="strong"),
                *(Cell(count(n), n, tone="bad" if n else "") for n in counts),
            )
        )
        pairs += [
            (
                Cell(record.rows, record.rows),
                Cell(kind, kind),
                Cell(pair["left"], pair["left"]),
                Cell(pair["right"], pair["right"]),
                Cell(f"{100 * pair.get('similarity', 1.0):.0f}%", pair.get("similarity", 1.0)),
            )
            for kind in _KINDS
            for pair in found.get(kind, ())
        ]
    columns = (
        Column("rows compared with the test set", numeric=False),
        Column("equal"),
        Column("equal after normalising"),
        Column("nearly equal"),
    )
    blocks: list[Block] = [Grid("overlaps", columns, tuple(rows))]
    if pairs:
        heads = ("rows", "kind", "row", "test example", "similarity")
        listed = Grid(
            "overlap-pairs",
            tuple(Column(head, numeric=head == "similarity") for head in heads),
            tuple(pairs[:_LISTED]),
            f"{min(len(pairs), _LISTED)} of {count(len(pairs))} pairs.",
        )
        blocks.append(Fold("The pairs", (listed,)))
    else:
        blocks.append(Note("No row that a system saw stands in the test set.", "small"))
    return blocks


SECTION = Section("Contamination and overlap", 140, _blocks, "Overlaps")
