"""Tables and lines of text, before any format: what the text renderers lay out."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Document", "Heading", "Sheet"]


@dataclass(frozen=True, slots=True)
class Heading:
    """The head of a column.

    Attributes:
        lines: Its text; narrow formats stack the lines.
        right: Whether its cells are set to the right.
        wraps: Whether long cells may be broken.
    """

    lines: tuple[str, ...]
    right: bool = True
    wraps: bool = False

    @property
    def text(self) -> str:
        """The lines as one."""
        return " ".join(self.lines)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table of ready cells; the first column names the row.

    Attributes:
        title: What it shows.
        headings: One per column.
        rows: Cells, each row as long as ``headings``.
        strong: Indices of rows that stand out.
    """

    title: str
    headings: tuple[Heading, ...]
    rows: tuple[tuple[str, ...], ...]
    strong: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """Tables with a conclusion and notes under them.

    Attributes:
        sheets: The main table first.
        conclusion: One paragraph, such as the verdict; empty for none.
        notes: What a reader has to know, one line each.
        details: How many of the sheets, from the end, a terminal leaves out.
    """

    sheets: tuple[Sheet, ...]
    conclusion: str = ""
    notes: tuple[str, ...] = ()
    details: int = 0
