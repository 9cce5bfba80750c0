"""The page as one HTML file."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from harness import __version__
from harness.report._figures import count, interval, money, score, signed
from harness.report._json import render_json
from harness.report.page._blocks import Block, Chart, Fold, Grid, Note
from harness.report.page._cells import bounded_even
from harness.report.page._charts import inline_svg, save_chart
from harness.report.page._embed import embedded
from harness.report.page._evidence import Evidence
from harness.report.page._section import sections

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["charts_of", "render_page", "save_figures"]

_TONES = {"distil": "good", "do_not_distil": "bad", "not_separable": "open", "cost_unknown": "open"}
_made: WeakKeyDictionary[Evidence, list[_Part]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class _Part:
    """A section that has something to show."""

    name: str
    title: str
    short: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class _Fact:
    """A figure under the verdict."""

    name: str
    value: str
    note: str = ""


def render_page(evidence: Evidence) -> str:
    """The page of a run: everything in one file, which asks the network for nothing.

    Every text of a user or a model is escaped by the template; SVG, style, script and JSON are
    ours, and JSON is written so that no text can end its element. A policy in the page lets
    no other script run.

    Raises:
        MissingExtraError: When matplotlib is absent.
    """
    from markupsafe import Markup

    environment = _environment()
    script = _text("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    title = evidence.experiment.title or evidence.table.experiment
    parts = [
        {**_named(part), "blocks": [_prepared(block) for block in part.blocks]}
        for part in _parts(evidence)
    ]
    return environment.get_template("page.html.jinja").render(
        title=title,
        version=__version__,
        style=Markup(_text("page.css")),
        script=Markup(script),
        script_hash=f"sha256-{digest}",
        verdict=_verdict(evidence),
        parts=parts,
        results=Markup(embedded(json.loads(render_json(evidence.table)))),
    )


def charts_of(evidence: Evidence) -> list[Chart]:
    """The charts of all sections, in the page's order."""

    def inside(blocks: Sequence[Block]) -> Iterator[Chart]:
        for block in blocks:
            if isinstance(block, Chart):
                yield block
            elif isinstance(block, Fold):
                yield from inside(block.blocks)

    return [chart for part in _parts(evidence) for chart in inside(part.blocks)]


def save_figures(evidence: Evidence, folder: Path) -> tuple[Path, ...]:
    """Writes every chart as SVG, PNG and CSV.

    Raises:
        MissingExtraError: When matplotlib is absent.
    """
    return tuple(file for chart in charts_of(evidence) for file in save_chart(chart, folder))


def _parts(evidence: Evidence) -> list[_Part]:
    """The sections that have something to show, by their order; made once for a run."""
    if evidence not in _made:
        found = sorted(((sections.get(n), n) for n in sections.names()), key=lambda s: s[0].order)
        _made[evidence] = [
            _Part(name.replace("_", "-"), section.title, section.short, blocks)
            for section, name in found
            if (blocks := tuple(section.blocks(evidence)))
        ]
    return _made[evidence]


def _named(part: _Part) -> dict[str, Any]:
    return {"name": part.name, "title": part.title, "short": part.short}


def _prepared(block: Block) -> dict[str, Any]:
    """A block with its kind, and what of it is HTML already."""
    from markupsafe import Markup

    if isinstance(block, Chart):
        return {"is": "chart", "it": block, "svg": Markup(inline_svg(block))}
    if isinstance(block, Fold):
        return {"is": "fold", "it": block, "inner": [_prepared(b) for b in block.blocks]}
    if isinstance(block, Grid):
        return {"is": "grid", "it": block}
    if isinstance(block, Note):
        return {"is": "note", "it": block}
    data = Markup(embedded(block.data)) if block.name != "disagreements" else ""
    return {"is": "widget", "it": block, "json": data}


def _verdict(evidence: Evidence) -> dict[str, Any]:
    table, verdict = evidence.table, evidence.table.verdict
    if verdict is None:
        rest = "no student was compared with the reference, so there is nothing to decide."
        return {"answer": "No verdict", "tone": "open", "rest": rest, "facts": []}
    answer, _, rest = verdict.sentence.partition(": ")
    row = table.row(verdict.system)
    reference = table.row(table.reference)
    facts = [
        _Fact(
            f"F1 of {verdict.system}" if table.metric == "micro_f1" else table.metric,
            score(row.score.value),
            f"{interval(row.score.low, row.score.high)}; {table.reference}"
            f" {score(reference.score.value)}",
        )
    ]
    if (gap := row.difference) is not None:
        facts.append(_Fact("difference", signed(gap.value), interval(gap.low, gap.high, sign=True)))
        if gap.within_tolerance is not None:
            note = f"share of resamples that lose less than {score(table.tolerance)} points"
            facts.append(_Fact("within tolerance", f"{100 * gap.within_tolerance:.0f}%", note))
    volume, _, bounds = bounded_even(row.break_even).text.partition(" [")
    facts.append(_Fact("pays after", volume, f"[{bounds}" if bounds else "sentences"))
    for name, found in ((table.reference, reference), (verdict.system, row)):
        if found.costs is not None:
            facts.append(
                _Fact(f"{name}, 1,000 sentences", money(found.costs.cheapest),
                      f"one-off {money(found.costs.one_off)}")
            )  # fmt: skip
    facts.append(
        _Fact("test sentences", count(table.test.examples), f"tolerance {score(table.tolerance)}")
    )
    return {"answer": answer, "tone": _TONES[verdict.kind], "rest": rest, "facts": facts}


@cache
def _text(name: str) -> str:
    return (resources.files("harness.report.page") / "templates" / name).read_text("utf-8")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("harness.report.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
