"""Documents for a terminal of a given width."""

from __future__ import annotations

import io
import textwrap

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.report._document import Document, Sheet
from harness.report._escape import escape_terminal

__all__ = ["render_terminal"]

_GAP = 2  # a space of padding and the box's own divider
_NAME_WIDTH = 28  # a longer first column is folded, so that figures stay side by side


def render_terminal(document: Document, *, width: int = 100, colour: bool = False) -> str:
    """Lays a document out; a table that is too wide is continued below, names repeated."""
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=max(width, 40),
        force_terminal=colour,
        color_system="standard" if colour else None,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
        _environ={},  # NO_COLOR, COLUMNS and their like must not change a file's bytes
    )
    for sheet in document.sheets[: len(document.sheets) - document.details]:
        console.print(Text(escape_terminal(sheet.title), style="bold"))
        for part in _parts(sheet, console.width):
            console.print(_table(sheet, part))
            console.print()
    if document.conclusion:
        console.print(Text(_filled(document.conclusion, console.width), style="bold"))
        console.print()
    for note in document.notes:
        console.print(Text(_filled(note, console.width, first="- ", then="  ")))
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def _filled(text: str, width: int, *, first: str = "", then: str = "") -> str:
    return textwrap.fill(
        escape_terminal(text),
        width=width,
        initial_indent=first,
        subsequent_indent=then,
        break_on_hyphens=False,
    )


def _parts(sheet: Sheet, width: int) -> list[tuple[int, ...]]:
    """Column indices of each part; every part begins with column 0."""
    parts: list[tuple[int, ...]] = []
    current: tuple[int, ...] = (0,)
    for column in range(1, len(sheet.headings)):
        wanted = sum(_width(sheet, i) + _GAP for i in (*current, column)) - _GAP
        if wanted > width and len(current) > 1:
            parts.append(current)
            current = (0,)
        current = (*current, column)
    return [*parts, current]


def _width(sheet: Sheet, column: int) -> int:
    heading = sheet.headings[column]
    cells = (*heading.lines, *(row[column] for row in sheet.rows))
    widest = max(Text(escape_terminal(cell)).cell_len for cell in cells)
    return min(widest, _NAME_WIDTH) if heading.wraps else widest


def _table(sheet: Sheet, columns: tuple[int, ...]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, _GAP - 1, 0, 0))
    for index in columns:
        heading = sheet.headings[index]
        table.add_column(
            Text("\n".join(map(escape_terminal, heading.lines))),
            justify="right" if heading.right else "left",
            vertical="top",
            no_wrap=not heading.wraps,
            overflow="fold",
            max_width=_NAME_WIDTH if heading.wraps else None,
        )
    for number, row in enumerate(sheet.rows):
        style = "bold" if number in sheet.strong else ""
        table.add_row(*(Text(escape_terminal(row[i])) for i in columns), style=style)
    return table
