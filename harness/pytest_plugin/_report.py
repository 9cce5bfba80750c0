"""What ``--calldistil-report DIR`` leaves behind."""

from __future__ import annotations

import time
from pathlib import Path

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
    """The tables of one run, and its page where the extra ``report`` is installed."""
    from harness.errors import MissingExtraError
    from harness.report import render, report_run
    from harness.report.page import Evidence, render_page

    table = report_run(run)
    for name, format_ in _FORMATS.items():
        (run / name).write_text(render(table, format_), encoding="utf-8")
    try:
        page = render_page(Evidence(run))
    except MissingExtraError:
        return run / "results.md"
    (run / "report.html").write_text(page, encoding="utf-8")
    return run / "report.html"
