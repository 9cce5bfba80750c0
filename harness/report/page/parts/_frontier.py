"""F1 against cost, and the systems that no other beats in both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from harness.report._figures import ASSUMED, count, metric_word
from harness.report._row import Row
from harness.report.page._blocks import Block, Chart, Note, Paint
from harness.report.page._evidence import Evidence
from harness.report.page._section import Section
from harness.report.page._totals import Total, totals

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import BboxBase

__all__ = ["SECTION"]

_MARKS = {"direct": "o", "distilled": "s", "labelled": "D", "gold": "^", "mixed": "P",
          "cascade": "X"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Point:
    row: Row
    cost: Total


def _blocks(evidence: Evidence) -> Sequence[Block]:
    volume = evidence.table.volume
    points, unpriced = [], []
    for row in evidence.table.rows:
        if row.kind == "baseline":
            continue
        found = totals(evidence.systems[row.system], [volume])
        if found:
            scale = 1_000_000 / volume
            total = found[0]
            points.append(
                _Point(row, Total(1_000_000, *(v * scale for v in (total.value, total.low,
                                                                   total.high))))
            )  # fmt: skip
        else:
            unpriced.append(row.system)
    if not points:
        return (Note("No system's cost is known: declare the missing prices to see this."),)
    word = metric_word(evidence.table.metric)
    assumed = any(p.row.costs is not None and (p.row.costs.one_off.assumed
                  or p.row.costs.cheapest.assumed) for p in points)  # fmt: skip
    front = _front(points)
    caption = (
        f"{word} against the cost of 1,000,000 sentences with everything paid once spread over the"
        f" declared volume of {count(volume)}. Bars are 95% intervals: over test sentences and"
        " seeds for the score; over sentences' tokens, measured time and price ranges for the"
        f" cost. The line is the Pareto front: {', '.join(p.row.system for p in front)}."
    )
    if assumed:
        caption += f" Some costs are assumed ({ASSUMED} in the table)."
    if unpriced:
        caption += f" Left out, their cost being unknown: {', '.join(unpriced)}."
    chart = Chart(
        "f1-against-cost",
        caption,
        lambda axes, paint: _draw(axes, paint, points, front, word),
        ("system", "kind", word, "low", "high", "usd_per_million", "usd_low", "usd_high", "front"),
        tuple(
            (p.row.system, p.row.kind, p.row.score.value, p.row.score.low, p.row.score.high,
             p.cost.value, p.cost.low, p.cost.high, "yes" if p in front else "no")
            for p in points
        ),
        (5.8, 4.0),
    )  # fmt: skip
    return (chart,)


def _front(points: list[_Point]) -> list[_Point]:
    """Those for which no other is as good and cheaper, or better and no dearer."""
    best, front = float("-inf"), []
    for point in sorted(points, key=lambda p: (p.cost.value, -p.row.score.value)):
        if point.row.score.value > best:
            front.append(point)
            best = point.row.score.value
    return front


def _draw(axes: Axes, paint: Paint, points: list[_Point], front: list[_Point], word: str) -> None:
    xs = [p.cost.value for p in front]
    ys = [p.row.score.value for p in front]
    axes.step(xs, ys, where="post", color=paint.ink, linewidth=1, alpha=0.45, linestyle="--")
    for p in points:
        colour, low, high = paint.of(p.row.kind), p.row.score.low, p.row.score.high
        y = p.row.score.value
        axes.errorbar(
            p.cost.value,
            y,
            xerr=[[p.cost.value - p.cost.low], [p.cost.high - p.cost.value]],
            yerr=None if low is None or high is None else [[y - low], [high - y]],
            fmt=_MARKS.get(p.row.kind, "o"),
            color=colour,
            ecolor=colour,
            elinewidth=1.2,
            capsize=2,
            markersize=6.5,
        )
    if all(p.cost.value > 0 for p in points):
        axes.set_xscale("log")
        low, high = min(p.cost.low for p in points), max(p.cost.high for p in points)
        if high < 30 * max(low, 1e-12):  # a narrow range has no power of ten to be labelled
            axes.set_xlim(low / 2.2, high * 2.6)
        _label_money(axes)
    axes.margins(x=0.18, y=0.14)
    axes.set_xlabel("USD per 1,000,000 sentences")
    axes.set_ylabel(word)
    axes.autoscale_view()
    _names(axes, paint, points, front)


def _names(axes: Axes, paint: Paint, points: list[_Point], front: list[_Point]) -> None:
    """Names beside the points, each where it covers least of what stands already."""
    at = {p.row.system: axes.transData.transform((p.cost.value, p.row.score.value)) for p in points}
    scale = axes.figure.dpi / 72
    taken: list[_Box] = [_Box(x - 5, y - 5, x + 5, y + 5) for x, y in at.values()]
    for here, there in pairwise(front):  # the line between them
        (x, y), (right, top) = at[here.row.system], at[there.row.system]
        taken += [_Box(x, y - 2, right, y + 2), _Box(right - 2, y, right + 2, top)]
    for p in sorted(points, key=lambda p: -p.row.score.value):
        x, y = at[p.row.system]
        wide, high = 5.6 * scale * len(p.row.system), 12 * scale
        best: _Spot | None = None
        for far in (8, 20, 34, 50):
            for dx, dy in ((1, 0.0), (-1, 0.0), (1, 0.8), (1, -0.8), (-1, 0.8), (-1, -0.8)):
                left = x + far * dx * scale - (wide if dx < 0 else 0)
                low = y + far * dy * scale - high / 2
                box = _Box(left, low, left + wide, low + high)
                covered = sum(box.shared(other) for other in taken) + 4 * box.outside(axes.bbox)
                if best is None or covered < best.covered:
                    best = _Spot(covered, far, far * dx, far * dy, box)
        assert best is not None  # there are spots
        taken.append(best.box)
        line = {"arrowstyle": "-", "color": paint.faint, "lw": 0.8}
        axes.annotate(
            p.row.system,
            (p.cost.value, p.row.score.value),
            xytext=(best.right, best.up),
            textcoords="offset points",
            ha="left" if best.right > 0 else "right",
            va="center",
            color=paint.of(p.row.kind),
            fontsize=9.5,
            arrowprops=line if best.far > 8 else None,
        )


@dataclass(frozen=True, slots=True)
class _Box:
    """A rectangle in pixels."""

    left: float
    low: float
    right: float
    high: float

    def shared(self, other: _Box) -> float:
        """The area that two share."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        tall = min(self.high, other.high) - max(self.low, other.low)
        return max(wide, 0.0) * max(tall, 0.0)

    def outside(self, frame: BboxBase) -> float:
        """The area outside the axes."""
        inner = _Box(frame.x0, frame.y0, frame.x1, frame.y1)
        return (self.right - self.left) * (self.high - self.low) - self.shared(inner)


@dataclass(frozen=True, slots=True)
class _Spot:
    """A place for a name, in points from its own point, and what it would cover, in pixels."""

    covered: float
    far: int
    right: float
    up: float
    box: _Box


def _label_money(axes: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=8))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"${v:,.10g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


SECTION = Section("F1 against cost", 20, _blocks, "Cost")
