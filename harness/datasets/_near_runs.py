"""Near-duplicates among many texts: those are compared that share a rare run of words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from harness.relations import Example

__all__ = ["Overlap", "Texts", "near_by_runs", "pairs_of"]

Texts: TypeAlias = Mapping[str, list[Example]]
"""Examples by their normalised text."""

_RUN = 3  # words
_RAREST = 12  # runs of a text by which it is looked up
_MOST_SHARING = 100  # texts that share a run; a commoner one tells little
_BATCH = 100_000  # pairs compared at once


@dataclass(frozen=True, slots=True)
class Overlap:
    """A sentence of the left set that stands in the right set as well.

    Attributes:
        left: Id of the example on the left.
        right: Id of the example on the right.
        similarity: 1.0 where the normalised texts are equal, else the ratio that was measured.
    """

    left: str
    right: str
    similarity: float = 1.0


def pairs_of(left: Sequence[Example], right: Sequence[Example], similarity: float) -> list[Overlap]:
    """Every example of one text with every one of another."""
    return [Overlap(one.id, other.id, similarity) for one in left for other in right]


def near_by_runs(lefts: Texts, rights: Texts, threshold: float) -> Iterator[Overlap]:
    """Pairs of different texts that share a rare run of words and are similar enough.

    Time grows with the number of texts, not with that of pairs: a text is compared with those in
    which one of its rarest runs of three words stands, an idea of set similarity joins (prefix
    filtering; Chaudhuri, Ganti and Kaushik, ICDE 2006). A run that stands in more than a hundred
    texts tells little: a text of such runs alone, as templates make them, is compared with the
    first hundred that share its rarest, so that it is found to be near some, not near all.

    Args:
        lefts: One set.
        rights: The other.
        threshold: The least similarity, as rapidfuzz's ``ratio`` over 100.
    """
    from rapidfuzz import fuzz, process

    left_texts, right_texts = list(lefts), list(rights)
    runs, places = _runs(right_texts)
    ends = np.append(np.flatnonzero(np.diff(runs)) + 1, len(runs))
    starts = np.concatenate(([0], ends[:-1]))
    known = runs[starts] if len(runs) else runs
    held: list[tuple[int, NDArray[np.int64]]] = []
    waiting = 0

    def compared() -> Iterator[Overlap]:
        one = np.concatenate([np.full(len(found), at) for at, found in held])
        other = np.concatenate([found for _, found in held])
        scores = process.cpdist(
            [left_texts[at] for at in one],
            [right_texts[at] for at in other],
            scorer=fuzz.ratio,
            score_cutoff=100 * threshold,
            dtype=np.float64,
        )
        for at in np.flatnonzero(scores):
            first, second = left_texts[one[at]], right_texts[other[at]]
            if first != second:
                yield from pairs_of(lefts[first], rights[second], float(scores[at]) / 100)

    for at, text in enumerate(left_texts):
        own = np.unique(_hashes(text))
        found = np.searchsorted(known, own)
        found = found[found < len(known)]
        found = found[np.isin(known[found], own, assume_unique=True)]
        sizes = ends[found] - starts[found]
        rarest = found[np.argsort(sizes, kind="stable")[:_RAREST]]
        if not len(rarest):
            continue
        telling = rarest[ends[rarest] - starts[rarest] <= _MOST_SHARING]
        # A text of common runs alone is compared with the first of those that share its rarest.
        looked_up = telling if len(telling) else rarest[:1]
        near = np.unique(
            np.concatenate([places[starts[r] : ends[r]][:_MOST_SHARING] for r in looked_up])
        )
        held.append((at, near))
        waiting += len(near)
        if waiting >= _BATCH:
            yield from compared()
            held.clear()
            waiting = 0
    if held:
        yield from compared()


def _runs(texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The hashes of all runs, sorted, and the place of the text in which each stands."""
    hashes = [np.unique(_hashes(text)) for text in texts]
    if not hashes:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    runs = np.concatenate(hashes)
    places = np.repeat(np.arange(len(texts)), [len(found) for found in hashes])
    order = np.argsort(runs, kind="stable")
    return runs[order], places[order]


def _hashes(text: str) -> NDArray[np.int64]:
    """A number per run of words; of a shorter text, one for the whole."""
    words = text.split()
    last = max(1, len(words) - _RUN + 1)
    return np.array([hash(tuple(words[at : at + _RUN])) for at in range(last)], dtype=np.int64)
