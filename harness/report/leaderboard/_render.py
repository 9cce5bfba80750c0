"""A leaderboard as Markdown, CSV, LaTeX, JSON or terminal text."""

from __future__ import annotations

from harness.report._csv import Cell, write_csv
from harness.report._document import Document, Heading, Sheet
from harness.report._figures import UNKNOWN, count
from harness.report._render import check_format, render_document
from harness.report.leaderboard._board import BoardRow, BoardTable, Leaderboard, PublishedRow
from harness.report.leaderboard._columns import columns, published_cells, training_allowed
from harness.report.leaderboard._json import render_leaderboard_json

__all__ = ["apart_sheet", "notes_of_board", "render_board", "render_leaderboard", "title_of"]


def render_leaderboard(board: Leaderboard, format: str, *, width: int = 100) -> str:
    """Renders all tables; the same leaderboard gives the same text.

    Args:
        board: The leaderboard.
        format: ``terminal``, ``markdown``, ``csv``, ``json`` or ``latex``.
        width: Columns of the terminal.

    Raises:
        ConfigError: When there is no such format.
    """
    check_format(format)
    if format == "json":
        return render_leaderboard_json(board)
    if format == "csv":
        return _csv(board.tables)
    sheets = [_sheet(table) for table in board.tables]
    if board.apart:
        sheets.append(apart_sheet(board.apart))
    notes = [note for table in board.tables for note in notes_of_board(table)]
    document = Document(tuple(sheets), notes=tuple(dict.fromkeys(notes)))
    return render_document(document, format, width=width)


def render_board(table: BoardTable, format: str, *, width: int = 100) -> str:
    """Renders one table; see ``render_leaderboard``.

    Raises:
        ConfigError: When there is no such format.
    """
    check_format(format)
    if format == "csv":
        return _csv((table,))
    return render_leaderboard(Leaderboard(title_of(table), (table,)), format, width=width)


def title_of(table: BoardTable) -> str:
    """Task, size and test set, and the metric."""
    test = table.test
    return (
        f"{test.task}: {table.metric} on {count(test.examples)} examples"
        f" (test set {test.hash[:12]})"
    )


def notes_of_board(table: BoardTable) -> tuple[str, ...]:
    """How a table is to be read."""
    pairs = len(table.rows) * (len(table.rows) - 1) // 2
    notes = [
        f"{table.metric}: {table.definition}; in percent, with 95% bootstrap intervals over"
        f" examples and training seeds ({count(table.resamples)} resamples).",
        f"Groups and ranks on test set {table.test.hash[:12]} come from a paired bootstrap of"
        f" {'each pair' if pairs != 1 else 'the pair'}, Holm-corrected over {count(pairs)}"
        f" pair{'s' if pairs != 1 else ''} at 5%: every system of a group is shown to be better"
        " than every system below the group; within a group nothing is claimed.",
        "Licences and terms are as declared in the experiments and not checked; what is not"
        f" declared reads {UNKNOWN}.",
    ]
    if table.published:
        notes.append(
            "Published rows are what others printed about their own runs. They are not ranked:"
            " without their answers nothing can be paired."
        )
    return tuple(notes)


def apart_sheet(rows: tuple[PublishedRow, ...]) -> Sheet:
    """Published figures on another test set, or by another definition."""
    heads = ("task", "system", "printed", "definition", "examples", "trained on", "source", "year")
    return Sheet(
        "Published, on another test set or by another definition: not comparable with the above",
        tuple(Heading((head,), right=head in ("printed", "examples", "year"), wraps=True)
              for head in heads),
        tuple(
            (
                row.result.task,
                row.result.system,
                row.result.as_printed,
                row.result.definition,
                count(row.result.examples),
                row.result.trained_on,
                f"{row.source.title} ({row.source.url})",
                str(row.year),
            )
            for row in rows
        ),
    )  # fmt: skip


def _sheet(table: BoardTable) -> Sheet:
    shown = columns(table)
    ours = tuple(tuple(column.cell(row) for column in shown) for row in table.rows)
    theirs = tuple(published_cells(row, table) for row in table.published)
    strong = tuple(i for i, row in enumerate(table.rows) if row.group == 1)
    return Sheet(title_of(table), tuple(c.heading for c in shown), (*ours, *theirs), strong)


def _csv(tables: tuple[BoardTable, ...]) -> str:
    """Every figure unrounded; published rows say so in their first column."""
    lines = [
        {**_of_table(table), **cells}
        for table in tables
        for cells in (*map(_ours, table.rows), *map(_theirs, table.published))
    ]
    header = list(dict.fromkeys(name for line in lines for name in line))
    return write_csv(header, ([line.get(name) for name in header] for line in lines))


def _of_table(table: BoardTable) -> dict[str, Cell]:
    test = table.test
    return {
        "task": test.task,
        "test_hash": test.hash,
        "examples": test.examples,
        "metric": table.metric,
    }


def _ours(row: BoardRow) -> dict[str, Cell]:
    costs, facts = row.row.costs, row.facts
    one_off = None if costs is None else costs.one_off
    running = None if costs is None else costs.cheapest
    return {
        "origin": "run",
        "system": row.row.system,
        "kind": row.row.kind,
        "method": facts.method,
        "models": ", ".join(facts.models),
        "group": row.group,
        "best_rank": row.best_rank,
        "worst_rank": row.worst_rank,
        "score": row.row.score.value,
        "score_low": row.row.score.low,
        "score_high": row.row.score.high,
        "seeds": row.row.seeds,
        "currency": None if one_off is None else one_off.currency,
        "one_off": _or_unknown(None if one_off is None else one_off.amount),
        "one_off_assumed": None if one_off is None else one_off.assumed,
        "per_1000": _or_unknown(None if running is None else running.amount),
        "per_1000_assumed": None if running is None else running.assumed,
        "seconds_per_1000": _or_unknown(None if costs is None else costs.seconds_per_1000),
        "bytes_on_disk": facts.bytes_on_disk,
        "parameters": facts.parameters,
        "gold_budget": row.row.gold_budget,
        "licence": facts.licence or UNKNOWN,
        "terms_allow_training": training_allowed(row),
        **{f"seen_{kind}": facts.contamination.get(kind, 0)
           for kind in ("exact", "normalised", "near")},
        "runs": ", ".join(run.label for run in row.runs),
    }  # fmt: skip


def _theirs(row: PublishedRow) -> dict[str, Cell]:
    return {
        "origin": "published",
        "system": row.result.system,
        "score": row.result.value,
        "source": f"{row.source.title} ({row.year}), {row.source.url}",
    }


def _or_unknown(value: float | None) -> Cell:
    return UNKNOWN if value is None else value
