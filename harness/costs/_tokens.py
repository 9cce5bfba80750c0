"""Tokens of many calls, by class."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.protocols import Usage

__all__ = ["TOKEN_CLASSES", "TokenTotals", "add_usage", "prompt_tokens", "total_usage"]

TOKEN_CLASSES = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
)


@dataclass(frozen=True, slots=True)
class TokenTotals:
    """Sums of ``Usage`` by class. A class that one call leaves unknown is unknown in the sum.

    Attributes:
        calls: Number of calls added up.
        input_tokens: Fresh prompt tokens.
        cache_read_tokens: Prompt tokens read from a prefix cache.
        cache_write_tokens: Prompt tokens written to it.
        output_tokens: Generated tokens, reasoning left out.
        reasoning_tokens: Hidden reasoning tokens.
        counted_with: Tokenizers that counted any part of it, sorted; empty when every call
            reported its usage itself.
    """

    calls: int = 0
    input_tokens: int | None = 0
    cache_read_tokens: int | None = 0
    cache_write_tokens: int | None = 0
    output_tokens: int | None = 0
    reasoning_tokens: int | None = 0
    counted_with: tuple[str, ...] = ()

    @property
    def counted(self) -> bool:
        """Whether any part was counted rather than reported."""
        return bool(self.counted_with)

    def __add__(self, other: TokenTotals) -> TokenTotals:
        if not isinstance(other, TokenTotals):
            return NotImplemented
        return TokenTotals(
            calls=self.calls + other.calls,
            input_tokens=_plus(self.input_tokens, other.input_tokens),
            cache_read_tokens=_plus(self.cache_read_tokens, other.cache_read_tokens),
            cache_write_tokens=_plus(self.cache_write_tokens, other.cache_write_tokens),
            output_tokens=_plus(self.output_tokens, other.output_tokens),
            reasoning_tokens=_plus(self.reasoning_tokens, other.reasoning_tokens),
            counted_with=tuple(sorted({*self.counted_with, *other.counted_with})),
        )


def add_usage(totals: TokenTotals, usage: Usage) -> TokenTotals:
    """Adds one call.

    >>> add_usage(TokenTotals(), Usage(input_tokens=5, source="reported")).output_tokens is None
    True
    """
    counted = (usage.tokenizer or "an unnamed tokenizer",) if usage.source == "counted" else ()
    return totals + TokenTotals(
        1,
        usage.input_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
        counted,
    )


def total_usage(usages: Iterable[Usage]) -> TokenTotals:
    """Adds calls up; no calls have no tokens."""
    totals = TokenTotals()
    for usage in usages:
        totals = add_usage(totals, usage)
    return totals


def prompt_tokens(usage: Usage) -> int | None:
    """All tokens of the prompt: fresh, read from the cache and written to it.

    Where the backend reports no cache classes, its fresh tokens are the whole prompt.
    """
    if usage.input_tokens is None:
        return None
    return usage.input_tokens + (usage.cache_read_tokens or 0) + (usage.cache_write_tokens or 0)


def _plus(left: int | None, right: int | None) -> int | None:
    return None if left is None or right is None else left + right
