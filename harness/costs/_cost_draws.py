"""Draws of a system's cost: sentences resampled, and prices drawn from their ranges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from harness.costs._break_even import mean_draws
from harness.costs._call_cost import CostMode
from harness.costs._prices import ModelPrice, Prices
from harness.costs._quantities import TOKEN_PRICES, Quantities, price_vector

__all__ = ["CostDraws", "PriceDraws", "RunningUse"]

Draws = NDArray[np.float64]
_DRAWS = 4000


@dataclass(frozen=True)
class PriceDraws:
    """Draws from the declared ranges of prices; a price without a range is the same in all.

    A range is taken as half of the weight spread evenly below the likely price, and half above.
    One draw holds for the whole run, so that two systems on one backend share it.

    Attributes:
        models: Price of each backend; None: unknown.
        prices: Those of the machine and of labels.
        draws: How many.
        seed: Of the draws.
    """

    models: Mapping[str, ModelPrice | None]
    prices: Prices
    draws: int = _DRAWS
    seed: int = 0

    @property
    def uncertain(self) -> bool:
        """Whether any price is a range."""
        return bool(self.prices.ranges) or any(p is not None and p.ranges
                                               for p in self.models.values())  # fmt: skip

    @cached_property
    def machine_second(self) -> Draws | None:
        """USD of a second of the machine, shape (draws,)."""
        per_hour = self._drawn("machine", self.prices, "machine_per_hour")
        return None if per_hour is None else per_hour / 3600

    @cached_property
    def label(self) -> Draws | None:
        """USD of a human label, shape (draws,)."""
        return self._drawn("label", self.prices, "human_label")

    def tokens(self, backend: str, mode: CostMode) -> Draws | None:
        """USD of one token by class, shape (draws, classes); None where not known."""
        price = self.models.get(backend)
        vector = None if price is None else price_vector(price, mode)
        if price is None or vector is None:
            return None
        drawn = np.tile(vector, (self.draws, 1))
        left = 1.0 - (price.batch_discount or 0.0) if mode == "batch" else 1.0
        stand_ins = {"cache_write": "input", "reasoning": "output"}
        for place, name in enumerate(TOKEN_PRICES):
            own = name if getattr(price, name) is not None else stand_ins.get(name, name)
            if own in price.ranges:
                values = self._drawn(backend, price, own)
                assert values is not None  # a range has a likely price within it
                drawn[:, place] = values * left / 1e6
        return drawn

    def _drawn(self, owner: str, prices: ModelPrice | Prices, name: str) -> Draws | None:
        likely = getattr(prices, name)
        if likely is None:
            return None
        if name not in prices.ranges:
            return np.full(self.draws, float(likely))
        low, high = prices.ranges[name]
        entropy = [self.seed, *f"{owner}/{name}".encode()]
        at = np.random.default_rng(entropy).uniform(-1, 1, self.draws)
        return np.asarray(
            np.where(at < 0, likely + at * (likely - low), likely + at * (high - likely))
        )


@dataclass(frozen=True, slots=True, eq=False)
class RunningUse:
    """What answering sentences took.

    Attributes:
        tokens: Tokens of each sentence by backend, shape (sentences, classes) each; empty for
            a system that asks no LLM.
        seconds: Seconds of the machine for one sentence, in each repetition of the measurement;
            None: unknown.
        groups: Group of each sentence; None: each is its own.
    """

    tokens: Mapping[str, Draws]
    seconds: tuple[float, ...] | None
    groups: ArrayLike | None = None


@dataclass(frozen=True, slots=True, eq=False)
class CostDraws:
    """Draws of what a system costs, in USD.

    Attributes:
        one_off: Before the first sentence, shape (draws,); None: unknown.
        per_sentence: For each sentence by mode, shape (draws,) each; a mode that is not
            known is left out.
    """

    one_off: Draws | None
    per_sentence: Mapping[CostMode, Draws]

    @classmethod
    def of(
        cls, one_off: Quantities, use: Mapping[CostMode, RunningUse], prices: PriceDraws
    ) -> CostDraws:
        """Puts drawn prices on what was used, and resamples the sentences that were measured.

        Sentences are drawn with replacement, by group; measurements of the machine's time (one
        per training seed) as the seeds of a score are: one fewer than there are, so that their
        spread is not taken for too small. One measurement alone has no spread.
        """
        running = {
            mode: drawn
            for mode, used in use.items()
            if (drawn := _per_sentence(used, mode, prices)) is not None
        }
        return cls(_one_off(one_off, prices), running)


def _one_off(taken: Quantities, prices: PriceDraws) -> Draws | None:
    total = np.zeros(prices.draws)
    for backend, counts in taken.tokens.items():
        each = prices.tokens(backend, "cached_prefix")
        if each is None:
            return None
        if counts[1] and np.isnan(each[0, 1]):  # read from a cache at no known price: as fresh
            each = each.copy()
            each[:, 1] = each[:, 0]
        total += np.nan_to_num(each) @ np.array(counts)
    for count, price in ((taken.machine_seconds, prices.machine_second),
                         (taken.labels, prices.label)):  # fmt: skip
        if count == 0:
            continue
        if count is None or price is None:
            return None
        total += count * price
    return total


def _per_sentence(use: RunningUse, mode: CostMode, prices: PriceDraws) -> Draws | None:
    total = np.zeros(prices.draws)
    for backend, counts in use.tokens.items():
        each = prices.tokens(backend, mode)
        if each is None or (np.isnan(each[0, 1]) and counts[:, 1].any()):
            return None
        means = mean_draws(counts, draws=prices.draws, seed=prices.seed, groups=use.groups)
        total += (means * np.nan_to_num(each)).sum(axis=1)
    if use.seconds is None or not any(use.seconds):
        return None if use.seconds is None else total
    if prices.machine_second is None:
        return None
    seconds = np.array(use.seconds)
    drawn = np.full(prices.draws, seconds.mean())
    if seconds.size > 1:
        random = np.random.default_rng([prices.seed, 1])
        kept = np.full(seconds.size, 1 / seconds.size)
        weights = random.multinomial(seconds.size - 1, kept, size=prices.draws)
        drawn = weights @ seconds / (seconds.size - 1)
    return total + drawn * prices.machine_second
