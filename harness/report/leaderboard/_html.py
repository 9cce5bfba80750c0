"""The pages of a leaderboard's site: self-contained HTML, every text escaped by jinja2."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from harness import __version__
from harness.report._escape import escape_terminal
from harness.report._figures import count
from harness.report.leaderboard._board import (
    BoardRow,
    BoardTable,
    Leaderboard,
    PublishedRow,
    RunLink,
)
from harness.report.leaderboard._columns import BoardColumn, columns, published_cells
from harness.report.leaderboard._render import apart_sheet, notes_of_board, title_of

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["index_page", "task_file", "task_page"]

_UP = "../"  # a task's page lies one folder down


@dataclass(frozen=True, slots=True)
class _Cell:
    text: str
    by: str = ""
    css: str = ""
    href: str | None = None
    away: bool = False


@dataclass(frozen=True, slots=True)
class _Head:
    text: str
    about: str
    numeric: bool


@dataclass(frozen=True, slots=True)
class _Line:
    cells: tuple[_Cell, ...]
    css: str = ""


@dataclass(frozen=True, slots=True)
class _Table:
    slug: str
    title: str
    metric: str
    examples: str
    hash: str
    columns: tuple[_Head, ...]
    rows: tuple[_Line, ...]
    notes: tuple[str, ...]
    groups: int
    first: str


@dataclass(frozen=True, slots=True)
class _Apart:
    title: str
    columns: tuple[_Head, ...]
    rows: tuple[tuple[_Cell, ...], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Task:
    name: str
    file: str
    tables: tuple[_Table, ...]
    apart: int


def task_file(board: Leaderboard, task: str) -> str:
    """Where a task's page lies: a plain name, and a number where two tasks would share it."""
    name = _plain(task)
    earlier = board.tasks[: board.tasks.index(task)]
    twins = sum(_plain(other) == name for other in earlier)
    return f"tasks/{name}{f'-{twins + 1}' if twins else ''}.html"


def index_page(board: Leaderboard, *, exported: str) -> str:
    """The first page: tasks with their first groups, and the runs."""
    runs: dict[str, RunLink] = {
        run.label: run for table in board.tables for row in table.rows for run in row.runs
    }
    tasks = [
        _Task(
            name=_shown(task),
            file=task_file(board, task),
            tables=tuple(_table(t) for t in board.tables if t.test.task == task),
            apart=sum(row.result.task == task for row in board.apart),
        )
        for task in board.tasks
    ]
    return _page(
        "index",
        heading=_shown(board.title),
        tasks=tasks,
        eee=exported,
        runs=[runs[label] for label in sorted(runs)],
    )


def task_page(board: Leaderboard, task: str) -> str:
    """The page of one task: a table for each test set and metric."""
    apart = tuple(row for row in board.apart if row.result.task == task)
    return _page(
        "task",
        heading=_shown(task),
        board=_shown(board.title),
        up=_UP,
        tables=[_table(table) for table in board.tables if table.test.task == task],
        apart=_apart(apart) if apart else None,
    )


def _table(table: BoardTable) -> _Table:
    shown = columns(table)
    # The system's name stands first, where a narrow screen keeps it in sight.
    order = (1, 0, *range(2, len(shown)))
    rows = [
        _Line(
            tuple(_ours(shown[at], row) for at in order),
            "starts" if i and table.rows[i - 1].group != row.group else "",
        )
        for i, row in enumerate(table.rows)
    ]
    rows += [_theirs(row, table, shown, order) for row in table.published]
    first = [row.row.system for row in table.rows if row.group == 1]
    return _Table(
        slug=table.slug,
        title=_shown(title_of(table)),
        metric=table.metric,
        examples=count(table.test.examples),
        hash=table.test.hash[:12],
        columns=tuple(
            _Head(shown[at].heading.text, shown[at].about, shown[at].heading.right) for at in order
        ),
        rows=tuple(rows),
        notes=(*notes_of_board(table), *(note for row in table.published for note in _said(row))),
        groups=max(row.group for row in table.rows),
        first=_shown(", ".join(first)),
    )


def _ours(column: BoardColumn, row: BoardRow) -> _Cell:
    by = column.by(row)
    page = None
    if column.heading.text == "runs":
        page = next((run.page for run in row.runs if run.page is not None), None)
    return _Cell(
        text=_shown(column.cell(row)),
        by="" if by is None else _shown(str(by)),
        css=_css(column),
        href=None if page is None else f"{_UP}{page}",
    )


def _theirs(
    row: PublishedRow, table: BoardTable, shown: Sequence[BoardColumn], order: Sequence[int]
) -> _Line:
    cells = published_cells(row, table)
    score = next(i for i, column in enumerate(shown) if column.heading.text.endswith("[95%]"))
    return _Line(
        tuple(
            _Cell(
                text=_shown(cells[at]),
                by=row.result.as_printed if at == score else "",
                css=_css(shown[at]),
                href=row.source.url if shown[at].heading.text == "runs" else None,
                away=True,
            )
            for at in order
        ),
        "published",
    )


def _css(column: BoardColumn) -> str:
    if column.heading.right:
        return "n"
    return "wrap" if column.heading.text in ("method", "runs", "licence") else ""


def _apart(rows: tuple[PublishedRow, ...]) -> _Apart:
    sheet = apart_sheet(rows)
    heads = tuple(_Head(h.text, "", h.right) for h in sheet.headings)
    urls = len(heads) - 2  # the source's column
    return _Apart(
        title=sheet.title,
        columns=heads,
        rows=tuple(
            tuple(
                _Cell(
                    text=_shown(row.source.title if at == urls else text),
                    by=_shown(text.replace(",", "") if heads[at].numeric else text),
                    css="n" if heads[at].numeric else "wrap",
                    href=row.source.url if at == urls else None,
                )
                for at, text in enumerate(cells)
            )
            for row, cells in zip(rows, sheet.rows, strict=True)
        ),
        notes=tuple(note for row in rows for note in _said(row)),
    )


def _said(row: PublishedRow) -> list[str]:
    about = f"{row.result.system} ({row.source.authors} {row.year})"
    said = [f"{about}: {note}" for note in row.result.notes]
    if row.source.seen:
        said.append(f"{about}: copied from {row.source.seen}.")
    return [_shown(note) for note in said]


def _shown(text: str) -> str:
    """Text without characters that would reorder or hide what stands beside it."""
    return escape_terminal(text)


def _plain(text: str) -> str:
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in text)
    return kept.strip(".-") or "task"


def _page(name: str, **values: object) -> str:
    environment = _environment()
    script = _source("board.js")
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    from markupsafe import Markup

    return environment.get_template(f"{name}.html.jinja").render(
        version=__version__,
        style=Markup(_source("board.css")),
        script=Markup(script),
        script_hash=f"sha256-{digest}",
        **values,
    )


def _source(name: str) -> str:
    loader = _environment().loader
    assert loader is not None  # it is made with one
    return loader.get_source(_environment(), name)[0]


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("harness.report.leaderboard", "templates"),
        undefined=StrictUndefined,
        autoescape=True,
        keep_trailing_newline=True,
    )
