"""Cascades: the score against the running cost, from the student alone to the LLM alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.costs import Money
from harness.report._cascade import CascadeCurve, CascadePoint
from harness.report._figures import metric_word, score
from harness.report.page._blocks import Block, Cell, Chart, Column, Fold, Grid, Paint
from harness.report.page._cells import money_cell
from harness.report.page._evidence import Evidence
from harness.report.page._section import Section

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SECTION"]


def _blocks(evidence: Evidence) -> Sequence[Block]:
    curves = evidence.table.cascades
    if not curves:
        return ()
    word = metric_word(evidence.table.metric)
    chart = Chart(
        "cascades",
        f"{word} against the part of the sentences that is passed on, for every threshold. No call"
        " was made for it: both systems had answered all of them.",
        lambda axes, paint: _draw(axes, paint, curves, word),
        ("cascade", "threshold", "share", word, "usd_per_1000"),
        tuple(
            (c.name, p.threshold, p.share, p.score, _list_price(p).amount)
            for c in curves
            for p in c.points
        ),
    )
    grids = [_grid(place, curve, word) for place, curve in enumerate(curves)]
    return (chart, *(Fold(grid.caption, (grid,)) for grid in grids))


def _grid(place: int, curve: CascadeCurve, word: str) -> Grid:
    columns = (
        Column(f"passed on to {curve.direct}", numeric=False),
        Column("confidence below"),
        Column(word),
        Column("cost per 1,000"),
    )
    rows = tuple(
        (
            Cell(f"{point.share:.0%}", point.share, tone="strong"),
            Cell(f"{point.threshold:.4f}", point.threshold),
            Cell(score(point.score), point.score),
            money_cell(_list_price(point)),
        )
        for point in curve.points
    )
    caption = f"{curve.name}: {curve.student} first, {curve.direct} where it is not confident."
    return Grid(f"cascade-{place}", columns, rows, caption)


def _list_price(point: CascadePoint) -> Money:
    return point.per_1000.get("list", Money.unknown())


def _draw(axes: Axes, paint: Paint, curves: Sequence[CascadeCurve], word: str) -> None:
    styles = ("-o", "--s", ":^", "-.d")
    for place, curve in enumerate(curves):
        xs = [100 * point.share for point in curve.points]
        ys = [point.score for point in curve.points]
        style = styles[place % len(styles)]
        axes.plot(xs, ys, style, color=paint.of("cascade"), markersize=3, label=curve.name)
    axes.set_xlabel("sentences passed on (%)")
    axes.set_ylabel(word)
    legend = axes.legend(frameon=False, fontsize=9)
    for text in legend.get_texts():
        text.set_color(paint.ink)


SECTION = Section("Cascades", 65, _blocks, "Cascades")
