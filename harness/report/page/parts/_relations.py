"""What the student gains and loses, relation by relation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from harness.metrics import Comparison, LabelF1, score
from harness.report._figures import count
from harness.report._figures import score as percent
from harness.report.page._blocks import Block, Cell, Chart, Column, Grid, Note, Paint
from harness.report.page._cells import difference_cell
from harness.report.page._evidence import Evidence
from harness.report.page._section import Section

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SECTION"]


def _blocks(evidence: Evidence) -> Sequence[Block]:
    student = evidence.student
    if student is None or student.name not in evidence.whole:
        return ()
    answers, other = student.answers, evidence.reference.answers
    support = np.bincount(answers.gold, minlength=len(evidence.schema.label_names))
    found: list[tuple[str, int, float, float, Comparison]] = []
    for code, label in enumerate(evidence.schema.label_names):
        metric = LabelF1(label)
        if not support[code] and not (answers.predicted == code).any():
            continue
        found.append(
            (
                label,
                int(support[code]),
                float(score(other, metric).mean()),
                float(score(answers, metric).mean()),
                evidence.compared(student.name, evidence.table.reference, metric),
            )
        )
    found.sort(key=lambda entry: entry[4].difference)
    na = evidence.schema.na_label
    rows = tuple(
        (
            Cell(f"{label} (NA)" if label == na else label, label, tone="strong"),
            Cell(count(n), n),
            Cell(percent(theirs), theirs),
            Cell(percent(ours), ours),
            difference_cell(gap),
        )
        for label, n, theirs, ours, gap in found
    )
    columns = (
        Column("relation", numeric=False),
        Column("gold"),
        Column(f"{evidence.table.reference}: F1"),
        Column(f"{student.name}: F1"),
        Column("difference [95%]"),
    )
    chart = Chart(
        "relations",
        f"F1 of {student.name} less that of {evidence.table.reference}, for each relation, with"
        " 95% intervals.",
        lambda axes, paint: _draw(axes, paint, [(e[0], e[4]) for e in found]),
        ("relation", "gold", "reference_f1", "student_f1", "difference", "low", "high"),
        tuple((e[0], e[1], e[2], e[3], e[4].difference, e[4].low, e[4].high) for e in found),
        (5.8, 0.9 + 0.27 * len(found)),
    )
    note = Note(
        f"Paired bootstrap of {count(evidence.resamples)} resamples, not corrected for the number"
        " of relations.",
        "small",
    )
    return (chart, Grid("relations", columns, rows), note)


def _draw(axes: Axes, paint: Paint, found: list[tuple[str, Comparison]]) -> None:
    axes.axvline(0, color=paint.ink, linewidth=1, alpha=0.5)
    for at, (_, gap) in enumerate(reversed(found)):
        colour = paint.of("direct" if gap.high < 0 else "labelled" if gap.low > 0 else "baseline")
        axes.plot([gap.low, gap.high], [at, at], color=colour, linewidth=2)
        axes.plot([gap.difference], [at], "o", color=colour, markersize=5)
    axes.set_yticks(range(len(found)), [label for label, _ in reversed(found)], fontsize=9)
    axes.set_ylim(-0.7, len(found) - 0.3)
    axes.set_xlabel("difference in F1")


SECTION = Section("Relations gained and lost", 90, _blocks, "Relations")
