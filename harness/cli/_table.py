"""A run's table, made from its artefacts, kept beside them and printed."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

__all__ = ["FORMATS", "print_table"]

FORMATS = ("terminal", "markdown", "csv", "json", "latex")


def print_table(run: Path, format_: str) -> None:
    """Works out the table of a run, writes ``results.json`` and prints it."""
    from harness.report import render, report_run

    table = report_run(run)
    (run / "results.json").write_text(render(table, "json"), encoding="utf-8")
    width = max(shutil.get_terminal_size((120, 24)).columns, 80)
    click.echo(render(table, format_, width=width), nl=False)
