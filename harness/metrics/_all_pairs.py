"""Every pair of several systems compared on the same examples, with one set of draws for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.metrics._answers import Answers
from harness.metrics._comparison import paired
from harness.metrics._interval import check_options
from harness.metrics._metric import Metric, resolve
from harness.metrics._multiplicity import holm
from harness.metrics._resampling import bootstrap_sums, kinds_of, seed_weights

__all__ = ["AllPairs", "Tie", "compare_all", "tied_groups"]

_TIE = 1e-9  # as in a single comparison


@dataclass(frozen=True, slots=True, eq=False)
class AllPairs:
    """Scores of ``k`` systems and the tests between them.

    Attributes:
        scores: Mean score of each system over its training seeds, in percent, shape (k,).
        p: Two-sided p of the paired bootstrap of each pair, not corrected, shape (k, k); 1 on
            the diagonal.
        p_holm: The same after Holm's correction over the ``k (k - 1) / 2`` pairs.
    """

    scores: NDArray[np.float64]
    p: NDArray[np.float64]
    p_holm: NDArray[np.float64]

    def better(self, level: float = 0.95) -> NDArray[np.bool_]:
        """Whether the row's system is shown to be better than the column's, shape (k, k)."""
        higher = self.scores[:, None] > self.scores[None, :] + _TIE
        return np.asarray(higher & (self.p_holm < 1 - level))


@dataclass(frozen=True, slots=True)
class Tie:
    """Where a system stands, as far as the tests tell.

    Attributes:
        group: Number of its tied group, from 1. Every system of a group is shown to be better than
            every system of the groups below it.
        best: The best rank that the tests leave open: one more than are shown to be better.
        worst: The worst: as many as are not shown to be worse, itself among them.
    """

    group: int
    best: int
    worst: int


def compare_all(
    systems: Sequence[Answers],
    metric: str | Metric,
    *,
    resamples: int = 10_000,
    seed: int = 0,
) -> AllPairs:
    """Compares all pairs by a paired bootstrap over examples and training seeds.

    The draws are those of ``compare``, shared by all systems: each takes groups of examples with
    replacement, the same for every system, and the training seeds of each. A pair's p is
    ``(1 + #{|d* - d| >= |d|}) / (resamples + 1)``.

    Args:
        systems: Answers to the same examples, in any order of the examples.
        metric: A metric or its name, which may carry a variant.
        resamples: Number of draws.
        seed: Seed of the draws.

    Raises:
        DataError: When two of them were not joined to the same examples, gold and groups.
        ValueError: When there is no system.

    Source: Berg-Kirkpatrick et al. 2012 (paired bootstrap); Holm 1979.
    """
    if not systems:
        raise ValueError("there is no system to compare")
    first, *others = systems
    check_options(first, resamples=resamples, level=0.95)
    aligned = [first, *(paired(first, other) for other in others)]
    found, _ = resolve(first, metric)
    counts = [found.counts(resolve(answers, metric)[1]) for answers in aligned]
    sizes = [len(of_system) for of_system in counts]
    seeds, n, columns = sum(sizes), len(first), counts[0].shape[2]
    rows = np.concatenate(counts).transpose(1, 0, 2).reshape(n, seeds * columns)
    kinds = kinds_of(rows, first.groups)
    starts = np.cumsum([0, *sizes[:-1]])
    scores = np.add.reduceat(found.value(kinds.total.reshape(seeds, columns)), starts) / sizes
    rng = np.random.default_rng(seed)
    draws = []
    for sums in bootstrap_sums(kinds, resamples=resamples, rng=rng):
        weights = np.hstack([seed_weights(size, draws=len(sums), rng=rng) for size in sizes])
        drawn = found.value(sums.reshape(len(sums), seeds, columns)) * weights
        draws.append(np.add.reduceat(drawn, starts, axis=1))
    return _tested(scores, np.concatenate(draws))


def tied_groups(pairs: AllPairs, *, level: float = 0.95) -> tuple[Tie, ...]:
    """Groups of systems that the tests do not tell apart, and the ranks that each may have.

    A group ends below a system only where all that stand so far are shown to be better than all
    that follow: no rank is claimed on a difference that was not shown. One system that cannot be
    told from its neighbours on both sides therefore joins their groups into one, and the range of
    ranks says more of each.

    Args:
        pairs: All comparisons.
        level: One less the chance of any false finding among the pairs.

    Returns:
        One entry per system, in the order of ``pairs``.

    Source: the clusters of the WMT rankings (Bojar et al. 2014, section 3.2).
    """
    better = pairs.better(level)
    order = np.argsort(-pairs.scores, kind="stable")
    group, groups = 1, np.ones(len(order), dtype=np.int64)
    for place in range(1, len(order)):
        above, below = order[:place], order[place:]
        group += bool(better[np.ix_(above, below)].all())
        groups[order[place]] = group
    beaten_by, beats = better.sum(axis=0), better.sum(axis=1)
    return tuple(
        Tie(int(groups[i]), int(beaten_by[i]) + 1, len(order) - int(beats[i]))
        for i in range(len(order))
    )


def _tested(scores: NDArray[np.float64], draws: NDArray[np.float64]) -> AllPairs:
    """Tests of all pairs from the scores in each draw, shape (resamples, k)."""
    k = len(scores)
    upper = np.triu_indices(k, 1)
    found = []
    for i, j in zip(*upper, strict=True):
        difference = scores[i] - scores[j]
        beyond = np.abs(draws[:, i] - draws[:, j] - difference) >= abs(difference) - _TIE
        found.append((1 + int(beyond.sum())) / (1 + len(draws)))
    p, p_holm = np.ones((k, k)), np.ones((k, k))
    p[upper], p_holm[upper] = found, holm(found)
    p.T[upper], p_holm.T[upper] = p[upper], p_holm[upper]
    return AllPairs(scores, p, p_holm)
