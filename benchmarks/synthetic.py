"""Label by label: how two systems of a run score, beside what their sets are like.

``python -m benchmarks.synthetic RUN FIRST=SET SECOND=SET`` prints a Markdown table: F1 of both
systems on the wider test set, the words between the mentions there and in both sets, and how near
the test sentences are to rows of their label. A set is one that ``calldistil describe`` of the
same folder told of, by its name, or the ``set_report.json`` of an exported one.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tabulate import tabulate

from harness.curation import SetReport
from harness.errors import CalldistilError, ConfigError, Problem
from harness.report import label_scores, run_answers, set_reports

__all__ = ["LabelGap", "label_gaps", "main"]


@dataclass(frozen=True, slots=True)
class LabelGap:
    """One label under two systems; pairs hold the first and the second.

    Attributes:
        label: The label.
        support: Its test sentences.
        f1: F1 in percent.
        between: Words between the mentions, mean.
        test_between: The same in the test set.
        nearest: Mean cosine of its test sentences to the nearest row of the label; None where
            rows are not encoded.
        patterns: Share of its test sentences whose pattern stands in a row of the label.
    """

    label: str
    support: int
    f1: tuple[float, float]
    between: tuple[float, float]
    test_between: float
    nearest: tuple[float, float] | None
    patterns: tuple[float, float]


def label_gaps(run: Path, systems: tuple[str, str], sets: tuple[str, str]) -> list[LabelGap]:
    """Joins the scores of two systems with the reports on their sets.

    Raises:
        ConfigError: When the run has no such system, or no such set is described.
    """
    reports = tuple(_named(run, name) for name in sets)
    scores = [{s.label: s for s in label_scores(run_answers(run, name))} for name in systems]
    gaps = []
    for label, first in scores[0].items():
        profiles = [report.profile.label(label) for report in reports]
        test = reports[0].test_profile
        found = test.label(label) if test is not None else None
        seen = [
            next((c.pattern for c in r.coverage.labels if c.label == label), 0.0)
            for r in reports
            if r.coverage is not None
        ]
        if found is None or None in profiles or len(seen) != 2:
            continue
        near = [
            next((n.other_to_row for n in r.test.labels if n.label == label), None)
            for r in reports
            if r.test is not None
        ]
        cosines = [value for value in near if value is not None]
        gaps.append(
            LabelGap(
                label=label,
                support=found.rows,
                f1=(first.f1, scores[1][label].f1),
                between=(profiles[0].between, profiles[1].between),  # type: ignore[union-attr]
                test_between=found.between,
                nearest=(cosines[0], cosines[1]) if len(cosines) == 2 else None,
                patterns=(seen[0], seen[1]),
            )
        )
    return gaps


def _named(run: Path, name: str) -> SetReport:
    if name.endswith(".json"):
        return SetReport.model_validate_json(Path(name).read_text(encoding="utf-8"))
    reports = {report.name: report for report in set_reports(run)}
    if name not in reports:
        raise ConfigError([Problem(f"no set {name!r} is described", f"one of: {list(reports)}")])
    return reports[name]


def main(arguments: list[str]) -> None:
    """Prints the table."""
    run, *pairs = arguments
    (one, first), (two, second) = (pair.split("=", 1) for pair in pairs)
    gaps = label_gaps(Path(run), (one, two), (first, second))
    rows = [
        [
            gap.label,
            gap.support,
            *(f"{value:.1f}" for value in gap.f1),
            f"{gap.f1[1] - gap.f1[0]:+.1f}",
            f"{gap.test_between:.1f}",
            *(f"{value:.1f}" for value in gap.between),
            *(f"{value:.3f}" for value in gap.nearest or ()),
            *(f"{100 * value:.1f}%" for value in gap.patterns),
        ]
        for gap in gaps
    ]
    names = (one, two)
    headers = ["label", "test", *(f"F1 {n}" for n in names), "difference", "between: test", *names]
    if gaps and gaps[0].nearest is not None:
        headers += [f"nearest: {n}" for n in names]
    headers += [f"patterns: {n}" for n in names]
    print(tabulate(rows, headers, tablefmt="pipe", disable_numparse=True))
    lower = sum(gap.f1[1] < gap.f1[0] for gap in gaps)
    print(f"\n{two} scores lower than {one} on {lower} of {len(gaps)} labels.")
    if all(gap.nearest is not None for gap in gaps):
        pairs_ = [gap.nearest for gap in gaps if gap.nearest is not None]
        farther = sum(pair[1] < pair[0] for pair in pairs_)
        print(f"Test sentences are farther from its rows on {farther}.")
    fewer = np.array([gap.patterns[1] - gap.patterns[0] for gap in gaps])
    print(f"It knows the patterns of fewer test sentences on {int((fewer < 0).sum())},"
          f" of more on {int((fewer > 0).sum())}.")  # fmt: skip


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except CalldistilError as error:
        sys.exit(str(error))
    except ValueError:
        sys.exit(__doc__)
