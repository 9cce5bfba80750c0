"""One door to all formats."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

from harness.errors import ConfigError, Problem
from harness.report._csv import render_csv
from harness.report._document import Document
from harness.report._json import render_json
from harness.report._layout import document_of
from harness.report._table import HeadToHead
from harness.report._terminal import render_terminal
from harness.report._text import render_latex, render_markdown

__all__ = ["FORMATS", "Format", "check_format", "render", "render_document"]

Format: TypeAlias = Literal["terminal", "markdown", "csv", "json", "latex"]
FORMATS: tuple[Format, ...] = get_args(Format)
"""Names of the formats."""


def check_format(name: str) -> None:
    """Refuses a format that there is not.

    Raises:
        ConfigError: Names those there are.
    """
    if name not in FORMATS:
        raise ConfigError(
            [Problem(f"{name!r} is not a format", f"must be one of: {', '.join(FORMATS)}")]
        )


def render(table: HeadToHead, format: str, *, width: int = 100, colour: bool = False) -> str:
    """Renders a head-to-head table; the same table gives the same text.

    Args:
        table: The table.
        format: ``terminal``, ``markdown``, ``csv``, ``json`` or ``latex``.
        width: Columns of the terminal; 80 and more look best.
        colour: Whether the terminal text may hold colours and bold.

    Raises:
        ConfigError: When there is no such format.
    """
    check_format(format)
    if format == "json":
        return render_json(table)
    if format == "csv":
        return render_csv(table)
    return render_document(document_of(table), format, width=width, colour=colour)


def render_document(
    document: Document, format: str, *, width: int = 100, colour: bool = False
) -> str:
    """Lays a document out as ``terminal``, ``markdown`` or ``latex`` text."""
    if format == "markdown":
        return render_markdown(document)
    if format == "latex":
        return render_latex(document)
    return render_terminal(document, width=width, colour=colour)
