"""Means and spreads of every system of finished runs on their widest test set.

``python -m benchmarks.scores RUN...`` prints a Markdown table: training rows, each metric's mean
over the training seeds (and splits) with their standard deviation, and the time that was spent
once, as far as it is known. ``--metric`` names another metric and may be given again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tabulate import tabulate

from harness.errors import CalldistilError
from harness.report import HeadToHead, Row, report_run

__all__ = ["main", "table"]

METRICS = ("micro_f1", "semeval_macro_f1")


def table(runs: Sequence[Path], metrics: Sequence[str] = METRICS) -> str:
    """Systems in rows, metrics in columns; baselines are left out.

    Raises:
        CalldistilError: When a folder is no finished run, or a metric is unknown.
    """
    lines = []
    for run in runs:
        reports = [report_run(run, metric=metric) for metric in metrics]
        for rows in zip(*(report.rows for report in reports), strict=True):
            if rows[0].kind != "baseline":
                lines.append(_line(reports[0], rows))
    headers = ["run", "system", "rows", "n", *metrics, "seconds spent once"]
    sides = ("left", "left", *("right",) * (len(headers) - 2))
    return tabulate(lines, headers, tablefmt="pipe", colalign=sides, disable_numparse=True)


def _line(report: HeadToHead, rows: Sequence[Row]) -> list[str]:
    first, costs = rows[0], rows[0].costs
    trained = first.training_rows
    count = trained.gold + trained.generated + trained.labelled
    return [
        report.experiment,
        first.system,
        f"{count:,}" if count else "-",
        f"{(first.full_score or first.score).examples:,}",
        *(_spread(row) for row in rows),
        "-" if costs is None or not costs.known_seconds else f"{costs.known_seconds:.0f}",
    ]


def _spread(row: Row) -> str:
    score = row.full_score or row.score
    sd = "" if score.seed_sd is None else f" ± {score.seed_sd:.1f}"
    return f"{score.value:.1f}{sd}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scores")
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    parser.add_argument("--metric", action="append", help=f"[{', '.join(METRICS)}]")
    chosen = parser.parse_args(arguments)
    try:
        print(table(chosen.runs, chosen.metric or METRICS))
    except CalldistilError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
