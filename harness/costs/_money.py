"""Sums of money in which unknown stays unknown and assumed stays assumed."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Money", "sum_money"]


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of money that may be unknown, and may rest on an assumption.

    Addition and scaling keep both: a sum with one unknown part is unknown, one with an assumed
    part is assumed. Zero is an amount like any other and never stands for unknown.

    Attributes:
        amount: The amount, or None where it is not known.
        assumed: Whether a price or a count behind it was assumed rather than known.
        currency: ISO 4217 code.

    >>> print(Money(1.5) + Money(2, assumed=True))
    $3.50 (assumed)
    >>> print(Money(1.5) + Money.unknown())
    unknown
    """

    amount: float | None
    assumed: bool = False
    currency: str = "USD"

    def __post_init__(self) -> None:
        if self.amount is not None and not math.isfinite(self.amount):
            raise ValueError(f"{self.amount!r} is not an amount of money; use None for unknown")

    @classmethod
    def unknown(cls, *, assumed: bool = False, currency: str = "USD") -> Money:
        """An amount that is not known."""
        return cls(None, assumed, currency)

    @classmethod
    def zero(cls, *, currency: str = "USD") -> Money:
        """Nothing, and known to be nothing."""
        return cls(0.0, False, currency)

    @property
    def is_known(self) -> bool:
        """Whether there is an amount."""
        return self.amount is not None

    def as_assumed(self) -> Money:
        """The same amount, marked as assumed."""
        return Money(self.amount, True, self.currency)

    def __add__(self, other: Money) -> Money:
        if not isinstance(other, Money):
            return NotImplemented
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} cannot be added")
        known = self.amount is not None and other.amount is not None
        amount = self.amount + other.amount if known else None  # type: ignore[operator]
        return Money(amount, self.assumed or other.assumed, self.currency)

    def __neg__(self) -> Money:
        return self * -1

    def __sub__(self, other: Money) -> Money:
        if not isinstance(other, Money):
            return NotImplemented
        return self + -other

    def __mul__(self, factor: float) -> Money:
        amount = None if self.amount is None else self.amount * factor
        return Money(amount, self.assumed, self.currency)

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> Money:
        amount = None if self.amount is None else self.amount / divisor
        return Money(amount, self.assumed, self.currency)

    def __str__(self) -> str:
        return self.text()

    def text(self, *, mark: bool = True) -> str:
        """Writes the amount for people.

        Two decimals; below ten cents, two significant digits, so that small prices can be told
        apart and none reads as nothing. Dollars take ``$``, other currencies their code.

        Args:
            mark: Whether to append ``(assumed)`` where it applies.

        >>> [Money(0).text(), Money(0.00042).text(), Money(1234.5).text()]
        ['$0.00', '$0.00042', '$1,234.50']
        >>> Money(2, True, "EUR").text()
        '2.00 EUR (assumed)'
        """
        if self.amount is None:
            return "unknown"
        size = abs(self.amount)
        if 0 < size < 0.1:
            places = min(1 - math.floor(math.log10(size)), 30)
            figure = f"{size:.{places}f}"
        else:
            figure = f"{size:,.2f}"
        sign = "-" if self.amount < 0 else ""
        text = f"{sign}${figure}" if self.currency == "USD" else f"{sign}{figure} {self.currency}"
        return f"{text} (assumed)" if self.assumed and mark else text


def sum_money(amounts: Iterable[Money], *, currency: str = "USD") -> Money:
    """Adds amounts up; the sum of none is a known nothing."""
    total = Money.zero(currency=currency)
    for amount in amounts:
        total = total + amount
    return total
