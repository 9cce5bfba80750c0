"""Cumulative cost over the number of sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from harness.report._figures import count
from harness.report.page._blocks import Block, Chart, Paint
from harness.report.page._evidence import Evidence
from harness.report.page._section import Section
from harness.report.page._totals import Total, totals

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SECTION"]

_POINTS = 60


def _blocks(evidence: Evidence) -> Sequence[Block]:
    top = max(10 * evidence.table.volume, 10_000)
    volumes = [float(v) for v in np.geomspace(100, top, _POINTS)]
    lines = {
        row.system: found
        for row in evidence.table.rows
        if row.kind != "baseline" and (found := totals(evidence.systems[row.system], volumes))
    }
    if not lines:
        return ()
    kinds: dict[str, str] = {row.system: row.kind for row in evidence.table.rows}
    volume = evidence.table.volume
    chart = Chart(
        "cumulative-cost",
        "What each system has cost after so many sentences, everything paid once included. Bands"
        f" are 95% intervals; the dotted line is the declared volume of {count(volume)}.",
        lambda axes, paint: _draw(axes, paint, lines, kinds, volume),
        ("system", "sentences", "usd", "usd_low", "usd_high"),
        tuple((n, t.volume, t.value, t.low, t.high) for n, line in lines.items() for t in line),
        (5.8, 3.8),
    )
    return (chart,)


def _draw(
    axes: Axes, paint: Paint, lines: dict[str, list[Total]], kinds: dict[str, str], volume: int
) -> None:
    from matplotlib.ticker import FuncFormatter, NullFormatter

    styles = ("-", "--", "-.", ":")
    used: dict[str, int] = {}
    floor = min((t.value for line in lines.values() for t in line if t.value > 0), default=1.0)
    for name, line in lines.items():
        kind = kinds[name]
        style = styles[used.get(kind, 0) % len(styles)]
        used[kind] = used.get(kind, 0) + 1
        xs, ys = [t.volume for t in line], [max(t.value, floor) for t in line]
        axes.plot(xs, ys, style, color=paint.of(kind), linewidth=1.8, label=name)
        if any(t.high > t.low for t in line):
            axes.fill_between(
                xs,
                [max(t.low, floor) for t in line],
                [t.high for t in line],
                color=paint.of(kind),
                alpha=0.14,
                linewidth=0,
            )
    axes.axvline(volume, color=paint.ink, linewidth=1, linestyle=":", alpha=0.7)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: _short(v)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"${v:,.10g}"))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("sentences")
    axes.set_ylabel("USD in all")
    legend = axes.legend(frameon=False, fontsize=9, loc="upper left", ncols=1)
    for text in legend.get_texts():
        text.set_color(paint.ink)


def _short(value: float) -> str:
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


SECTION = Section("Cost over volume", 40, _blocks, "Volume")
