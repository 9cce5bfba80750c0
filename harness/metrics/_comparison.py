"""Paired comparison of a system with the reference on the same examples."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from harness.errors import DataError, Problem
from harness.metrics._answers import Answers
from harness.metrics._interval import check_options
from harness.metrics._metric import Metric, resolve
from harness.metrics._resampling import Kinds, bootstrap_sums, kinds_of, seed_weights, swap_sums

__all__ = ["Comparison", "compare", "examples_needed", "paired"]

_TIE = 1e-9  # differences in percent that close are equal: sums differ in their last bits


@dataclass(frozen=True, slots=True)
class Comparison:
    """Difference ``system - reference`` of a score, in percentage points.

    Attributes:
        difference: Difference of the mean scores over training seeds.
        low: Lower bootstrap bound; never above ``difference``.
        high: Upper bootstrap bound; never below ``difference``.
        p_bootstrap: Two-sided p of the paired bootstrap, seeds resampled: would freshly trained
            systems differ on other examples?
        p_randomisation: Two-sided p of approximate randomisation: do these very models differ
            beyond what swapping their answers brings about? Knows nothing of fresh seeds.
        level: Confidence of the bounds.
        examples_sd: The part of the bootstrap standard deviation that shrinks with examples.
        seeds_sd: The part that does not: the spread over seeds beyond what the examples bring
            about. 0 where both sides have one seed, for its spread is then unknown.
        examples: Number of paired examples.
        groups: Number of groups that were resampled.
        system_seeds: Training seeds of the system.
        reference_seeds: Training seeds of the reference.
        draws: Differences in the bootstrap draws, shape (resamples,).
    """

    difference: float
    low: float
    high: float
    p_bootstrap: float
    p_randomisation: float
    level: float
    examples_sd: float
    seeds_sd: float
    examples: int
    groups: int
    system_seeds: int
    reference_seeds: int
    draws: NDArray[np.float64] = field(repr=False, compare=False)

    def probability_within(self, tolerance: float) -> float:
        """Share of draws in which the system is less than ``tolerance`` points below."""
        return float((self.draws > -tolerance).mean())


def compare(
    system: Answers,
    reference: Answers,
    metric: str | Metric,
    *,
    resamples: int = 10_000,
    seed: int = 0,
    level: float = 0.95,
) -> Comparison:
    """Compares two systems on the same examples by paired bootstrap and by randomisation.

    *Bootstrap.* Each draw takes groups with replacement, the same for both sides and all seeds,
    and resamples the seeds of each side (nested). That is cautious: what examples and seeds bring
    about only together is counted more than once. The bounds are percentiles of the differences
    ``d*``; p is ``(1 + #{|d* - d| >= |d|}) / (resamples + 1)``, the draws centred on no
    difference.

    *Approximate randomisation.* Under the null hypothesis the two sides' answers to a group could
    as well be swapped. Each draw swaps them in every group with chance 1/2, in all seeds of the
    group at once, for every pair (seed s of the system, seed t of the reference); the statistic is
    the mean over pairs of the difference of their scores, so seeds need no order and their
    numbers may differ (three trained students against one LLM: each student with the LLM). p is
    ``(1 + #{|d*| >= |d|}) / (resamples + 1)``.

    Args:
        system: Answers of the system.
        reference: Answers of the declared reference, to the same examples in any order.
        metric: A metric or its name, which may carry a variant.
        resamples: Number of draws of either kind.
        seed: Seed of the draws.
        level: Confidence of the bounds.

    Raises:
        DataError: When the two were not joined to the same examples, gold and groups, or there
            is no example.
        ValueError: When ``resamples`` or ``level`` is out of range.

    Source: Berg-Kirkpatrick et al. 2012 (paired bootstrap); Owen 2007, "The pigeonhole bootstrap"
    (two crossed factors); Noreen 1989 and Yeh 2000 (approximate randomisation).
    """
    check_options(system, resamples=resamples, level=level)
    reference = paired(system, reference)
    found, system = resolve(system, metric)
    _, reference = resolve(reference, metric)
    kinds, columns = _joint_kinds(found, system, reference)
    sides = (system.seeds, reference.seeds)
    total = kinds.total.reshape(sum(sides), columns)
    scores = found.value(total)
    difference = float(scores[: sides[0]].mean() - scores[sides[0] :].mean())
    rng = np.random.default_rng(seed)
    draws, by_seed = _bootstrap(found, kinds, sides, resamples, rng)
    swapped = _randomise(found, kinds, sides, resamples, rng)
    tail = (1 - level) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    examples_sd, seeds_sd = _spread(draws, by_seed, scores, sides[0])
    return Comparison(
        difference=difference,
        low=min(float(low), difference),
        high=max(float(high), difference),
        p_bootstrap=_p_value(draws - difference, difference),
        p_randomisation=_p_value(swapped, difference),
        level=level,
        examples_sd=examples_sd,
        seeds_sd=seeds_sd,
        examples=len(system),
        groups=kinds.groups,
        system_seeds=system.seeds,
        reference_seeds=reference.seeds,
        draws=draws,
    )


def examples_needed(comparison: Comparison, *, tolerance: float) -> int | None:
    """How many further examples would separate the system from ``reference - tolerance``.

    With ``n`` examples the variance of the difference is taken as ``examples_sd**2 * m / n +
    seeds_sd**2``, where ``m`` examples gave ``examples_sd``; the bound at confidence ``level``
    lies ``z`` standard deviations from the difference. They separate as soon as ``z`` standard
    deviations are less than the gap ``|difference + tolerance|``, at

    ``n = m * z**2 * examples_sd**2 / (gap**2 - z**2 * seeds_sd**2)``.

    Args:
        comparison: A paired comparison.
        tolerance: Points of the metric that the system may lose and still be good enough.

    Returns:
        ``n - m``, rounded up; 0 where a bound already separates them; None where no number of
        examples would at the present estimate (the gap is 0, or the spread over seeds alone
        exceeds it: more seeds are needed).
    """
    if comparison.low > -tolerance or comparison.high < -tolerance:
        return 0
    z = NormalDist().inv_cdf((1 + comparison.level) / 2)
    gap = abs(comparison.difference + tolerance)
    room = gap**2 - (z * comparison.seeds_sd) ** 2
    if gap <= _TIE or room <= 0:
        return None
    needed = comparison.examples * (z * comparison.examples_sd) ** 2 / room
    # A skewed interval may not separate where the normal one does: at least one more is needed.
    return max(math.ceil(needed) - comparison.examples, 1)


def paired(system: Answers, reference: Answers) -> Answers:
    """The reference in the order of the system's examples."""
    problems = []
    lacking, further = set(system.ids) - set(reference.ids), set(reference.ids) - set(system.ids)
    if lacking or further:
        some = ", ".join(repr(i) for i in sorted(lacking or further)[:3])
        problems.append(
            Problem(
                f"the system and the reference were joined to different examples: {len(lacking)}"
                f" only in the system, {len(further)} only in the reference ({some}, ...)",
                "take the subset(ids) that both have",
            )
        )
    elif system.schema.label_names != reference.schema.label_names:
        problems.append(
            Problem("the system and the reference use different schemas", "use one schema for both")
        )
    else:
        if reference.ids != system.ids:
            reference = reference.subset(system.ids)
        if (reference.gold != system.gold).any():
            count = int((reference.gold != system.gold).sum())
            problems.append(
                Problem(f"{count} examples have different gold labels", "join both to one gold")
            )
        pairs = np.stack([system.groups, reference.groups])
        if len({np.unique(pairs, axis=1).shape[1], *(len(np.unique(g)) for g in pairs)}) > 1:
            problems.append(Problem("the examples have different groups", "join both to one gold"))
    if problems:
        raise DataError(problems)
    return reference


def _joint_kinds(metric: Metric, system: Answers, reference: Answers) -> tuple[Kinds, int]:
    counts = np.concatenate([metric.counts(system), metric.counts(reference)])
    seeds, n, columns = counts.shape
    return kinds_of(counts.transpose(1, 0, 2).reshape(n, seeds * columns), system.groups), columns


def _bootstrap(
    metric: Metric, kinds: Kinds, sides: tuple[int, int], resamples: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Differences with the seeds resampled, and the scores of each seed in the same draws."""
    split, seeds = sides[0], sum(sides)
    draws, by_seed = [], []
    for sums in bootstrap_sums(kinds, resamples=resamples, rng=rng):
        scores = metric.value(sums.reshape(len(sums), seeds, -1))
        of_system = scores[:, :split] * seed_weights(sides[0], draws=len(sums), rng=rng)
        of_reference = scores[:, split:] * seed_weights(sides[1], draws=len(sums), rng=rng)
        draws.append(of_system.sum(axis=1) - of_reference.sum(axis=1))
        by_seed.append(scores)
    return np.concatenate(draws), np.concatenate(by_seed)


def _spread(
    draws: NDArray[np.float64],
    by_seed: NDArray[np.float64],
    scores: NDArray[np.float64],
    split: int,
) -> tuple[float, float]:
    """Standard deviations that shrink with examples, and that do not.

    Scores of seeds differ on a finite test set even if the models are equally good; that much is
    the variance, over the draws, of a seed's deviation from the mean of the seeds.
    """
    kept = by_seed[:, :split].mean(axis=1) - by_seed[:, split:].mean(axis=1)
    constant = 0.0
    for side in (slice(None, split), slice(split, None)):
        seeds = len(scores[side])
        if seeds > 1:
            deviations = by_seed[:, side] - by_seed[:, side].mean(axis=1, keepdims=True)
            of_examples = float(deviations.var(axis=0).sum()) / (seeds - 1)
            constant += max(float(scores[side].var(ddof=1)) - of_examples, 0.0) / seeds
    shrinking = max(float(draws.var()) - constant, float(kept.var()))
    return math.sqrt(shrinking), math.sqrt(constant)


def _randomise(
    metric: Metric, kinds: Kinds, sides: tuple[int, int], resamples: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Differences after swapping the two sides in random groups."""
    rows = kinds.rows.reshape(len(kinds.rows), sum(sides), -1)
    of_system, of_reference = rows[:, : sides[0]], rows[:, sides[0] :]
    moves = of_system[:, :, None] - of_reference[:, None]  # kinds, system, reference, columns
    shape = moves.shape[1:]
    differ = moves.any(axis=(1, 2, 3))  # swapping equal answers changes nothing
    total = kinds.total.reshape(sum(sides), -1)
    system_total, reference_total = total[: sides[0], None], total[None, sides[0] :]
    draws = []
    for sums in swap_sums(
        moves[differ].reshape(-1, math.prod(shape)),
        kinds.sizes[differ],
        resamples=resamples,
        rng=rng,
    ):
        moved = sums.reshape(-1, *shape)
        swapped = metric.value(system_total - moved) - metric.value(reference_total + moved)
        draws.append(swapped.mean(axis=(1, 2)))
    return np.concatenate(draws)


def _p_value(draws: NDArray[np.float64], difference: float) -> float:
    """Two-sided p of a difference among draws made under no difference."""
    beyond = int((np.abs(draws) >= abs(difference) - _TIE).sum())
    return (1 + beyond) / (1 + len(draws))
