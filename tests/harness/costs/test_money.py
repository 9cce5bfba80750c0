"""Money: unknown is never nothing, and assumed is never forgotten."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from harness.costs import Money, sum_money

amounts = st.floats(-1e9, 1e9, allow_nan=False)
monies = st.builds(Money, st.none() | amounts, st.booleans())


@given(monies, st.booleans())
def test_adding_an_unknown_amount_gives_an_unknown_amount(money: Money, assumed: bool) -> None:
    unknown = Money.unknown(assumed=assumed)
    assert not (money + unknown).is_known
    assert not (unknown + money).is_known
    assert not (unknown * 0).is_known


@given(monies, monies)
def test_adding_commutes_and_keeps_what_was_assumed(left: Money, right: Money) -> None:
    assert left + right == right + left
    assert (left + right).assumed == (left.assumed or right.assumed)
    assert (left + right).is_known == (left.is_known and right.is_known)


@given(st.lists(monies))
def test_a_sum_is_known_exactly_when_all_its_parts_are(parts: list[Money]) -> None:
    total = sum_money(parts)
    assert total.is_known == all(part.is_known for part in parts)
    assert total.assumed == any(part.assumed for part in parts)


@given(monies, st.floats(0, 1e6))
def test_scaling_keeps_unknown_and_assumed(money: Money, factor: float) -> None:
    scaled = money * factor
    assert (scaled.is_known, scaled.assumed) == (money.is_known, money.assumed)
    assert factor * money == scaled


@given(amounts)
def test_a_known_amount_less_itself_is_nothing(amount: float) -> None:
    assert (Money(amount) - Money(amount)).amount == 0


def test_no_parts_cost_a_known_nothing() -> None:
    assert sum_money([]) == Money(0.0)


def test_amounts_of_two_currencies_do_not_add_up() -> None:
    with pytest.raises(ValueError, match="USD and EUR"):
        Money(1) + Money(1, currency="EUR")


@pytest.mark.parametrize("amount", [math.nan, math.inf])
def test_what_is_no_amount_is_refused(amount: float) -> None:
    with pytest.raises(ValueError, match="None for unknown"):
        Money(amount)


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money(None), "unknown"),
        (Money(None, assumed=True), "unknown"),
        (Money(0), "$0.00"),
        (Money(0, assumed=True), "$0.00 (assumed)"),
        (Money(1.234), "$1.23"),
        (Money(1234567.891), "$1,234,567.89"),
        (Money(0.1), "$0.10"),
        (Money(0.0145), "$0.015"),
        (Money(0.01), "$0.010"),
        (Money(0.00999), "$0.0100"),
        (Money(0.000123456), "$0.00012"),
        (Money(-0.5), "-$0.50"),
        (Money(2.5, currency="EUR"), "2.50 EUR"),
    ],
)
def test_money_reads_as_people_write_it(money: Money, text: str) -> None:
    assert str(money) == text


@given(monies)
def test_an_unknown_amount_never_reads_as_a_number_nor_a_small_one_as_nothing(
    money: Money,
) -> None:
    assume(money.amount != 0)
    text = money.text(mark=False)
    assert (text == "unknown") == (money.amount is None)
    if money.amount is not None and abs(money.amount) > 1e-28:
        assert any(digit in text for digit in "123456789")
