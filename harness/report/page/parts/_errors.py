"""What kind of errors each system makes, and which labels are confused."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.metrics import Answers, confusion, diagnostics
from harness.report._figures import count, score
from harness.report.page._blocks import Block, Cell, Column, Fold, Grid, Note, Tone
from harness.report.page._evidence import Evidence
from harness.report.page._section import Section

__all__ = ["SECTION"]


def _blocks(evidence: Evidence) -> Sequence[Block]:
    columns = (
        Column("system", numeric=False),
        Column("right"),
        Column("relation where gold is NA", note="false alarms"),
        Column("NA where gold is a relation", note="missed"),
        Column("wrong relation"),
        Column("direction flips", note="the right relation the wrong way round"),
        Column("not read"),
    )
    rows = tuple(
        (Cell(name, name, tone="strong"), *_kinds(system.answers))
        for name, system in evidence.whole.items()
    )
    caption = f"Of {count(len(evidence.examples))} examples; means over the training seeds."
    blocks: list[Block] = [Grid("errors", columns, rows, caption)]
    named = [evidence.table.reference]
    if evidence.student is not None and evidence.student.name in evidence.whole:
        named.append(evidence.student.name)
    for at, name in enumerate(named):
        matrix = _matrix(evidence, name, f"confusion-{at}")
        blocks.append(Fold(f"Confusion table of {name}", (matrix,)))
    blocks.append(
        Note("A shade shows the share of a gold label; the diagonal is what was right.", "small")
    )
    return blocks


def _kinds(answers: Answers) -> list[Cell]:
    gold, said, na = answers.gold, answers.predicted, answers.na
    right = said == gold
    unread = said < 0
    alarm = (gold == na) & ~right & ~unread
    missed = (gold != na) & (said == na)
    flips = diagnostics(answers).direction_flips
    other = ~right & ~unread & ~alarm & ~missed
    means = [float(m.sum(axis=1).mean()) for m in (right, alarm, missed)]
    means += [float(other.sum(axis=1).mean()) - flips, flips, float(unread.sum(axis=1).mean())]
    return [Cell(score(mean).removesuffix(".0"), mean) for mean in means]


def _matrix(evidence: Evidence, name: str, id: str) -> Grid:
    found = confusion(evidence.systems[name].answers)
    columns = [Column("gold ↓  answered →", numeric=False)]
    columns += [
        Column("not read" if label is None else str(at), note=label or "not read")
        for at, label in enumerate(found.columns, start=1)
    ]
    totals = np.maximum(found.counts.sum(axis=1), 1)
    rows = []
    for i, label in enumerate(found.rows):
        cells = [Cell(f"{i + 1} {label}", i, tone="strong")]
        for j, n in enumerate(found.counts[i]):
            note = f"{label} answered as {found.columns[j] or 'not read'}: {n}"
            tone: Tone = "good" if i == j else "bad"
            shade = float(n / totals[i])
            cells.append(Cell(count(int(n)), int(n), note, tone, shade) if n else Cell("", 0))
        rows.append(tuple(cells))
    return Grid(id, tuple(columns), tuple(rows), matrix=True)


SECTION = Section("Errors and confusions", 100, _blocks, "Errors")
