"""A leaderboard as plain values, which a JSON file holds unrounded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pydantic import ConfigDict

from harness.report._row import STRICT, Row
from harness.report.leaderboard._entry import Facts
from harness.report.leaderboard._published import PublishedResult, PublishedSource
from harness.report.leaderboard._test_set import BoardTest

__all__ = ["BoardRow", "BoardTable", "Leaderboard", "PublishedRow", "RunLink"]


@dataclass(frozen=True, slots=True)
class RunLink:
    """A run that gave a result.

    Attributes:
        name: Name of its experiment.
        label: A name that no other run of the leaderboard has.
        finished: When it was done, as ISO 8601.
        page: The run's page within the site; None where the run has none.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    name: str
    label: str
    finished: str = ""
    page: str | None = None


@dataclass(frozen=True, slots=True)
class BoardRow:
    """A system of ours.

    Attributes:
        group: Number of its tied group, from 1; see ``harness.metrics.tied_groups``.
        best_rank: The best rank that the tests leave open.
        worst_rank: The worst.
        row: Its score, cost and diagnostics, as in a head-to-head table.
        facts: Size, licence, terms, contamination.
        runs: Every run that gave this very result.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    group: int
    best_rank: int
    worst_rank: int
    row: Row
    facts: Facts
    runs: tuple[RunLink, ...]


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """A figure that others printed; never ranked."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    result: PublishedResult
    source: PublishedSource
    year: int


@dataclass(frozen=True, slots=True)
class BoardTable:
    """One column of scores: one test set and one metric.

    Attributes:
        test: The test set.
        metric: Name of the metric.
        definition: One line on it.
        rows: Ours, by group and then by score.
        published: Others' figures on this very test set by this very metric.
        resamples: Draws behind the tests.
        seed: Seed of the draws.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    test: BoardTest
    metric: str
    definition: str
    rows: tuple[BoardRow, ...]
    published: tuple[PublishedRow, ...] = ()
    resamples: int = 10_000
    seed: int = 0

    @property
    def slug(self) -> str:
        """Part of a file's name."""
        metric = "".join(c if c.isascii() and c.isalnum() else "-" for c in self.metric)
        return f"{self.test.slug}-{metric}"


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """All tables, and published figures that belong into none of them.

    Attributes:
        title: What it is called.
        tables: By task, test set and metric.
        apart: Published figures of the same tasks, on another test set or by another or unstated
            definition.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    title: str
    tables: tuple[BoardTable, ...]
    apart: tuple[PublishedRow, ...] = ()

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks, in order."""
        return tuple(dict.fromkeys(table.test.task for table in self.tables))
