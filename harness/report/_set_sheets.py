"""Reports on sets side by side: one column per set."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from harness.costs import Money
from harness.curation import LabelProfile, SetReport, Spread, difference
from harness.report._csv import write_csv
from harness.report._document import Document, Heading, Sheet
from harness.report._render import check_format, render_document

__all__ = ["render_sets", "sets_document"]

_Cell = Callable[[SetReport], str]


def render_sets(
    reports: Sequence[SetReport], format: str, *, width: int = 100, colour: bool = False
) -> str:
    """Renders reports side by side.

    Args:
        reports: The reports, of one task.
        format: ``terminal``, ``markdown``, ``latex``, ``csv`` (one line per set and figure) or
            ``json`` (everything).
        width: Columns of the terminal.
        colour: Whether the terminal text may hold colours.

    Raises:
        ConfigError: When there is no such format.
    """
    check_format(format)
    if format == "json":
        values = [report.model_dump(mode="json") for report in reports]
        return json.dumps(values, indent=1, ensure_ascii=False) + "\n"
    document = sets_document(reports)
    if format == "csv":
        return _csv(document)
    return render_document(document, format, width=width, colour=colour)


def sets_document(reports: Sequence[SetReport]) -> Document:
    """Reports side by side, before any format."""
    sheets = [_facts(reports)]
    if any(report.diversity for report in reports):
        sheets.append(_diversity(reports))
    if any(step.rejected for report in reports for step in report.steps):
        sheets.append(_rejected(reports))
    sheets.append(_labels(reports))
    how = dict.fromkeys(found.how for report in reports for found in report.noise)
    notes = [f"Label noise is estimated thus: {said}." for said in how]
    notes += [
        "written = kept + rejected, at every step.",
        "Words are runs without white space; brackets in the first table hold the 5% and 95%"
        " quantiles over rows, those of label noise Wilson's 95% interval.",
        "Diversity is measured on draws of equal numbers of rows, since none of the measures can be"
        " compared across sizes; brackets hold the 2.5% and 97.5% quantiles over the draws.",
        "nearest: cosine of sentence vectors; 'right label' is the share of test sentences whose"
        " nearest row has their label. Test labels tell this alone, and choose nothing. Label by"
        " label: test sentences to the nearest row of their label.",
        "test patterns: connecting patterns (the words between the mentions) of test sentences"
        " that stand in some row; 'patterns' label by label: in a row of their label. Mentions are"
        " looked up by their last words.",
    ]
    notes += dict.fromkeys(f"{report.name}: {note}" for report in reports for note in report.notes)
    return Document(tuple(sheets), _conclusion(reports), tuple(notes))


# -- what the sets are ---------------------------------------------------------------------


def _facts(reports: Sequence[SetReport]) -> Sheet:
    rows: list[tuple[str, _Cell]] = [
        ("rows written", lambda r: f"{r.written:,}" if r.steps else "unknown"),
        ("rows rejected", lambda r: f"{sum(s.rejections for s in r.steps):,}"),
        ("rows kept", lambda r: f"{r.profile.rows:,}"),
        ("words of a sentence", lambda r: _spread(r.profile.words)),
        ("words between head and tail", lambda r: _spread(r.profile.between)),
        ("head before tail", lambda r: _percent(r.profile.head_first)),
        ("distinct entity pairs", lambda r: f"{r.profile.pairs:,}"),
        ("distinct connecting patterns", lambda r: f"{r.profile.patterns:,}"),
        ("estimated label noise", _noise),
        ("cost", lambda r: _money(r, per_row=False)),
        ("cost per kept row", lambda r: _money(r, per_row=True)),
        ("row to nearest gold", lambda r: _cosine(r.gold.row_to_other if r.gold else None)),
        (
            "row to nearest test sentence",
            lambda r: _cosine(r.test.row_to_other if r.test else None),
        ),
        (
            "test sentence to nearest row",
            lambda r: _cosine(r.test.other_to_row if r.test else None),
        ),
        ("... which has the right label", lambda r: _percent(r.test.right if r.test else None)),
        ("test patterns in it", lambda r: _percent(r.coverage.pattern if r.coverage else None)),
        (
            "... with the right label",
            lambda r: _percent(r.coverage.pattern_right if r.coverage else None),
        ),
        ("test mentions in it", lambda r: _percent(r.coverage.mentions if r.coverage else None)),
        ("test words in it", lambda r: _percent(r.coverage.words if r.coverage else None)),
    ]
    cells = [(name, *(cell(report) for report in reports)) for name, cell in rows]
    test = next((r.test_profile for r in reports if r.test_profile is not None), None)
    headings = [_name_heading("figure"), *(_set_heading(report) for report in reports)]
    if test is not None:
        headings.append(Heading(("test set",)))
        known = {
            "rows kept": f"{test.rows:,}",
            "words of a sentence": _spread(test.words),
            "words between head and tail": _spread(test.between),
            "head before tail": _percent(test.head_first),
            "distinct entity pairs": f"{test.pairs:,}",
            "distinct connecting patterns": f"{test.patterns:,}",
        }
        cells = [(*row, known.get(row[0], "-")) for row in cells]
    return Sheet("Sets", tuple(headings), tuple(cells))


def _noise(report: SetReport) -> str:
    if not report.noise:
        return "unknown"
    return "; ".join(
        f"{100 * (found.share or 0):.1f}% [{100 * found.low:.1f}, {100 * found.high:.1f}]"
        for found in report.noise
    )


def _money(report: SetReport, *, per_row: bool) -> str:
    if report.cost is None:
        return "unknown"
    amount = report.cost.per_kept_row if per_row else report.cost.total
    if amount is None:
        return "unknown"
    mark = "≈" if report.cost.assumed else ""
    return mark + Money(amount, False).text()


# -- how varied they are -------------------------------------------------------------------


def _diversity(reports: Sequence[SetReport]) -> Sheet:
    names = dict.fromkeys(found.name for report in reports for found in report.diversity)
    headings = [_name_heading("measure"), Heading(("more diverse", "if"), right=False)]
    headings += [_set_heading(report) for report in reports]
    if len(reports) == 2:
        headings += [Heading(("difference",)), Heading(("more diverse",), right=False)]
    rows = []
    for name in names:
        measures = [report.measure(name) for report in reports]
        more = next(found.more for found in measures if found is not None)
        row = [name, more]
        row += [
            "-" if found is None else f"{found.value:.3g} [{found.low:.3g}, {found.high:.3g}]"
            for found in measures
        ]
        if len(reports) == 2:
            first, second = measures
            if first is None or second is None or first.rows != second.rows:
                row += ["-", "-"]
            else:
                gap = difference(first, second)
                row.append(f"{gap.value:+.3g} [{gap.low:+.3g}, {gap.high:+.3g}]")
                which = {"first": reports[0].name, "second": reports[1].name}
                row.append(which[gap.more_diverse] if gap.more_diverse else "not separable")
        rows.append(tuple(row))
    sizes = sorted({found.rows for report in reports for found in report.diversity})
    draws = max(found.draws for report in reports for found in report.diversity)
    title = f"Diversity at {' or '.join(map(str, sizes))} rows ({draws} draws)"
    return Sheet(title, tuple(headings), tuple(rows))


def _conclusion(reports: Sequence[SetReport]) -> str:
    if len(reports) != 2:
        return ""
    said = []
    for found in reports[0].diversity:
        other = reports[1].measure(found.name)
        if other is not None and other.rows == found.rows:
            said.append((found.name, difference(found, other).more_diverse))
    if not said:
        return ""
    parts = []
    for side, report in zip(("first", "second"), reports, strict=True):
        names = [name for name, which in said if which == side]
        if names:
            parts.append(f"{report.name} is more diverse by {', '.join(names)}")
    even = [name for name, which in said if which is None]
    if even:
        parts.append(f"not separable by {', '.join(even)}")
    return "; ".join(parts) + "."


# -- what was rejected, and label by label ------------------------------------------------


def _rejected(reports: Sequence[SetReport]) -> Sheet:
    rows = [
        (report.name, step.name, f"{step.came:,}", reason, f"{sum(labels.values()):,}",
         ", ".join(f"{label} {n}" for label, n in sorted(labels.items(), key=lambda p: -p[1])[:4]))
        for report in reports
        for step in report.steps
        for reason, labels in step.rejected.items()
    ]  # fmt: skip
    headings = (
        _name_heading("set"),
        Heading(("step",), right=False),
        Heading(("rows", "in")),
        Heading(("reason",), right=False),
        Heading(("rejected",)),
        Heading(("most of them",), right=False, wraps=True),
    )
    return Sheet("Rejected rows", headings, tuple(rows))


def _labels(reports: Sequence[SetReport]) -> Sheet:
    """Rows and their length; how near a label's test sentences are, whose pattern is known."""
    test = next((r.test_profile for r in reports if r.test_profile is not None), None)
    names: dict[str, None] = {}
    profiles = [report.profile for report in reports] + ([test] if test is not None else [])
    for profile in profiles:
        names |= dict.fromkeys(found.label for found in profile.labels)
    headings = [_name_heading("label")]
    if test is not None:
        headings += [Heading(("test", title)) for title in ("rows", "words", "between")]
    for place, report in enumerate(reports):
        titles = ["rows", "words", "between"]
        titles += ["nearest"] if report.test is not None else []
        titles += ["patterns"] if report.coverage is not None else []
        headings += [Heading((_letter(place), title)) for title in titles]
    rows = []
    for name in names:
        row = [name]
        if test is not None:
            row += _profile_cells(test.label(name))
        for report in reports:
            row += _profile_cells(report.profile.label(name))
            if report.test is not None:
                near = next((n for n in report.test.labels if n.label == name), None)
                row.append(_cosine(near.other_to_row if near else None))
            if report.coverage is not None:
                seen = next((n for n in report.coverage.labels if n.label == name), None)
                row.append(_percent(seen.pattern if seen else None))
        rows.append(tuple(row))
    sets = ", ".join(f"{_letter(place)}: {report.name}" for place, report in enumerate(reports))
    return Sheet(f"Label by label ({sets})", tuple(headings), tuple(rows))


def _profile_cells(found: LabelProfile | None) -> list[str]:
    if found is None:
        return ["0", "-", "-"]
    return [f"{found.rows:,}", f"{found.words:.1f}", f"{found.between:.1f}"]


# -- cells ---------------------------------------------------------------------------------


def _letter(place: int) -> str:
    """A short name of a set: A, B, ..., Z, A1, B1, ..."""
    return chr(ord("A") + place % 26) + (str(place // 26) if place >= 26 else "")


def _name_heading(name: str) -> Heading:
    return Heading((name,), right=False, wraps=True)


def _set_heading(report: SetReport) -> Heading:
    return Heading(tuple(report.name.split(", ")))


def _spread(found: Spread | None) -> str:
    return "-" if found is None else f"{found.mean:.1f} [{found.low:.0f}, {found.high:.0f}]"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}%"


def _cosine(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _csv(document: Document) -> str:
    return write_csv(
        ("table", "row", "column", "value"),
        (
            (sheet.title, row[0], heading.text, cell)
            for sheet in document.sheets
            for row in sheet.rows
            for heading, cell in zip(sheet.headings[1:], row[1:], strict=True)
        ),
    )
