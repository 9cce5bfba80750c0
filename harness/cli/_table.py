"""A run's table, made from its artefacts, kept beside them and printed."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import click

__all__ = ["FORMATS", "print_table"]

FORMATS = ("terminal", "markdown", "csv", "json", "latex")


def print_table(run: Path, format_: str, *, metric: str | None = None) -> None:
    """Works out the table of a run and prints it.

    With the experiment's own metric it also goes to ``results.json``, where the folder lets it.
    """
    from harness.report import render, report_run

    table = report_run(run, metric=metric)
    if metric is None:
        aside = run / "results.json.tmp"
        with contextlib.suppress(OSError):  # a run that can only be read is printed all the same
            aside.write_text(render(table, "json"), encoding="utf-8")
            aside.replace(run / "results.json")
    width = max(shutil.get_terminal_size((120, 24)).columns, 80)
    click.echo(render(table, format_, width=width), nl=False)
