"""Named columns to examples, for every format that is a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import Field

from harness.datasets._collector import Collector, Span, text_group
from harness.datasets._problems import Place, ProblemLog, nearest
from harness.documents import FileModel
from harness.relations import MarkedTextError, Markers, Schema, parse_marked

__all__ = ["COLUMNS", "ColumnMapping", "Row", "collect_rows"]

COLUMNS = (
    "id",
    "text",
    "head",
    "head_start",
    "head_end",
    "head_type",
    "tail",
    "tail_start",
    "tail_end",
    "tail_type",
    "relation",
    "group",
)
"""What columns may say; also the names under which they are looked for."""


class ColumnMapping(FileModel):
    """Which column says what; one that is not named is looked for under its own name.

    Head and tail stand in one of three ways: as character offsets (``head_start``,
    ``head_end``, ``tail_start``, ``tail_end``), as surfaces that each stand exactly once in the
    text (``head``, ``tail``), or marked in the text itself.

    Attributes:
        id: Column of ids; without one, rows are numbered from 1.
        text: Column of the sentence.
        head: Column of the head's surface.
        head_start: Column of the head's first character.
        head_end: Column of the character after the head.
        head_type: Column of the head's entity type.
        tail: Column of the tail's surface.
        tail_start: Column of the tail's first character.
        tail_end: Column of the character after the tail.
        tail_type: Column of the tail's entity type.
        relation: Column of the label.
        group: Column of the group.
        head_marker: Tag name of the head in marked text; that of the schema, or ``e1``.
        tail_marker: Tag name of the tail in marked text; that of the schema, or ``e2``.
        group_by: Without a column of groups, ``text`` gives examples of an identical sentence
            one group; ``none`` does not.
    """

    id: str | None = None
    text: str | None = None
    head: str | None = None
    head_start: str | None = None
    head_end: str | None = None
    head_type: str | None = None
    tail: str | None = None
    tail_start: str | None = None
    tail_end: str | None = None
    tail_type: str | None = None
    relation: str | None = None
    group: str | None = None
    head_marker: str | None = Field(default=None, pattern=r"^[A-Za-z][\w-]*$")
    tail_marker: str | None = Field(default=None, pattern=r"^[A-Za-z][\w-]*$")
    group_by: Literal["text", "none"] = "text"

    def named(self) -> dict[str, str]:
        """What the user named: what a column says, to its name."""
        return {key: name for key in COLUMNS if (name := getattr(self, key)) is not None}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table.

    Attributes:
        place: Where it stands.
        cells: Column name to cell.
    """

    place: Place
    cells: Mapping[str, str]


class _Layout(StrEnum):
    OFFSETS = "offsets"
    SURFACES = "surfaces"
    MARKED = "marked"


@dataclass(frozen=True, slots=True)
class _Plan:
    columns: Mapping[str, str]
    layout: _Layout
    markers: Markers
    group_by: str


def collect_rows(
    header: Sequence[str],
    rows: Iterator[Row],
    *,
    mapping: ColumnMapping,
    schema: Schema | None,
    collector: Collector,
    header_place: Place,
) -> None:
    """Takes up every row of a table as an example, or notes what is wrong with it."""
    plan = _plan(header, mapping, schema, collector.log, header_place)
    if plan is None:
        return
    for number, row in enumerate(rows, start=1):
        cells = {key: row.cells.get(name, "") for key, name in plan.columns.items()}
        text = cells["text"]
        spans: list[Span] = []
        if plan.layout is _Layout.MARKED:
            try:
                found = parse_marked(text, plan.markers)
            except MarkedTextError as error:
                head, tail = plan.markers.head, plan.markers.tail
                fix = f"mark <{head}>...</{head}> and <{tail}>...</{tail}> once each"
                collector.log.add(str(error), fix, place=row.place)
                continue
            text = found.text
            for role, mention in (("head", found.head), ("tail", found.tail)):
                kind = cells.get(f"{role}_type") or None
                spans.append(Span(mention.start, mention.end, kind))
        else:
            for role in ("head", "tail"):
                span = _span(role, text, cells, plan, collector.log, row.place)
                if span is not None:
                    spans.append(span)
        if len(spans) < 2:
            continue
        group = cells.get("group") or None
        if "group" not in plan.columns and plan.group_by == "text":
            group = text_group(text)
        collector.add(
            row.place,
            id=cells["id"] if "id" in cells else str(number),
            text=text,
            head=spans[0],
            tail=spans[1],
            relation=cells.get("relation") or None,
            group=group,
        )
    collector.refuse_mixed_labels()


def _plan(
    header: Sequence[str],
    mapping: ColumnMapping,
    schema: Schema | None,
    log: ProblemLog,
    place: Place,
) -> _Plan | None:
    """Decides which column says what, or notes why that cannot be decided."""
    before = log.count
    for name in sorted({name for name in header if header.count(name) > 1}):
        log.add(f"the column {name!r} stands twice", "rename one of them", place=place)
    columns = mapping.named()
    for key, name in columns.items():
        if name not in header:
            log.add(f"there is no column {name!r} for {key}", nearest(name, header), place=place)
    columns = {**{key: key for key in COLUMNS if key in header}, **columns}
    if "text" not in columns:
        fix = f"name it with the option text; the columns are: {', '.join(header)}"
        log.add("there is no column 'text'", fix, place=place)
    offsets = ("head_start", "head_end", "tail_start", "tail_end")
    layout = _Layout.MARKED
    for keys, wanted in ((offsets, _Layout.OFFSETS), (("head", "tail"), _Layout.SURFACES)):
        lacking = [key for key in keys if key not in columns]
        if len(lacking) == len(keys):
            continue
        if lacking:
            fix = "name all of them, or none and mark the text"
            log.add(f"columns are lacking: {', '.join(lacking)}", fix, place=place)
        layout = wanted
        break
    standard = schema.markers if schema is not None else Markers()
    markers = Markers(mapping.head_marker or standard.head, mapping.tail_marker or standard.tail)
    return None if log.count > before else _Plan(columns, layout, markers, mapping.group_by)


def _span(
    role: str, text: str, cells: Mapping[str, str], plan: _Plan, log: ProblemLog, place: Place
) -> Span | None:
    surface, kind = cells.get(role), cells.get(f"{role}_type") or None
    if plan.layout is _Layout.OFFSETS:
        ends = []
        for end in ("start", "end"):
            cell = cells[f"{role}_{end}"].strip()
            if not (cell.isascii() and cell.isdigit() and len(cell) < 10):
                fix = "write the offset of a character, counted from 0"
                log.add(f"{role}_{end} is {cell!r}, not a number", fix, place=place)
                return None
            ends.append(int(cell))
        return Span(ends[0], ends[1], kind, surface or None)
    if not surface:
        log.add(f"the {role} is empty", "write the words that stand in the text", place=place)
        return None
    start = text.find(surface)
    if start < 0:
        fix = "write it exactly as it stands in the text"
        log.add(f"the {role} {surface!r} does not stand in the text", fix, place=place)
        return None
    if text.find(surface, start + 1) >= 0:
        fix = f"give {role}_start and {role}_end for every row, or mark the text"
        log.add(f"the {role} {surface!r} stands more than once in the text", fix, place=place)
        return None
    return Span(start, start + len(surface), kind)
