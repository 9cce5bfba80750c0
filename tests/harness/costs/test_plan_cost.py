"""What a plan says that calls will cost."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.costs import CountRange, ModelPrice, Money, call_cost, plan_cost
from harness.protocols import Usage

PRICE = ModelPrice(input=3, output=15, batch_discount=0.5, date=date(2026, 1, 2), source="x")
numbers = st.integers(0, 10_000)
ranges = st.lists(numbers, min_size=3, max_size=3).map(lambda three: CountRange(*sorted(three)))


@given(st.integers(0, 500), numbers, numbers)
def test_known_counts_cost_what_the_calls_will_cost(calls: int, read: int, written: int) -> None:
    planned = plan_cost(calls, read, written, PRICE)
    one = call_cost(Usage(read, 0, 0, written, 0, source="reported"), PRICE)
    assert planned.at_least == planned.likely == planned.at_most
    assert planned.likely.amount == pytest.approx((one * calls).amount)
    assert not planned.likely.assumed


@given(ranges, ranges, ranges)
def test_the_three_amounts_are_in_order(
    calls: CountRange, read: CountRange, written: CountRange
) -> None:
    planned = plan_cost(calls, read, written, PRICE)
    amounts = [money.amount for money in (planned.at_least, planned.likely, planned.at_most)]
    assert None not in amounts
    assert amounts == sorted(amounts, key=lambda amount: amount or 0.0)


def test_an_answer_without_a_bound_has_no_known_upper_cost() -> None:
    planned = plan_cost(10, 100, CountRange(0, 50, None), PRICE)
    assert planned.at_least.amount == pytest.approx(10 * 100 * 3e-6)
    assert planned.likely.is_known
    assert not planned.at_most.is_known


def test_no_calls_cost_nothing_and_calls_without_a_price_cost_unknown() -> None:
    assert plan_cost(0, 100, 100, None).at_most == Money(0.0)
    assert not plan_cost(1, 100, 100, None).likely.is_known
    some = plan_cost(CountRange(0, 1, 2), 100, 100, None)
    assert (some.at_least, some.likely.is_known) == (Money(0.0), False)


def test_an_assumed_price_shows_in_the_plan() -> None:
    assumed = PRICE.model_copy(update={"assumed": True})
    assert plan_cost(1, 100, 100, assumed).likely.assumed


def test_the_batch_service_has_a_plan_of_its_own() -> None:
    listed, batch = plan_cost(9, 70, 30, PRICE), plan_cost(9, 70, 30, PRICE, mode="batch")
    assert batch.likely.amount == pytest.approx((listed.likely * 0.5).amount)


def test_plans_and_counts_add_up() -> None:
    one, two = plan_cost(3, 100, 10, PRICE), plan_cost(4, 100, 10, PRICE)
    both = plan_cost(7, 100, 10, PRICE)
    assert (one + two).likely.amount == pytest.approx(both.likely.amount)
    assert CountRange(1, 2, None) + CountRange.exactly(1) == CountRange(2, 3, None)


@pytest.mark.parametrize("three", [(2, 1, 3), (1, 3, 2), (-1, 0, 1)])
def test_bounds_out_of_order_are_refused(three: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="not in order"):
        CountRange(*three)
