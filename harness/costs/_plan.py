"""What calls will cost, before any is made."""

from __future__ import annotations

from dataclasses import dataclass

from harness.costs._call_cost import CostMode, call_cost
from harness.costs._money import Money
from harness.costs._prices import ModelPrice
from harness.protocols import Usage

__all__ = ["CostRange", "CountRange", "plan_cost"]


@dataclass(frozen=True, slots=True)
class CountRange:
    """A number that is not known yet.

    Attributes:
        at_least: Lower bound.
        likely: Best guess.
        at_most: Upper bound; None where there is none.
    """

    at_least: float
    likely: float
    at_most: float | None

    def __post_init__(self) -> None:
        if not 0 <= self.at_least <= self.likely or (
            self.at_most is not None and self.at_most < self.likely
        ):
            raise ValueError(f"{self} is not in order: 0 <= at least <= likely <= at most")

    @classmethod
    def exactly(cls, number: float) -> CountRange:
        """A number that is known."""
        return cls(number, number, number)

    def __add__(self, other: CountRange) -> CountRange:
        known = self.at_most is not None and other.at_most is not None
        return CountRange(
            self.at_least + other.at_least,
            self.likely + other.likely,
            self.at_most + other.at_most if known else None,  # type: ignore[operator]
        )


@dataclass(frozen=True, slots=True)
class CostRange:
    """What something will cost.

    Attributes:
        at_least: Lower bound.
        likely: Best guess.
        at_most: Upper bound; unknown where there is none.
    """

    at_least: Money
    likely: Money
    at_most: Money

    def __add__(self, other: CostRange) -> CostRange:
        return CostRange(
            self.at_least + other.at_least,
            self.likely + other.likely,
            self.at_most + other.at_most,
        )


def plan_cost(
    calls: int | CountRange,
    input_tokens: int | CountRange,
    output_tokens: int | CountRange,
    price: ModelPrice | None,
    *,
    mode: CostMode = "list",
) -> CostRange:
    """Works out what calls will cost at least, likely and at most.

    Args:
        calls: Number of calls.
        input_tokens: Prompt tokens of one call.
        output_tokens: Generated tokens of one call; at most the ``max_tokens`` asked for.
        price: The model's price; None: unknown.
        mode: ``list`` or ``batch``.

    Returns:
        Three amounts. They are estimates from counted tokens, but not marked as assumed for it:
        only an assumed price is.
    """
    wanted, prompt, answer = _range(calls), _range(input_tokens), _range(output_tokens)

    def cost(count: float | None, read: float | None, written: float | None) -> Money:
        if count == 0:
            return Money.zero()
        if count is None or read is None or written is None or price is None:
            return Money.unknown()
        # Priced for a million tokens each, so that fractions of a token are not lost.
        one = Usage(1_000_000, 0, 0, 0, 0, "reported")
        other = Usage(0, 0, 0, 1_000_000, 0, "reported")
        share = call_cost(one, price, mode) * (read / 1e6)
        return (share + call_cost(other, price, mode) * (written / 1e6)) * count

    return CostRange(
        cost(wanted.at_least, prompt.at_least, answer.at_least),
        cost(wanted.likely, prompt.likely, answer.likely),
        cost(wanted.at_most, prompt.at_most, answer.at_most),
    )


def _range(number: int | CountRange) -> CountRange:
    return number if isinstance(number, CountRange) else CountRange.exactly(number)
