"""Where the F1 goes between the LLM and a student, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from harness.report._figures import count, metric_word
from harness.report._row import Row
from harness.report.page._blocks import Block, Cell, Chart, Column, Grid, Note, Paint
from harness.report.page._cells import difference_cell
from harness.report.page._evidence import Evidence
from harness.report.page._section import Section

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SECTION"]

_CHAIN = ("direct", "gold", "labelled", "distilled")
_LOST = {
    ("direct", "gold"): "capacity: a student on human labels against the LLM",
    ("gold", "labelled"): "label noise: the teacher's labels instead of human ones",
    ("labelled", "distilled"): "text shift: text that the teacher wrote instead of real text",
    ("gold", "distilled"): "label noise and text shift together",
    ("direct", "labelled"): "capacity and label noise together",
    ("direct", "distilled"): "everything together",
}


def _size(row: Row) -> int:
    return row.training_rows.gold + row.training_rows.generated + row.training_rows.labelled


def _chains(evidence: Evidence) -> dict[str, list[Row]]:
    """By student: the reference, then its row of each kind with the most training rows."""
    chains: dict[str, dict[str, Row]] = {}
    for row in evidence.table.rows:
        if row.kind in _CHAIN[1:] and row.system in evidence.whole:
            best = chains.setdefault(evidence.component(row.system), {})
            if row.kind not in best or _size(row) > _size(best[row.kind]):
                best[row.kind] = row
    direct = evidence.row(evidence.table.reference)
    return {
        component: [direct, *(found[kind] for kind in _CHAIN[1:] if kind in found)]
        for component, found in chains.items()
    }


def _blocks(evidence: Evidence) -> Sequence[Block]:
    chains = _chains(evidence)
    if not chains:
        return ()
    word = metric_word(evidence.table.metric)
    rows = []
    for component, chain in chains.items():
        for before, after in pairwise(chain):
            lost = evidence.compared(after.system, before.system)
            rows.append(
                (
                    Cell(component, component),
                    Cell(f"{before.system} → {after.system}", after.system, tone="strong"),
                    Cell(_LOST[before.kind, after.kind]),
                    Cell(f"{_rows(before)} → {_rows(after)}", _size(after)),
                    difference_cell(lost),
                )
            )
    columns = (
        Column("student", numeric=False),
        Column("from → to", numeric=False),
        Column("what the step changes", numeric=False),
        Column("training rows"),
        Column(f"{word} [95%]"),
    )
    shown = [row for row in evidence.table.rows if row.kind != "baseline"]
    chart = Chart(
        "f1-by-kind",
        f"{word} of every system with its 95% interval; dots are training seeds.",
        lambda axes, paint: _draw(axes, paint, shown, word),
        ("system", "kind", word, "low", "high"),
        tuple((r.system, r.kind, r.score.value, r.score.low, r.score.high) for r in shown),
        (5.8, 0.9 + 0.42 * len(shown)),
    )
    note = Note(
        "Each step compares two systems on the same examples. It is only as pure as the two are"
        " alike otherwise: mind their numbers of training rows.",
        "small",
    )
    return (chart, Grid("where-f1-goes", columns, tuple(rows)), note)


def _rows(row: Row) -> str:
    return "-" if row.kind == "direct" else count(_size(row))


def _draw(axes: Axes, paint: Paint, rows: list[Row], word: str) -> None:
    for at, row in enumerate(reversed(rows)):
        colour, value = paint.of(row.kind), row.score.value
        low = value if row.score.low is None else row.score.low
        high = value if row.score.high is None else row.score.high
        axes.plot([low, high], [at, at], color=colour, linewidth=5, alpha=0.35,
                  solid_capstyle="round")  # fmt: skip
        axes.plot(row.score.by_seed, [at] * len(row.score.by_seed), ".", color=colour, alpha=0.7)
        axes.plot([value], [at], "o", color=colour, markersize=7)
    axes.set_yticks(range(len(rows)), [f"{r.system}" for r in reversed(rows)])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlabel(word)


SECTION = Section("Where the F1 goes", 80, _blocks, "F1 lost")
