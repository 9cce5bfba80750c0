"""How the score rises with training rows, and where buying more stops to pay.

A curve is drawn from systems that the experiment declares: students of one component and one kind
that differ in their number of training rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.report._figures import count, metric_word, money
from harness.report._row import Row
from harness.report.page._blocks import Block, Cell, Chart, Column, Grid, Paint
from harness.report.page._cells import difference_cell, money_cell
from harness.report.page._evidence import Evidence
from harness.report.page._section import Section

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SECTION"]


@dataclass(frozen=True, slots=True)
class _Curve:
    """Students of one kind and component, by rising number of rows."""

    name: str
    kind: str
    rows: tuple[Row, ...]


def _size(row: Row) -> int:
    trained = row.training_rows
    return trained.gold + trained.generated + trained.labelled


def _curves(evidence: Evidence) -> list[_Curve]:
    found: dict[tuple[str, str], dict[int, Row]] = {}
    for row in evidence.table.rows:
        if row.kind in ("distilled", "labelled", "gold") and row.system in evidence.systems:
            key = (row.kind, evidence.component(row.system))
            found.setdefault(key, {}).setdefault(_size(row), row)
    return [
        _Curve(f"{component}, {kind}", kind, tuple(by_size[n] for n in sorted(by_size)))
        for (kind, component), by_size in found.items()
        if len(by_size) > 1
    ]


def _blocks(evidence: Evidence) -> Sequence[Block]:
    curves = _curves(evidence)
    if not curves:
        return ()
    word = metric_word(evidence.table.metric)
    chart = Chart(
        "learning-curve",
        f"{word} over training rows, with 95% intervals.",
        lambda axes, paint: _draw(axes, paint, curves, word),
        ("curve", "system", "rows", word, "low", "high", "one_off_usd"),
        tuple(
            (c.name, r.system, _size(r), r.score.value, r.score.low, r.score.high,
             r.costs.one_off.amount if r.costs else None)
            for c in curves for r in c.rows
        ),
    )  # fmt: skip
    columns = (
        Column("step", numeric=False),
        Column("rows more"),
        Column("paid more"),
        Column(f"{word} gained [95%]"),
        Column("paid for a point"),
        Column("advice", numeric=False),
    )
    steps = tuple(cells for c in curves for cells in _steps(evidence, c))
    caption = (
        "Stop buying: the first step whose gain cannot be told from none on this test set. What a"
        " point is worth is yours to say; what it cost stands beside it."
    )
    return (chart, Grid("learning-steps", columns, steps, caption))


def _steps(evidence: Evidence, curve: _Curve) -> list[tuple[Cell, ...]]:
    steps: list[tuple[Cell, ...]] = []
    stopped = False
    for before, after in zip(curve.rows, curve.rows[1:], strict=False):
        gain = evidence.compared(after.system, before.system)
        paid = None
        if before.costs is not None and after.costs is not None:
            paid = after.costs.one_off - before.costs.one_off
        stopped = stopped or gain.low <= 0
        each = paid / gain.difference if paid is not None and gain.difference > 0 else None
        rows = _size(after) - _size(before)
        steps.append(
            (
                Cell(f"{before.system} → {after.system}", after.system, tone="strong"),
                Cell(count(rows), rows),
                Cell("unknown") if paid is None else money_cell(paid),
                difference_cell(gain),
                Cell("-") if each is None else Cell(money(each), each.amount),
                Cell("stop buying" if stopped else "worth a look at its price"),
            )
        )
    return steps


def _draw(axes: Axes, paint: Paint, curves: list[_Curve], word: str) -> None:
    for curve in curves:
        xs, ys = [_size(r) for r in curve.rows], [r.score.value for r in curve.rows]
        below = [y - (y if r.score.low is None else r.score.low)
                 for y, r in zip(ys, curve.rows, strict=True)]  # fmt: skip
        above = [(y if r.score.high is None else r.score.high) - y
                 for y, r in zip(ys, curve.rows, strict=True)]  # fmt: skip
        colour = paint.of(curve.kind)
        axes.errorbar(xs, ys, [below, above], fmt="-o", color=colour, capsize=2, label=curve.name)
    axes.set_xlabel("training rows")
    axes.set_ylabel(word)
    legend = axes.legend(frameon=False, fontsize=9)
    for text in legend.get_texts():
        text.set_color(paint.ink)


SECTION = Section("Learning curve", 60, _blocks, "Learning")
