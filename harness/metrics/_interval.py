"""Intervals of a score: bootstrap over examples, and the spread over training seeds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.errors import DataError, Problem
from harness.metrics._answers import Answers
from harness.metrics._metric import Metric, resolve
from harness.metrics._resampling import bootstrap_sums, kinds_of, seed_weights

__all__ = ["Interval", "interval"]


@dataclass(frozen=True, slots=True)
class Interval:
    """A score with its uncertainty, in percent.

    Attributes:
        value: Mean of the score over the training seeds.
        low: Lower bound; never above ``value``.
        high: Upper bound; never below ``value``.
        level: Confidence of the bounds, e.g. 0.95.
        seed_sd: Standard deviation over the training seeds (n - 1); None for a single seed,
            whose spread is unknown.
        seed_min: Lowest score of a seed.
        seed_max: Highest score of a seed.
        seeds: Number of training seeds.
        examples: Number of examples.
        groups: Number of groups that were resampled.
        resamples: Number of bootstrap draws.
    """

    value: float
    low: float
    high: float
    level: float
    seed_sd: float | None
    seed_min: float
    seed_max: float
    seeds: int
    examples: int
    groups: int
    resamples: int


def interval(
    answers: Answers,
    metric: str | Metric,
    *,
    resamples: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Percentile bootstrap interval of the mean score over training seeds.

    Every draw takes as many groups as there are, with replacement and the same ones for all
    seeds, and resamples the seeds among themselves (nested). A group shares its fate. What examples
    and seeds bring about only together is counted more than once, so with several seeds the bounds
    are rather too wide than too narrow (Owen 2007). Where a skewed bootstrap distribution misses
    the estimate, the bound is moved to it.

    Args:
        answers: Joined answers.
        metric: A metric or its name.
        resamples: Number of draws.
        seed: Seed of the draws; the same seed gives the same interval, in any order of examples.
        level: Confidence of the bounds.

    Raises:
        DataError: When there is no example.
        ValueError: When ``resamples`` or ``level`` is out of range.

    Source: Efron and Tibshirani 1993, chapter 13; groups as in Field and Welsh 2007, seeds
    drawn after Rao and Wu 1988, both at once as in Owen 2007, "The pigeonhole bootstrap".
    """
    check_options(answers, resamples=resamples, level=level)
    found, answers = resolve(answers, metric)
    counts = found.counts(answers)
    by_seed = found.value(counts.sum(axis=1))
    value = float(by_seed.mean())
    seeds, n, columns = counts.shape
    kinds = kinds_of(counts.transpose(1, 0, 2).reshape(n, seeds * columns), answers.groups)
    rng = np.random.default_rng(seed)
    draws = []
    for sums in bootstrap_sums(kinds, resamples=resamples, rng=rng):
        scores = found.value(sums.reshape(-1, seeds, columns))
        draws.append((scores * seed_weights(seeds, draws=len(sums), rng=rng)).sum(axis=1))
    tail = (1 - level) / 2
    low, high = np.quantile(np.concatenate(draws), [tail, 1 - tail])
    return Interval(
        value=value,
        low=min(float(low), value),
        high=max(float(high), value),
        level=level,
        seed_sd=float(by_seed.std(ddof=1)) if seeds > 1 else None,
        seed_min=float(by_seed.min()),
        seed_max=float(by_seed.max()),
        seeds=seeds,
        examples=n,
        groups=kinds.groups,
        resamples=resamples,
    )


def check_options(answers: Answers, *, resamples: int, level: float) -> None:
    """Refuses what cannot be resampled."""
    if not len(answers):
        raise DataError([Problem("there is no example to score", "join at least one example")])
    if resamples < 1:
        raise ValueError("resamples must be at least 1")
    if not 0 < level < 1:
        raise ValueError("level must lie between 0 and 1")
