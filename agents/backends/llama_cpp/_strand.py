"""A sequence of tokens that the scheduler evaluates for a request."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from harness.errors import BackendError

__all__ = ["Row", "Strand", "log_of_sum", "log_probability_of"]

Row: TypeAlias = NDArray[np.float32]
"""Logits of every token of the vocabulary."""


class Strand(ABC):
    """Tokens to evaluate, of which some logits are read.

    Args:
        tokens: The prompt's tokens, and those of the answer that are known beforehand.
        prompt: How many of them are the prompt's.
        unread: Index of the first token whose logits are wanted.

    Attributes:
        tokens: The tokens so far.
        prompt: How many of them are the prompt's.
        unread: Index of the first token whose logits are wanted and have not been read.
        fresh: How many tokens of the first admission were evaluated for this strand; None before.
        seconds: Its share of the time that batches took.
        error: Why it failed; None where it did not.
        limit: Most tokens that are still to come, for the cache's sake.
    """

    writes = True
    """Whether tokens are added to it, one after another."""

    def __init__(self, tokens: Sequence[int], *, prompt: int, unread: int) -> None:
        self.tokens = list(tokens)
        self.prompt = prompt
        self.unread = unread
        self.fresh: int | None = None
        self.seconds = 0.0
        self.error: BackendError | None = None
        self.limit = 0

    @abstractmethod
    def read(self, index: int, logits: Row) -> None:
        """Takes the logits that follow the token at ``index``."""

    @abstractmethod
    def more(self) -> Sequence[int]:
        """The tokens to evaluate next, once all of ``tokens`` are; none ends the strand."""

    def cut(self) -> None:  # noqa: B027 (optional)
        """Tells the strand that the context is full, so that nothing can follow."""

    def release(self) -> None:  # noqa: B027 (optional)
        """Lets go of what llama.cpp keeps for it."""


def log_of_sum(values: NDArray[np.floating]) -> float:
    """The logarithm of the sum of exponentials; minus infinity where there are none."""
    if not len(values):
        return -np.inf
    top = values.max()
    if not np.isfinite(top):
        return float(top)
    return float(top) + float(np.log(np.exp(values - top).sum(dtype=np.float64)))


def log_probability_of(logits: Row, token: int) -> float:
    """The natural logarithm of a token's probability, at most 0."""
    return min(0.0, float(logits[token]) - log_of_sum(logits))
