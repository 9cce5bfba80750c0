"""A leaderboard as a folder of files that any web server, or none, can show."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.errors import ArtefactError
from harness.report.leaderboard._board import Leaderboard
from harness.report.leaderboard._build import build_leaderboard
from harness.report.leaderboard._every_eval_ever import every_eval_ever
from harness.report.leaderboard._html import index_page, task_file, task_page
from harness.report.leaderboard._published import PublishedFile
from harness.report.leaderboard._render import render_board, render_leaderboard

__all__ = ["RUN_PAGE", "write_site"]

RUN_PAGE = "report.html"
"""The page of a run, in its folder, which the site takes along and links to."""

_EXPORTS = {"markdown": "md", "csv": "csv", "latex": "tex", "json": "json"}
_MARK = ".calldistil-leaderboard"
_EEE = "every_eval_ever"


def write_site(
    runs: Sequence[Path],
    site: Path,
    *,
    published: Sequence[PublishedFile] = (),
    metrics: Sequence[str] = (),
    title: str = "Leaderboard",
    organisation: str = "unknown",
    retrieved_at: float,
    resamples: int = 10_000,
    seed: int = 0,
) -> Leaderboard:
    """Builds a leaderboard and writes its site: whole, or the old one stays.

    The folder gets ``index.html``, a page per task under ``tasks``, every table in four formats
    under ``exports``, all of it as ``leaderboard.*``, the documents of ``every_eval_ever``, and
    the page of each run that has one (``RUN/report.html``) under ``runs``.

    Args:
        runs: Folders of finished runs.
        site: The folder, made anew.
        published: What others printed.
        metrics: Metrics of the tables; those of the runs by default.
        title: What the leaderboard is called.
        organisation: Who provides the results, for Every Eval Ever.
        retrieved_at: When this is, in seconds since 1970 (UTC).
        resamples: Draws behind intervals and tests.
        seed: Seed of the draws.

    Raises:
        ArtefactError: When a run is not finished, or the folder holds something else.
        ConfigError: When there is no run, or a metric is unknown.
    """
    if site.exists() and any(site.iterdir()) and not (site / _MARK).exists():
        raise ArtefactError(
            f"{site} is a folder with something else in it.",
            hint="Name a new folder, or one that an earlier leaderboard was written to.",
        )
    pages = _pages(runs)
    board = build_leaderboard(
        runs,
        published=published,
        metrics=metrics,
        title=title,
        pages={run: f"runs/{name}" for run, name in pages.items()},
        resamples=resamples,
        seed=seed,
    )
    aside = site.with_name(f".{site.name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    _write(aside, _texts(board, organisation, retrieved_at))
    for run, name in pages.items():
        (aside / "runs").mkdir(exist_ok=True)
        shutil.copyfile(run / RUN_PAGE, aside / "runs" / name)
    _put_in_place(aside, site)
    return board


def _pages(runs: Sequence[Path]) -> dict[Path, str]:
    """The runs that have a page, with a name for its copy."""
    found = [run for run in dict.fromkeys(run.resolve() for run in runs)
             if (run / RUN_PAGE).is_file()]  # fmt: skip
    return {run: f"{number}-{run.name}.html" for number, run in enumerate(found, start=1)}


def _texts(board: Leaderboard, organisation: str, retrieved_at: float) -> Mapping[str, str]:
    texts = {_MARK: "", "index.html": index_page(board, exported=_EEE)}
    for task in board.tasks:
        texts[task_file(board, task)] = task_page(board, task)
    for format_, suffix in _EXPORTS.items():
        texts[f"leaderboard.{suffix}"] = render_leaderboard(board, format_)
        for table in board.tables:
            texts[f"exports/{table.slug}.{suffix}"] = render_board(table, format_)
    documents = every_eval_ever(board, organisation=organisation, retrieved_at=retrieved_at)
    for path, document in documents.items():
        text = document.model_dump_json(indent=1, exclude_none=True)
        texts[f"{_EEE}/{path}"] = text + "\n"
    return texts


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def _put_in_place(aside: Path, site: Path) -> None:
    old = site.with_name(f".{site.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if site.exists():
        site.rename(old)
    aside.rename(site)
    shutil.rmtree(old, ignore_errors=True)
