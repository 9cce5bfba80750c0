"""What of a test set a set's rows have in them already: patterns, mentions, words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.curation._profile import connecting_pattern
from harness.documents import FileModel
from harness.relations import Example

__all__ = ["Coverage", "LabelCoverage", "coverage"]


class LabelCoverage(FileModel):
    """The same for the test sentences of one label."""

    label: str
    pattern: float
    mentions: float


class Coverage(FileModel):
    """How much of a test set a set covers, each a share of the test set, 0 to 1.

    Attributes:
        pattern: Test sentences whose connecting pattern stands in some row.
        pattern_right: Test sentences whose connecting pattern stands in a row of their label.
        mentions: Test mentions whose last word, case folded, is that of some row's mention.
        words: Words of the test set that stand in some row, counted as often as they occur.
        labels: ``pattern_right`` and ``mentions`` label by label.
    """

    pattern: float
    pattern_right: float
    mentions: float
    words: float
    labels: tuple[LabelCoverage, ...]


def coverage(
    rows: Sequence[Example], test: Sequence[Example], labels: Sequence[str]
) -> Coverage | None:
    """Looks test sentences up in a set; None where there is no test sentence.

    The test set's labels tell right from wrong, for the report alone.

    Args:
        rows: The set.
        test: The test set.
        labels: The labels, in the table's order.
    """
    if not test:
        return None
    patterns = {connecting_pattern(row) for row in rows}
    labelled = {(connecting_pattern(row), row.relation) for row in rows}
    mentions = {word for row in rows for word in _mentions(row)}
    words = {word for row in rows for word in _words(row)}

    def right(found: Sequence[Example]) -> float:
        return _share((connecting_pattern(t), t.relation) in labelled for t in found)

    def known(found: Sequence[Example]) -> float:
        return _share(word in mentions for t in found for word in _mentions(t))

    return Coverage(
        pattern=_share(connecting_pattern(t) in patterns for t in test),
        pattern_right=right(test),
        mentions=known(test),
        words=_share(word in words for t in test for word in _words(t)),
        labels=tuple(
            LabelCoverage(label=label, pattern=right(found), mentions=known(found))
            for label in labels
            if (found := [t for t in test if t.relation == label])
        ),
    )


def _share(flags: Iterable[bool]) -> float:
    values = list(flags)
    return sum(values) / len(values) if values else 0.0


def _mentions(row: Example) -> list[str]:
    """The last words of both mentions: in English, mostly their heads."""
    return [words[-1] for m in (row.head, row.tail) if (words := m.surface.casefold().split())]


def _words(row: Example) -> list[str]:
    return row.text.casefold().split()
