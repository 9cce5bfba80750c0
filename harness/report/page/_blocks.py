"""What a section of the page is made of: plain values, which the template alone turns to HTML."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Block", "Cell", "Chart", "Column", "Fold", "Grid", "Note", "Paint", "Tone", "Widget"]

Tone: TypeAlias = Literal["", "good", "bad", "muted", "strong"]


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: What a reader sees; escaped by the template.
        value: What it is sorted by, unrounded; None sorts last.
        note: Shown when it is pointed at.
        tone: How it stands out.
        shade: Strength of its background from 0 to 1, as in a confusion table.
    """

    text: str
    value: float | str | None = None
    note: str = ""
    tone: Tone = ""
    shade: float | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """The head of a column."""

    text: str
    numeric: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table that sorts by a click on a column's head.

    Attributes:
        name: Its id on the page.
        columns: Heads.
        rows: Cells, each row as long as ``columns``; the first names the row.
        caption: What it shows.
        strong: Rows that stand out.
        matrix: Whether it is a dense matrix, drawn small.
    """

    name: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""
    strong: tuple[int, ...] = ()
    matrix: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """A paragraph, a ``small`` one that explains, or ``code``."""

    text: str
    kind: Literal["plain", "small", "code"] = "plain"


@dataclass(frozen=True, slots=True)
class Paint:
    """Colours of a chart, which differ between the page and a file."""

    ink: str
    faint: str
    kinds: dict[str, str]

    def of(self, kind: str) -> str:
        """The colour of a kind of system."""
        return self.kinds.get(kind, self.ink)


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure.

    Attributes:
        name: Its id, and the name of its files.
        caption: What it shows and how to read it.
        draw: Draws it.
        columns: Heads of its data.
        data: What is drawn, unrounded, as a CSV file holds it.
        size: Inches.
    """

    name: str
    caption: str
    draw: Callable[[Axes, Paint], None]
    columns: tuple[str, ...]
    data: tuple[tuple[str | float | None, ...], ...]
    size: tuple[float, float] = (5.8, 3.7)


@dataclass(frozen=True, slots=True)
class Widget:
    """A part with a template of its own, ``templates/NAME.html.jinja``, and data for its script."""

    name: str
    data: Any


@dataclass(frozen=True, slots=True)
class Fold:
    """Blocks behind a line that opens them."""

    title: str
    blocks: tuple[Block, ...] = field(default=())


Block: TypeAlias = Grid | Note | Chart | Widget | Fold
