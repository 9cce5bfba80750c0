"""Charts as SVG for the page, and as SVG, PNG and CSV files."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import MissingExtraError
from harness.report.page._blocks import Chart, Paint

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["inline_svg", "save_chart"]

# On the page colours are CSS variables, so that a chart follows dark and light. matplotlib
# takes colours alone: these stand in for the variables and occur nowhere else.
_STAND_INS = {"ink": "#010203", "faint": "#040506"}
_KINDS = ("direct", "distilled", "labelled", "gold", "mixed", "baseline", "cascade")
_STAND_INS |= {kind: f"#0a0b{at:02x}" for at, kind in enumerate(_KINDS)}
_PAGE = Paint(_STAND_INS["ink"], _STAND_INS["faint"], {k: _STAND_INS[k] for k in _KINDS})
_PAPER = Paint(
    "#1f2328",
    "#c4c9d0",
    dict(zip(_KINDS, ("#c2410c", "#2563eb", "#0d9488", "#a16207", "#7c3aed", "#6b7280", "#be185d"),
             strict=True)),
)  # fmt: skip


def inline_svg(chart: Chart) -> str:
    """The chart as an SVG element whose colours are the page's; text stays text."""
    text = _svg(chart, _PAGE)
    text = text[text.index("<svg") :]
    for name, colour in _STAND_INS.items():
        text = text.replace(colour, f"var(--c-{name})")
    text = re.sub(r'<g id="[^"]*"', "<g", text)  # numbered anew in each chart
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    head, rest = text.split(">", 1)
    head = re.sub(r' (width|height)="[^"]*"', "", head)
    return f'{head} role="img" aria-labelledby="caption-{chart.name}">{rest}'


def save_chart(chart: Chart, folder: Path) -> tuple[Path, ...]:
    """Writes ``NAME.svg``, ``NAME.png`` and ``NAME.csv``; the CSV holds what is drawn."""
    folder.mkdir(parents=True, exist_ok=True)
    files = tuple(folder / f"{chart.name}.{suffix}" for suffix in ("svg", "png", "csv"))
    files[0].write_text(_svg(chart, _PAPER), encoding="utf-8")
    with _style(chart.name):
        _figure(chart, _PAPER).savefig(files[1], dpi=200, metadata={"Software": None})
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(chart.columns)
    writer.writerows(chart.data)
    files[2].write_text(stream.getvalue(), encoding="utf-8")
    return files


def _svg(chart: Chart, paint: Paint) -> str:
    stream = io.StringIO()
    with _style(chart.name):
        figure = _figure(chart, paint)
        figure.savefig(
            stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
        )
    return stream.getvalue()


def _style(name: str) -> Any:
    try:
        import matplotlib as mpl
    except ImportError:
        raise MissingExtraError(
            package="matplotlib", extra="report", feature="The page's charts"
        ) from None
    return mpl.rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": name,
            "text.parse_math": False,  # a system may be called $x$
            "font.family": "sans-serif",
            "font.size": 10.5,
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
    )


def _figure(chart: Chart, paint: Paint) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=chart.size, layout="constrained")
    axes = figure.add_subplot()
    axes.grid(True, color=paint.faint, linewidth=0.6)
    axes.set_axisbelow(True)
    chart.draw(axes, paint)
    axes.tick_params(colors=paint.ink, which="both", length=3)
    for spine in axes.spines.values():
        spine.set_color(paint.faint)
    for text in (axes.xaxis.label, axes.yaxis.label, axes.title):
        text.set_color(paint.ink)
    return figure
