"""From which volume on a student has paid for itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import ConfigDict

from harness.costs._ledger import SystemCost
from harness.costs._money import Money

__all__ = ["BreakEven", "break_even", "mean_draws"]


@dataclass(frozen=True, slots=True)
class BreakEven:
    """When a student becomes the cheaper system.

    Attributes:
        kind: ``after`` ``volume`` sentences; ``at_once``; ``never``; or ``unknown``, because a
            cost is.
        volume: Number of sentences at which both have cost the same; 0 for ``at_once``, None for
            ``never`` and ``unknown``.
        low: Lower end of the interval, in sentences; None where none was asked for.
        high: Upper end; infinite where part of the draws never break even.
        assumed: Whether a cost behind it was assumed.
    """

    __pydantic_config__ = ConfigDict(ser_json_inf_nan="strings")

    kind: Literal["after", "at_once", "never", "unknown"]
    volume: float | None = None
    low: float | None = None
    high: float | None = None
    assumed: bool = False


def break_even(
    student: SystemCost,
    reference: SystemCost,
    *,
    student_per_1000: Money | None = None,
    reference_per_1000: Money | None = None,
    student_draws: ArrayLike | None = None,
    reference_draws: ArrayLike | None = None,
    extra_draws: ArrayLike | None = None,
    level: float = 0.95,
) -> BreakEven:
    """Solves ``student.one_off + V * s = reference.one_off + V * r`` for the volume ``V``.

    ``s`` and ``r`` are money per sentence, ``per_1000 / 1000``. The student is ahead

    - ``at_once`` where neither part of its cost is higher and one is lower;
    - ``never`` where its cost per sentence is not lower otherwise: even where its one-off cost
      is lower, the reference overtakes it in the end;
    - else ``after`` ``V = (student.one_off - reference.one_off) / (r - s)`` sentences.

    The interval is the percentile interval of ``V`` over draws of ``s`` and ``r``, and of the
    one-off difference where that is drawn as well: how the cost per sentence varies over
    sentences, and what is not known of prices. What was spent once, in tokens, hours and labels,
    has been spent and is not drawn. Where draws differ in whether ``V`` exists, the upper end is
    infinite, as that of Fieller's interval of a ratio whose denominator may be 0.

    Args:
        student: Costs of the student.
        reference: Costs of the reference.
        student_per_1000: Takes the place of ``student.per_1000``, e.g. its cheapest mode.
        reference_per_1000: Takes the place of ``reference.per_1000``.
        student_draws: Draws of the student's mean cost per sentence (``mean_draws``), in the
            currency's unit.
        reference_draws: The same for the reference; as many, or only one of the two is given.
        extra_draws: Draws of ``student.one_off - reference.one_off``, as many again.
        level: Coverage of the interval.

    Raises:
        ValueError: When several kinds of draws are given and differ in number, or are empty.

    Source: Fieller 1954, "Some problems in interval estimation"; Efron and Tibshirani 1993,
    chapter 13 (percentile intervals).
    """
    mine = student.per_1000 if student_per_1000 is None else student_per_1000
    theirs = reference.per_1000 if reference_per_1000 is None else reference_per_1000
    extra, saved = student.one_off - reference.one_off, (theirs - mine) / 1000
    assumed = extra.assumed or saved.assumed
    if extra.amount is None or saved.amount is None or mine.amount is None or theirs.amount is None:
        return BreakEven("unknown", assumed=assumed)
    volume = _volume(extra.amount, saved.amount)
    low = high = None
    if any(drawn is not None for drawn in (student_draws, reference_draws, extra_draws)):
        cost_s = _draws(student_draws, mine.amount / 1000)
        cost_r = _draws(reference_draws, theirs.amount / 1000)
        extras = _draws(extra_draws, extra.amount)
        if cost_s.size > 1 and cost_r.size > 1 and cost_s.size != cost_r.size:
            raise ValueError(f"{cost_s.size} draws of the student, {cost_r.size} of the reference")
        count = max(cost_s.size, cost_r.size)
        if count > 1 and extras.size > 1 and extras.size != count:
            raise ValueError(f"{count} draws of the running costs, {extras.size} of the one-off")
        volumes = _volumes(*np.broadcast_arrays(extras, cost_r - cost_s))
        # Order statistics, not interpolation: between a number and infinity there is none.
        tail = (1 - level) / 2
        low = float(np.quantile(volumes, tail, method="lower"))
        high = float(np.quantile(volumes, 1 - tail, method="higher"))
    if volume == 0:
        return BreakEven("at_once", 0.0, low, high, assumed)
    if math.isinf(volume):
        return BreakEven("never", None, low, high, assumed)
    return BreakEven("after", volume, low, high, assumed)


def mean_draws(
    per_sentence: Sequence[float] | NDArray[np.float64],
    *,
    draws: int = 2000,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Bootstraps the mean cost per sentence, or means of several figures of each at once.

    Args:
        per_sentence: The measured cost of each sentence, at least one; or, of shape
            (sentences, figures), several such as its tokens by price.
        draws: Number of resamples.
        seed: Seed of the resampling.
        groups: A number per sentence; sentences that share it are drawn together.

    Returns:
        Means of the resamples, of shape (draws,) or (draws, figures).
    """
    costs = np.asarray(per_sentence, dtype=np.float64)
    if costs.ndim not in (1, 2) or len(costs) == 0:
        raise ValueError("costs must be a list of at least one number")
    sizes = np.ones(len(costs))
    if groups is not None:
        _, place = np.unique(np.asarray(groups), return_inverse=True)
        sizes = np.bincount(place).astype(np.float64)
        sums = np.zeros((sizes.size, *costs.shape[1:]))
        np.add.at(sums, place, costs)
        costs = sums
    # Equal ones are interchangeable, and counts take the place of indices: a draw holds one
    # number per distinct cost.
    rows, counts = np.unique(np.column_stack([sizes, costs]), axis=0, return_counts=True)
    random = np.random.default_rng(seed)
    share = counts / counts.sum()
    means = [_mean_of(random.multinomial(counts.sum(), share), rows) for _ in range(draws)]
    return np.array(means).reshape(draws, *costs.shape[1:])


def _mean_of(taken: NDArray[np.int64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    size, *sums = taken @ rows
    return np.asarray(np.array(sums) / size)


def _volume(extra: float, saved: float) -> float:
    """Sentences until the student is ahead; infinite for never."""
    if extra <= 0 and saved >= 0:
        return 0.0 if extra < 0 or saved > 0 else math.inf
    return extra / saved if saved > 0 else math.inf


def _volumes(extra: NDArray[np.float64], saved: NDArray[np.float64]) -> NDArray[np.float64]:
    """``_volume`` of each pair."""
    ahead = (extra <= 0) & (saved >= 0) & ((extra < 0) | (saved > 0))
    later = np.divide(extra, saved, out=np.full(saved.shape, np.inf), where=saved > 0)
    return np.where(ahead, 0.0, later)


def _draws(draws: ArrayLike | None, fixed: float) -> NDArray[np.float64]:
    if draws is None:
        return np.array([fixed])
    values = np.asarray(draws, dtype=np.float64)
    if values.ndim != 1 or values.size == 0:
        raise ValueError("draws must be a list of at least one number")
    return values
