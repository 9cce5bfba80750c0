"""What the rows of any set look like: length, argument order, pairs, connecting patterns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from harness.documents import FileModel
from harness.relations import Example

__all__ = ["LabelProfile", "SetProfile", "Spread", "connecting_pattern", "profile_of"]


class Spread(FileModel):
    """A quantity over rows: its mean, and the 5%, 50% and 95% quantiles."""

    mean: float
    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread | None:
        """None for no value."""
        if not values:
            return None
        low, median, high = (float(q) for q in np.quantile(values, (0.05, 0.5, 0.95)))
        return cls(mean=float(np.mean(values)), low=low, median=median, high=high)


class LabelProfile(FileModel):
    """The rows of one label.

    Attributes:
        label: The label.
        rows: How many.
        words: Mean words of a sentence.
        between: Mean words between the mentions.
        head_first: Share of rows in which the head stands before the tail.
        pairs: Distinct pairs of head and tail, case folded.
        patterns: Distinct connecting patterns.
    """

    label: str
    rows: int
    words: float
    between: float
    head_first: float
    pairs: int
    patterns: int


class SetProfile(FileModel):
    """The rows of a set.

    Attributes:
        rows: How many.
        words: Words of a sentence: runs without white space.
        between: Words between the mentions.
        head_first: Share of rows in which the head stands before the tail; None for no row.
        pairs: Distinct pairs of head and tail, case folded.
        patterns: Distinct connecting patterns (see ``connecting_pattern``).
        labels: The same label by label, in the order given.
    """

    rows: int
    words: Spread | None
    between: Spread | None
    head_first: float | None
    pairs: int
    patterns: int
    labels: tuple[LabelProfile, ...]

    def label(self, name: str) -> LabelProfile | None:
        """The profile of one label; None where no row has it."""
        return next((found for found in self.labels if found.label == name), None)


def connecting_pattern(row: Example) -> str:
    """The words between the mentions, case folded, with ``>`` or ``<`` for the order.

    >>> from harness.relations import Mention
    >>> text = "The storm caused a flood ."
    >>> storm, flood = Mention.of(text, 4, 9), Mention.of(text, 19, 24)
    >>> connecting_pattern(Example("1", text, storm, flood))
    '> caused a'
    >>> connecting_pattern(Example("1", text, flood, storm))
    '< caused a'
    """
    order = ">" if row.head.start <= row.tail.start else "<"
    return " ".join([order, *_between(row)])


def profile_of(rows: Sequence[Example], labels: Sequence[str]) -> SetProfile:
    """Describes rows; ``labels`` gives the order of the label table."""
    by_label: dict[str, list[Example]] = defaultdict(list)
    for row in rows:
        by_label[str(row.relation)].append(row)
    return SetProfile(
        rows=len(rows),
        words=Spread.of([_words(row) for row in rows]),
        between=Spread.of([len(_between(row)) for row in rows]),
        head_first=_head_first(rows) if rows else None,
        pairs=len(set(map(_pair, rows))),
        patterns=len(set(map(connecting_pattern, rows))),
        labels=tuple(
            LabelProfile(
                label=label,
                rows=len(found),
                words=float(np.mean([_words(row) for row in found])),
                between=float(np.mean([len(_between(row)) for row in found])),
                head_first=_head_first(found),
                pairs=len(set(map(_pair, found))),
                patterns=len(set(map(connecting_pattern, found))),
            )
            for label in labels
            if (found := by_label.get(label))
        ),
    )


def _words(row: Example) -> int:
    return len(row.text.split())


def _between(row: Example) -> list[str]:
    first, second = sorted((row.head, row.tail), key=lambda mention: mention.start)
    return row.text[first.end : second.start].casefold().split()


def _pair(row: Example) -> tuple[str, str]:
    return row.head.surface.casefold(), row.tail.surface.casefold()


def _head_first(rows: Sequence[Example]) -> float:
    return sum(row.head.start <= row.tail.start for row in rows) / len(rows)
