"""What calls, machines and labels take before any price, so that any price can be put on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from harness.costs._call_cost import CostMode
from harness.costs._prices import ModelPrice
from harness.costs._tokens import prompt_tokens
from harness.protocols import Usage

__all__ = ["TOKEN_PRICES", "Quantities", "price_vector", "priced_tokens"]

TOKEN_PRICES = ("input", "cache_read", "cache_write", "output", "reasoning")
"""Fields of ``ModelPrice`` that tokens are priced by, in the order of every vector here."""

_PER = 1_000_000


@dataclass(frozen=True, slots=True)
class Quantities:
    """What something takes; money is linear in the prices.

    Attributes:
        tokens: Tokens by backend, each a vector as long as ``TOKEN_PRICES``.
        machine_seconds: Seconds of the whole machine; None: unknown.
        labels: Human labels.
    """

    tokens: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    machine_seconds: float | None = 0.0
    labels: float = 0.0

    def __add__(self, other: Quantities) -> Quantities:
        tokens = dict(self.tokens)
        for backend, counts in other.tokens.items():
            here = tokens.get(backend, (0.0,) * len(TOKEN_PRICES))
            tokens[backend] = tuple(a + b for a, b in zip(here, counts, strict=True))
        mine, theirs = self.machine_seconds, other.machine_seconds
        seconds = None if mine is None or theirs is None else mine + theirs
        return Quantities(tokens, seconds, self.labels + other.labels)

    def __mul__(self, factor: float) -> Quantities:
        return Quantities(
            {name: tuple(factor * n for n in counts) for name, counts in self.tokens.items()},
            None if self.machine_seconds is None else self.machine_seconds * factor,
            self.labels * factor,
        )


def priced_tokens(usages: Iterable[Usage], mode: CostMode) -> NDArray[np.float64] | None:
    """Tokens of each call by the price that ``mode`` puts on them.

    Returns:
        Shape (calls, prices), in the order of ``TOKEN_PRICES``; None where a call's tokens are
        not known. The rows times ``price_vector`` of the mode are ``call_cost``.
    """
    rows = []
    for usage in usages:
        prompt = prompt_tokens(usage)
        if prompt is None or usage.input_tokens is None or usage.output_tokens is None:
            return None
        written = (usage.output_tokens, usage.reasoning_tokens or 0)
        if mode == "cached_prefix":
            read, stored = usage.cache_read_tokens or 0, usage.cache_write_tokens or 0
            rows.append((usage.input_tokens, read, stored, *written))
        else:
            rows.append((prompt, 0, 0, *written))
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(TOKEN_PRICES))


def price_vector(price: ModelPrice, mode: CostMode) -> NDArray[np.float64] | None:
    """USD of one token by class; None where the mode is not offered.

    A class without a price of its own has that which stands in for it: fresh input for what is
    written to a cache, output for reasoning, and, read from a cache, not a number.
    """
    if mode == "batch" and price.batch_discount is None:
        return None
    read = np.nan if price.cache_read is None else price.cache_read
    written = price.input if price.cache_write is None else price.cache_write
    reasoning = price.output if price.reasoning is None else price.reasoning
    left = 1.0 - (price.batch_discount or 0.0) if mode == "batch" else 1.0
    return np.array([price.input, read, written, price.output, reasoning]) * left / _PER
