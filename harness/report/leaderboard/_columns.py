"""What stands in the cells of a leaderboard, for every format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.costs import Money
from harness.report._document import Heading
from harness.report._figures import UNKNOWN, count, interval, metric_word, money, score, seconds
from harness.report.leaderboard._board import BoardRow, BoardTable, PublishedRow

__all__ = ["BoardColumn", "columns", "contamination", "published_cells", "size", "training_allowed"]

NONE = "-"


@dataclass(frozen=True, slots=True)
class BoardColumn:
    """A column: its head, what stands in it, and what it is sorted by.

    Attributes:
        heading: Its head.
        cell: The text of a row.
        by: What the row is sorted by; None stands last.
        about: What the column says, for a reader who does not know.
    """

    heading: Heading
    cell: Callable[[BoardRow], str]
    by: Callable[[BoardRow], float | str | None]
    about: str


def columns(table: BoardTable) -> tuple[BoardColumn, ...]:
    """The columns of a table, the tied group first."""
    word = metric_word(table.metric)

    def text(line: str, cell: Callable[[BoardRow], str], about: str) -> BoardColumn:
        return BoardColumn(Heading((line,), right=False, wraps=True), cell, cell, about)

    def figure(
        lines: tuple[str, ...],
        cell: Callable[[BoardRow], str],
        by: Callable[[BoardRow], float | None],
        about: str,
    ) -> BoardColumn:
        return BoardColumn(Heading(lines), cell, by, about)

    return (
        figure(
            ("group",), lambda row: count(row.group), lambda row: row.group,
            "Systems of one group are tied: the tests do not separate the groups' members, or not"
            " from all their neighbours.",
        ),
        text("system", lambda row: row.row.system, "The system's name in its experiment."),
        figure(
            (word, "[95%]"),
            lambda row: f"{score(row.row.score.value)}"
            f" {interval(row.row.score.low, row.row.score.high)}".strip(),
            lambda row: row.row.score.value,
            f"{table.definition}; in percent, with its bootstrap interval.",
        ),
        figure(
            ("ranks",),
            lambda row: str(row.best_rank)
            if row.best_rank == row.worst_rank
            else f"{row.best_rank}-{row.worst_rank}",
            lambda row: row.best_rank,
            "The ranks that the tests of all pairs leave open.",
        ),
        text("kind", lambda row: row.row.kind, "What it is, and what it was trained on."),
        text(
            "method", _method, "The extractor and its LLM, or the student and its teachers."
        ),
        figure(
            ("one-off", "cost"), lambda row: _priced(row, one_off=True),
            lambda row: _amount(row, one_off=True),
            "Everything before the first sentence: teacher, labels, training.",
        ),
        figure(
            ("cost per", "1,000"), lambda row: _priced(row, one_off=False),
            lambda row: _amount(row, one_off=False),
            "Running cost of 1,000 sentences in the cheapest honest mode.",
        ),
        figure(
            ("time per", "1,000"),
            lambda row: seconds(row.row.costs.seconds_per_1000 if row.row.costs else None),
            lambda row: row.row.costs.seconds_per_1000 if row.row.costs else None,
            "Seconds of work for 1,000 sentences, on the machine of the run.",
        ),
        figure(
            ("size",), size, lambda row: row.facts.bytes_on_disk or row.facts.parameters,
            "A student's saved model on disk; of an LLM its parameters, as declared.",
        ),
        figure(
            ("gold", "budget"), lambda row: count(row.row.gold_budget),
            lambda row: row.row.gold_budget, "Every human label that it saw.",
        ),
        text("licence", lambda row: row.facts.licence or UNKNOWN, "As declared, not checked."),
        text(
            "terms allow training", training_allowed,
            "Whether the terms of the LLM's provider let its answers train a model, as declared.",
        ),
        figure(
            ("test sentences", "seen"), contamination,
            lambda row: sum(row.facts.contamination.values()),
            "Test sentences that stand among its training or shown rows: equal + nearly equal."
            " What an LLM saw before is not known.",
        ),
        text("runs", lambda row: ", ".join(run.label for run in row.runs), "Where it comes from."),
    )  # fmt: skip


def size(row: BoardRow) -> str:
    """Bytes of a saved student, or the declared parameters of an LLM."""
    if (bytes_ := row.facts.bytes_on_disk) is not None:
        for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
            if bytes_ >= factor:
                return f"{bytes_ / factor:.3g} {unit}"
        return f"{bytes_} B"
    if (parameters := row.facts.parameters) is not None:
        for unit, factor in (("T", 1e12), ("B", 1e9), ("M", 1e6)):
            if parameters >= factor:
                return f"{parameters / factor:.3g}{unit} parameters"
        return f"{parameters:,} parameters"
    return UNKNOWN


def training_allowed(row: BoardRow) -> str:
    """Whether the LLMs behind it may train a model; ``-`` where no LLM had a hand in."""
    if row.row.kind != "direct" and not row.facts.taught:
        return NONE
    return {True: "yes", False: "no", None: UNKNOWN}[row.facts.training_allowed]


def contamination(row: BoardRow) -> str:
    """Equal test sentences that it saw, and nearly equal ones."""
    found = row.facts.contamination
    near = found.get("near", 0)
    equal = sum(found.values()) - near
    return f"{count(equal)} + {count(near)}"


def published_cells(row: PublishedRow, table: BoardTable) -> tuple[str, ...]:
    """A printed figure in the columns of a table; what it does not say is empty."""
    known = {
        "system": row.result.system,
        "kind": "published",
        "method": row.result.trained_on,
        f"{metric_word(table.metric)} [95%]": row.result.as_printed,
        "runs": f"{row.source.authors} {row.year}",
    }
    return tuple(known.get(column.heading.text, "") for column in columns(table))


def _method(row: BoardRow) -> str:
    models = ", ".join(row.facts.models)
    if not models:
        return row.facts.method
    return f"{row.facts.method}{', taught by' if row.facts.taught else ' on'} {models}"


def _money(row: BoardRow, one_off: bool) -> Money:
    costs = row.row.costs
    if costs is None:
        return Money.unknown()
    return costs.one_off if one_off else costs.cheapest


def _priced(row: BoardRow, *, one_off: bool) -> str:
    return money(_money(row, one_off))


def _amount(row: BoardRow, *, one_off: bool) -> float | None:
    return _money(row, one_off).amount
