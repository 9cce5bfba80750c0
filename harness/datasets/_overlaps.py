"""Which sentences of two sets are the same, or nearly."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.datasets._near_runs import Overlap, Texts, near_by_runs, pairs_of
from harness.errors import ConfigError, Problem
from harness.relations import Example

__all__ = ["Overlap", "OverlapReport", "find_overlaps", "normalise_text"]

MOST_PAIRS = 100_000_000
"""Pairs of texts up to which every one is compared."""
_CHUNK = 256  # left texts compared at once: bounds memory to 256 x len(right) scores


@dataclass(frozen=True, slots=True)
class OverlapReport:
    """Pairs of sentences; a pair stands in the first list that it fits.

    Attributes:
        exact: The texts are equal.
        normalised: They are equal but for case, compatibility forms, punctuation and spaces.
        near: Their normalised texts are at least as similar as the threshold.
    """

    exact: tuple[Overlap, ...]
    normalised: tuple[Overlap, ...]
    near: tuple[Overlap, ...] = ()

    @property
    def pairs(self) -> tuple[Overlap, ...]:
        """All pairs."""
        return (*self.exact, *self.normalised, *self.near)

    def __bool__(self) -> bool:
        return bool(self.exact or self.normalised or self.near)


def normalise_text(text: str) -> str:
    """NFKC, case folded, and every run of spaces and punctuation one space.

    >>> normalise_text("The  ﬁrst CUP, broke.")
    'the first cup broke'
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    kept = "".join(c if unicodedata.category(c)[0] in "LMNS" else " " for c in folded)
    words = " ".join(kept.split())
    return words or " ".join(folded.split())  # a text of punctuation alone stands for itself


def find_overlaps(
    left: Sequence[Example],
    right: Sequence[Example],
    *,
    near: bool = True,
    threshold: float = 0.85,
) -> OverlapReport:
    """Compares every sentence on the left with every one on the right, marks left aside.

    Near-duplicates are found with rapidfuzz's ``ratio`` (normalised indel similarity: twice the
    longest common subsequence over both lengths, in characters) on the normalised texts. Up to
    100 million pairs of texts each is compared, so that none is missed; 8,000 by 2,717 sentences
    take a few seconds on one core. Beyond, where that would take hours, only those are compared
    that share one of the left text's twelve rarest runs of three words: what differs in every few
    letters may then be missed, and what differs in words is found.

    Args:
        left: One set.
        right: The other.
        near: Whether near-duplicates are looked for.
        threshold: The least similarity of a near-duplicate, above 0 and at most 1.

    Raises:
        ConfigError: When the threshold is not in that range.
    """
    if not 0 < threshold <= 1:
        raise ConfigError([Problem(f"the threshold is {threshold}", "choose above 0, at most 1")])
    lefts, rights = _by_text(left), _by_text(right)
    exact: list[Overlap] = []
    normalised: list[Overlap] = []
    for key in lefts.keys() & rights.keys():
        for one in lefts[key]:
            for other in rights[key]:
                found = exact if one.text == other.text else normalised
                found.append(Overlap(one.id, other.id))
    search = _near if len(lefts) * len(rights) <= MOST_PAIRS else near_by_runs
    close = list(search(lefts, rights, threshold)) if near else []
    at_left = {example.id: index for index, example in enumerate(left)}
    at_right = {example.id: index for index, example in enumerate(right)}

    def ordered(pairs: list[Overlap]) -> tuple[Overlap, ...]:
        return tuple(sorted(pairs, key=lambda pair: (at_left[pair.left], at_right[pair.right])))

    return OverlapReport(ordered(exact), ordered(normalised), ordered(close))


def _by_text(examples: Sequence[Example]) -> Mapping[str, list[Example]]:
    found: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        found[normalise_text(example.text)].append(example)
    return found


def _near(lefts: Texts, rights: Texts, threshold: float) -> Iterator[Overlap]:
    import numpy as np
    from rapidfuzz import fuzz, process

    left_texts, right_texts = list(lefts), list(rights)
    for start in range(0, len(left_texts), _CHUNK):
        chunk = left_texts[start : start + _CHUNK]
        scores = process.cdist(
            chunk, right_texts, scorer=fuzz.ratio, score_cutoff=100 * threshold, dtype=np.float64
        )
        for row, column in zip(*np.nonzero(scores), strict=True):
            if chunk[row] == right_texts[column]:
                continue
            similarity = float(scores[row, column]) / 100
            yield from pairs_of(lefts[chunk[row]], rights[right_texts[column]], similarity)
