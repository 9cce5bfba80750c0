"""Every pair of many systems compared at once, on the same draws."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from harness.errors import DataError, Problem
from harness.metrics._answers import Answers
from harness.metrics._comparison import p_value, paired_answers
from harness.metrics._interval import check_options
from harness.metrics._metric import Metric, resolve
from harness.metrics._multiplicity import holm
from harness.metrics._resampling import kinds_of, seed_weights

__all__ = ["Pair", "compare_all"]

_CHUNK = 2_000_000  # weights held at once


@dataclass(frozen=True, slots=True)
class Pair:
    """Two systems of a list, and the difference of the first less the second, in points.

    Attributes:
        first: Place of the first in the list.
        second: Place of the second.
        difference: Difference of their mean scores over training seeds.
        low: Lower bootstrap bound; never above ``difference``.
        high: Upper bootstrap bound.
        p_bootstrap: Two-sided p of the paired bootstrap.
        p_randomisation: Two-sided p of approximate randomisation.
        p_holm: ``p_randomisation`` after Holm's correction over all pairs.
    """

    first: int
    second: int
    difference: float
    low: float
    high: float
    p_bootstrap: float
    p_randomisation: float
    p_holm: float


@dataclass(frozen=True, slots=True, eq=False)
class _System:
    """A system's columns among those of all, and its sums."""

    metric: Metric
    columns: slice
    seeds: int
    total: NDArray[np.float64]  # (seeds, columns of the metric)

    def of(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """Its part of sums over all columns, shape (draws, seeds, columns of the metric)."""
        return sums[:, self.columns].reshape(len(sums), self.seeds, -1)


def compare_all(
    systems: Sequence[Answers],
    metric: str | Metric,
    *,
    resamples: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[Pair, ...]:
    """Compares every two of the systems; each test is that of ``compare``.

    What ``compare`` draws for one pair is drawn once for all: weights of the groups, and which
    groups are swapped. Sums over groups are linear in the counts, so the sums of a swapped pair
    follow from those of its two systems, and a further system costs one more matrix product
    instead of as many tests as there are systems before it.

    Args:
        systems: Answers to the same examples, in any order.
        metric: A metric or its name, which may carry a variant.
        resamples: Number of draws of either kind.
        seed: Seed of the draws.
        level: Confidence of the bounds.

    Returns:
        All pairs, (0, 1), (0, 2), ..., in this order; none for fewer than two systems.

    Raises:
        DataError: When two were not joined to the same examples, gold and groups, or there is no
            example.
        ValueError: When ``resamples`` or ``level`` is out of range.

    Source: as ``compare``; Holm 1979 for the correction.
    """
    if len(systems) < 2:
        return ()
    check_options(systems[0], resamples=resamples, level=level)
    aligned = [systems[0], *(_aligned(systems[0], other, at) for at, other in
                             enumerate(systems[1:], start=1))]  # fmt: skip
    counts, found = _columns(aligned, metric)
    kinds = kinds_of(counts, aligned[0].groups)
    rng = np.random.default_rng(seed)
    scores = _bootstrap(found, kinds.rows, kinds.sizes, resamples, rng)
    swapped = _swapped(kinds.rows, kinds.sizes, resamples, rng)
    tail = (1 - level) / 2
    pairs: list[Pair] = []
    for i, j in combinations(range(len(systems)), 2):
        one, other = found[i], found[j]
        gap = float(one.metric.value(one.total).mean() - other.metric.value(other.total).mean())
        draws = scores[i] - scores[j]
        low, high = (float(q) for q in np.quantile(draws, [tail, 1 - tail]))
        pairs.append(
            Pair(
                i, j, gap, min(low, gap), max(high, gap),
                p_value(draws - gap, gap),
                p_value(_randomised(one, other, swapped), gap),
                np.nan,
            )
        )  # fmt: skip
    corrected = holm([pair.p_randomisation for pair in pairs])
    return tuple(
        Pair(p.first, p.second, p.difference, p.low, p.high, p.p_bootstrap, p.p_randomisation,
             float(c))
        for p, c in zip(pairs, corrected, strict=True)
    )  # fmt: skip


def _aligned(first: Answers, other: Answers, at: int) -> Answers:
    try:
        return paired_answers(first, other)
    except DataError as error:
        problems = [Problem(f"systems 0 and {at}: {p.what}", p.fix) for p in error.problems]
        raise DataError(problems) from None


def _columns(
    systems: Sequence[Answers], metric: str | Metric
) -> tuple[NDArray[np.float64], list[_System]]:
    """Counts of all systems beside each other, shape (examples, columns)."""
    parts, found, start = [], [], 0
    for answers in systems:
        resolved, answers = resolve(answers, metric)
        counts = resolved.counts(answers)
        seeds, n, width = counts.shape
        stop = start + seeds * width
        parts.append(counts.transpose(1, 0, 2).reshape(n, seeds * width))
        found.append(_System(resolved, slice(start, stop), seeds, counts.sum(axis=1)))
        start = stop
    return np.concatenate(parts, axis=1), found


def _bootstrap(
    systems: Sequence[_System],
    rows: NDArray[np.float64],
    sizes: NDArray[np.int64],
    resamples: int,
    rng: np.random.Generator,
) -> list[NDArray[np.float64]]:
    """Each system's scores with groups and seeds resampled, shape (resamples,) each."""
    groups = int(sizes.sum())
    drawn: list[list[NDArray[np.float64]]] = [[] for _ in systems]
    for size in _chunks(resamples, len(rows)):
        weights = rng.multinomial(groups, sizes / groups, size=size)
        sums = weights.astype(np.float64) @ rows
        for system, scores in zip(systems, drawn, strict=True):
            by_seed = system.metric.value(system.of(sums))
            scores.append((by_seed * seed_weights(system.seeds, draws=size, rng=rng)).sum(axis=1))
    return [np.concatenate(scores) for scores in drawn]


def _swapped(
    rows: NDArray[np.float64], sizes: NDArray[np.int64], resamples: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Sums over the groups that are swapped, of all columns; shape (resamples, columns)."""
    parts = []
    for size in _chunks(resamples, len(rows)):
        taken = rng.binomial(sizes, 0.5, size=(size, len(sizes)))
        parts.append(taken.astype(np.float64) @ rows)
    return np.concatenate(parts)


def _randomised(one: _System, other: _System, swapped: NDArray[np.float64]) -> NDArray[np.float64]:
    """Differences after the swaps, the mean over pairs of seeds; shape (resamples,)."""
    mine, theirs = one.of(swapped), other.of(swapped)
    total = np.zeros(len(swapped))
    for s in range(one.seeds):
        for t in range(other.seeds):
            moved = theirs[:, t] - mine[:, s]
            total += one.metric.value(one.total[s] + moved)
            total -= other.metric.value(other.total[t] - moved)
    return total / (one.seeds * other.seeds)


def _chunks(resamples: int, width: int) -> Iterator[int]:
    size = max(1, min(resamples, _CHUNK // max(width, 1)))
    for start in range(0, resamples, size):
        yield min(size, resamples - start)
