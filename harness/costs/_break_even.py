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
    level: float = 0.95,
) -> BreakEven:
    """Solves ``student.one_off + V * s = reference.one_off + V * r`` for the volume ``V``.

    ``s`` and ``r`` are money per sentence, ``per_1000 / 1000``. The student is ahead

    - ``at_once`` where neither part of its cost is higher and one is lower;
    - ``never`` where its cost per sentence is not lower otherwise: even where its one-off cost
      is lower, the reference overtakes it in the end;
    - else ``after`` ``V = (student.one_off - reference.one_off) / (r - s)`` sentences.

    The interval is the percentile interval of ``V`` over draws of ``s`` and ``r``: it covers how
    the cost per sentence varies over sentences, and takes one-off costs as they are.

    Args:
        student: Costs of the student.
        reference: Costs of the reference.
        student_per_1000: Takes the place of ``student.per_1000``, e.g. its cheapest mode.
        reference_per_1000: Takes the place of ``reference.per_1000``.
        student_draws: Draws of the student's mean cost per sentence (``mean_draws``), in the
            currency's unit.
        reference_draws: The same for the reference; as many, or only one of the two is given.
        level: Coverage of the interval.

    Raises:
        ValueError: When both kinds of draws are given and differ in number, or are empty.
    """
    mine = student.per_1000 if student_per_1000 is None else student_per_1000
    theirs = reference.per_1000 if reference_per_1000 is None else reference_per_1000
    extra, saved = student.one_off - reference.one_off, (theirs - mine) / 1000
    assumed = extra.assumed or saved.assumed
    if extra.amount is None or saved.amount is None or mine.amount is None or theirs.amount is None:
        return BreakEven("unknown", assumed=assumed)
    volume = _volume(extra.amount, saved.amount)
    low = high = None
    if student_draws is not None or reference_draws is not None:
        cost_s = _draws(student_draws, mine.amount / 1000)
        cost_r = _draws(reference_draws, theirs.amount / 1000)
        if cost_s.size > 1 and cost_r.size > 1 and cost_s.size != cost_r.size:
            raise ValueError(f"{cost_s.size} draws of the student, {cost_r.size} of the reference")
        volumes = np.array([_volume(extra.amount, float(d)) for d in np.ravel(cost_r - cost_s)])
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
    per_sentence: Sequence[float] | NDArray[np.float64], *, draws: int = 2000, seed: int = 0
) -> NDArray[np.float64]:
    """Bootstraps the mean cost per sentence.

    Args:
        per_sentence: The measured cost of each sentence, at least one.
        draws: Number of resamples.
        seed: Seed of the resampling.

    Returns:
        Means of the resamples, of shape (draws,).
    """
    costs = np.asarray(per_sentence, dtype=np.float64)
    if costs.ndim != 1 or costs.size == 0:
        raise ValueError("costs must be a list of at least one number")
    # Counts per sentence instead of indices: memory stays at one row per draw.
    random = np.random.default_rng(seed)
    share = np.full(costs.size, 1 / costs.size)
    means = [random.multinomial(costs.size, share) @ costs / costs.size for _ in range(draws)]
    return np.array(means)


def _volume(extra: float, saved: float) -> float:
    """Sentences until the student is ahead; infinite for never."""
    if extra <= 0 and saved >= 0:
        return 0.0 if extra < 0 or saved > 0 else math.inf
    return extra / saved if saved > 0 else math.inf


def _draws(draws: ArrayLike | None, fixed: float) -> NDArray[np.float64]:
    if draws is None:
        return np.array([fixed])
    values = np.asarray(draws, dtype=np.float64)
    if values.ndim != 1 or values.size == 0:
        raise ValueError("draws must be a list of at least one number")
    return values
