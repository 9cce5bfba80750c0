"""From runs to a leaderboard: who may stand beside whom, and who is tied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from harness.errors import ConfigError, Problem
from harness.metrics import compare_all, tied_groups
from harness.report._measures import Measures, definition_of
from harness.report.leaderboard._board import (
    BoardRow,
    BoardTable,
    Leaderboard,
    PublishedRow,
    RunLink,
)
from harness.report.leaderboard._entry import Entry
from harness.report.leaderboard._published import PublishedFile
from harness.report.leaderboard._read import entries_of

__all__ = ["build_leaderboard"]


def build_leaderboard(
    runs: Sequence[Path],
    *,
    published: Sequence[PublishedFile] = (),
    metrics: Sequence[str] = (),
    title: str = "Leaderboard",
    pages: Mapping[Path, str] | None = None,
    resamples: int = 10_000,
    seed: int = 0,
) -> Leaderboard:
    """Compares the systems of all runs, each with those that answered the same test set.

    A table holds one test set, told apart by its content, and one metric. Within it all pairs are
    tested (paired bootstrap, Holm) and systems that the tests do not separate are tied. A result
    that several runs gave alike, as the same experiment on several machines, is one row.

    Args:
        runs: Folders of finished runs.
        published: What others printed.
        metrics: Metrics of the tables; by default those that the runs' experiments and schemas are
            about.
        title: What the leaderboard is called.
        pages: Where a run's page lies within the site.
        resamples: Draws behind intervals and tests.
        seed: Seed of the draws.

    Raises:
        ArtefactError: When a folder is not a finished run.
        ConfigError: When there is no run, or a metric is unknown.
    """
    if not runs:
        raise ConfigError([Problem("there is no run", "name the folders of finished runs")])
    folders = list(dict.fromkeys(folder.resolve() for folder in runs))
    read = {folder: entries_of(folder) for folder in folders}
    links = _links(read, {place.resolve(): page for place, page in (pages or {}).items()})
    by_test: dict[str, list[Entry]] = {}
    for found in read.values():
        for entry in found:
            by_test.setdefault(entry.test.hash, []).append(entry)
    tables = [
        _table(entries, metric, links, published, resamples, seed)
        for entries in by_test.values()
        for metric in (metrics or dict.fromkeys(m for e in entries for m in e.metrics))
    ]
    tables.sort(key=lambda table: (table.test.task, table.test.examples, table.test.hash))
    placed = {id(row.result) for table in tables for row in table.published}
    tasks = {table.test.task for table in tables}
    apart = tuple(
        PublishedRow(result, file.source, file.year)
        for file in published
        for result in file.results
        if result.task in tasks and id(result) not in placed
    )
    return Leaderboard(title, tuple(tables), apart)


def _table(
    entries: Sequence[Entry],
    metric: str,
    links: Mapping[Path, RunLink],
    published: Sequence[PublishedFile],
    resamples: int,
    seed: int,
) -> BoardTable:
    test = entries[0].test
    together = _merged(entries)
    pairs = compare_all(
        [same[0].result.answers for same in together], metric, resamples=resamples, seed=seed
    )
    measured = Measures(metric, resamples, seed)
    rows = [
        BoardRow(
            group=tie.group,
            best_rank=tie.best,
            worst_rank=tie.worst,
            row=measured.row(same[0].result),
            facts=same[0].facts,
            runs=tuple(dict.fromkeys(links[entry.folder] for entry in same)),
        )
        for same, tie in zip(together, tied_groups(pairs), strict=True)
    ]
    rows.sort(key=lambda row: (row.group, -row.row.score.value, row.row.system))
    return BoardTable(
        test=test,
        metric=metric,
        definition=definition_of(metric),
        rows=tuple(rows),
        published=tuple(
            PublishedRow(result, file.source, file.year)
            for file in published
            for result in file.results
            if (result.test_hash, result.metric) == (test.hash, metric)
        ),
        resamples=resamples,
        seed=seed,
    )


def _merged(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Entries of one name, made alike and with the same answers, together; the newest first."""
    together: list[list[Entry]] = []
    for entry in entries:
        for same in together:
            if _same(entry, same[0]):
                same.append(entry)
                break
        else:
            together.append([entry])
    return [sorted(same, key=lambda e: e.finished, reverse=True) for same in together]


def _same(one: Entry, other: Entry) -> bool:
    if (one.result.name, one.made_by) != (other.result.name, other.made_by):
        return False
    answers, others = one.result.answers, other.result.answers
    return answers.ids == others.ids and np.array_equal(answers.predicted, others.predicted)


def _links(read: Mapping[Path, Sequence[Entry]], pages: Mapping[Path, str]) -> dict[Path, RunLink]:
    """A label for each run: the experiment's name, with a number where several have it."""
    links: dict[Path, RunLink] = {}
    seen: dict[str, int] = {}
    for folder, entries in read.items():
        name, finished = entries[0].run, entries[0].finished
        seen[name] = seen.get(name, 0) + 1
        label = name if seen[name] == 1 else f"{name} #{seen[name]}"
        links[entries[0].folder] = RunLink(name, label, finished, pages.get(folder))
    return links
