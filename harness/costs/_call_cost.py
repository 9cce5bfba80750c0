"""What calls cost: at list price, with a cached prefix, and through a batch service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

from harness.costs._money import Money, sum_money
from harness.costs._prices import ModelPrice
from harness.costs._tokens import prompt_tokens
from harness.protocols import Usage

__all__ = [
    "COST_MODES",
    "CheapestCost",
    "CostMode",
    "billed_cost",
    "call_cost",
    "cheapest",
    "costs_by_mode",
    "with_cached_prefix",
]

CostMode: TypeAlias = Literal["list", "cached_prefix", "batch"]
COST_MODES: tuple[CostMode, ...] = get_args(CostMode)
_PER = 1_000_000


def call_cost(usage: Usage, price: ModelPrice | None, mode: CostMode = "list") -> Money:
    """What one call costs.

    - ``list``: every prompt token as a fresh one, at ``input``;
    - ``cached_prefix``: each class of prompt token at its own price;
    - ``batch``: the list price less ``batch_discount``. Providers differ on whether both
      discounts go together; here they never do.

    Unknown where the price is, where input or output tokens are, or where the mode's own price
    is needed and not given. Where the usage does not tell cache or reasoning tokens apart, its
    input and output are taken to contain them, and the result is assumed; so is it where the
    price is, and where the tokens were counted rather than reported.

    >>> from datetime import date
    >>> price = ModelPrice(input=2, cache_read=0.5, output=8, date=date(2026, 1, 1), source="x")
    >>> usage = Usage(1000, 9000, 0, 100, 0, source="reported")
    >>> [call_cost(usage, price, mode).text() for mode in COST_MODES]
    ['$0.021', '$0.0073', 'unknown']
    """
    if price is None:
        return Money.unknown()
    prompt = prompt_tokens(usage)
    if prompt is None or usage.input_tokens is None or usage.output_tokens is None:
        return Money.unknown(assumed=price.assumed)
    parts = (usage.cache_read_tokens, usage.cache_write_tokens, usage.reasoning_tokens)
    assumed = price.assumed or usage.source == "counted" or None in parts
    reasoning_price = price.output if price.reasoning is None else price.reasoning
    output = usage.output_tokens * price.output + (usage.reasoning_tokens or 0) * reasoning_price
    listed = prompt * price.input + output
    if mode == "list":
        return Money(listed / _PER, assumed)
    if mode == "batch":
        if price.batch_discount is None:
            return Money.unknown(assumed=assumed)
        return Money(listed * (1 - price.batch_discount) / _PER, assumed)
    read = usage.cache_read_tokens or 0
    if read and price.cache_read is None:
        return Money.unknown(assumed=assumed)
    write_price = price.input if price.cache_write is None else price.cache_write
    written = (usage.cache_write_tokens or 0) * write_price
    fresh = usage.input_tokens * price.input
    return Money((fresh + read * (price.cache_read or 0) + written + output) / _PER, assumed)


def billed_cost(usage: Usage, price: ModelPrice | None) -> Money:
    """What the provider charged for a call as it was made: each token class at its own price.

    Where tokens were read from a cache whose price is not known, the list price bounds it from
    above and is returned as assumed.
    """
    billed = call_cost(usage, price, "cached_prefix")
    return billed if billed.is_known else call_cost(usage, price, "list").as_assumed()


def with_cached_prefix(usage: Usage, prefix_tokens: int, *, first: bool) -> Usage:
    """The usage of a call as if the provider had cached its first ``prefix_tokens``.

    The first call writes the prefix to the cache, later ones read it. Tokens that a cache served
    or took in any case stay where they are. Providers' rules on block sizes and on how
    long a cache lives are not modelled.
    """
    if usage.input_tokens is None:
        return usage
    cached = (usage.cache_read_tokens or 0) + (usage.cache_write_tokens or 0)
    moved = min(max(prefix_tokens - cached, 0), usage.input_tokens)
    if moved == 0:
        return usage
    fresh = usage.input_tokens - moved
    if first:
        written = (usage.cache_write_tokens or 0) + moved
        return replace(usage, input_tokens=fresh, cache_write_tokens=written)
    read = (usage.cache_read_tokens or 0) + moved
    return replace(usage, input_tokens=fresh, cache_read_tokens=read)


def costs_by_mode(
    usages: Sequence[Usage], price: ModelPrice | None, *, prefix_tokens: int = 0
) -> dict[CostMode, Money]:
    """What a set of calls costs in each mode.

    Args:
        usages: The calls, all with the same prefix.
        price: Their model's price; None: unknown.
        prefix_tokens: Length of the prefix they share (``cached_prefix_tokens``).
    """
    if price is not None and prefix_tokens < price.cache_min_tokens:
        prefix_tokens = 0  # too short to be cached: every call reads it anew
    cached = [
        with_cached_prefix(usage, prefix_tokens, first=index == 0)
        for index, usage in enumerate(usages)
    ]
    return {
        "list": sum_money(call_cost(usage, price, "list") for usage in usages),
        "cached_prefix": sum_money(call_cost(usage, price, "cached_prefix") for usage in cached),
        "batch": sum_money(call_cost(usage, price, "batch") for usage in usages),
    }


@dataclass(frozen=True, slots=True)
class CheapestCost:
    """The cheapest way to make the calls, by name.

    Attributes:
        mode: The mode.
        money: What it costs.
    """

    mode: CostMode
    money: Money


def cheapest(money_by_mode: Mapping[CostMode, Money]) -> CheapestCost:
    """Picks the cheapest mode whose cost is known; ``list`` on a tie and where none is known."""
    best = CheapestCost("list", money_by_mode.get("list", Money.unknown()))
    for mode in COST_MODES:
        money = money_by_mode.get(mode, Money.unknown())
        if money.amount is not None and (
            best.money.amount is None or money.amount < best.money.amount
        ):
            best = CheapestCost(mode, money)
    return best
