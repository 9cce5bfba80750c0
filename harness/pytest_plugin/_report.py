"""What ``--calldistil-report DIR`` leaves behind."""

from __future__ import annotations

import importlib
import importlib.util
import time
from pathlib import Path
from typing import Any

__all__ = ["write_reports"]

_FORMATS = {"results.json": "json", "results.md": "markdown"}


def write_reports(folder: Path) -> list[str]:
    """Writes tables (and the page, where it can be made) beside every run, and the leaderboard.

    All finished runs in ``folder/runs`` take part, those of earlier sessions too: several
    sessions that share a folder share a leaderboard.

    Returns:
        Lines that say what was written, or why something was not.
    """
    from harness.errors import CalldistilError
    from harness.pipeline import Manifest
    from harness.report.leaderboard import write_site

    runs, said = [], []
    for manifest in sorted((folder / "runs").glob("*/manifest.json")):
        try:
            if Manifest.read(manifest).finished_at is None:
                said.append(f"not finished: {manifest.parent}")
                continue
            said.append(str(_write_run(manifest.parent)))
            runs.append(manifest.parent)
        except CalldistilError as error:
            said.append(f"no report of {manifest.parent}: {error.message}")
    if runs:
        try:
            write_site(runs, folder / "leaderboard", retrieved_at=time.time())
            said.append(str(folder / "leaderboard" / "index.html"))
        except CalldistilError as error:
            said.append(f"no leaderboard: {error.message}")
    return said


def _write_run(run: Path) -> Path:
    """The tables of one run; the page as well where this version of calldistil makes one."""
    from harness.report import render, report_run

    table = report_run(run)
    for name, format_ in _FORMATS.items():
        (run / name).write_text(render(table, format_), encoding="utf-8")
    if importlib.util.find_spec("harness.report.page") is None:
        return run / "results.md"
    pages: Any = importlib.import_module("harness.report.page")
    page = run / "report.html"
    page.write_text(pages.render_page(pages.Evidence(run)), encoding="utf-8")
    return page
