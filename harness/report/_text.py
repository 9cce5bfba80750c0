"""Documents as Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Callable

from tabulate import tabulate

from harness.report._document import Document, Sheet
from harness.report._escape import escape_latex, escape_markdown

__all__ = ["render_latex", "render_markdown"]


def render_markdown(document: Document) -> str:
    """GitHub-flavoured Markdown: every sheet under a heading, notes as a list."""
    blocks: list[str] = []
    for sheet in document.sheets:
        blocks.append(f"### {escape_markdown(sheet.title)}")
        blocks.append(_grid(sheet, "pipe", escape_markdown))
        if sheet is document.sheets[0] and document.conclusion:
            blocks.append(f"**{escape_markdown(document.conclusion)}**")
    blocks.append("\n".join(f"- {escape_markdown(note)}" for note in document.notes))
    return "\n\n".join(block for block in blocks if block) + "\n"


def render_latex(document: Document) -> str:
    """LaTeX without packages: a ``table`` for each sheet, conclusion and notes as text."""
    blocks: list[str] = []
    for sheet in document.sheets:
        grid = _grid(sheet, "latex_raw", escape_latex)
        blocks.append(
            "\n".join(
                [
                    r"\begin{table}",
                    r"\centering",
                    rf"\caption{{{escape_latex(sheet.title)}}}",
                    grid,
                    r"\end{table}",
                ]
            )
        )
    if document.conclusion:
        blocks.append(rf"\textbf{{{escape_latex(document.conclusion)}}}")
    if document.notes:
        items = "\n".join(rf"\item {escape_latex(note)}" for note in document.notes)
        blocks.append("\n".join([r"\begin{itemize}", items, r"\end{itemize}"]))
    return "\n\n".join(blocks) + "\n"


def _grid(sheet: Sheet, style: str, escape: Callable[[str], str]) -> str:
    text: str = tabulate(
        [[escape(cell) for cell in row] for row in sheet.rows],
        headers=[escape(heading.text) for heading in sheet.headings],
        tablefmt=style,
        disable_numparse=True,
        colalign=["right" if heading.right else "left" for heading in sheet.headings]
        if sheet.rows
        else None,
    )
    return text
