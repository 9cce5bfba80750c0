"""The page of a run and its charts, written where a user wants them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from harness.report.page import Evidence

__all__ = ["write_figures", "write_page"]


def write_page(evidence: Evidence, file: Path) -> None:
    """Writes the page whole or not at all; ``-`` is stdout."""
    from harness.report.page import render_page

    text = render_page(evidence)
    if str(file) == "-":
        click.echo(text, nl=False)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_name(f"{file.name}.tmp")
    aside.write_text(text, encoding="utf-8")
    aside.replace(file)
    click.echo(str(file))


def write_figures(evidence: Evidence, folder: Path) -> None:
    """Writes the page's charts and names their files."""
    from harness.report.page import save_figures

    for file in save_figures(evidence, folder):
        click.echo(str(file))
