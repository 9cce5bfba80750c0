"""What calls cost in each mode, worked by hand and by property."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.costs import (
    COST_MODES,
    ModelPrice,
    Money,
    TokenTotals,
    add_usage,
    billed_cost,
    call_cost,
    cheapest,
    costs_by_mode,
    total_usage,
    with_cached_prefix,
)
from harness.protocols import Usage

PRICE = ModelPrice(
    input=3,
    cache_read=0.3,
    cache_write=3.75,
    output=15,
    batch_discount=0.5,
    date=date(2026, 1, 2),
    source="a price list",
)
USAGE = Usage(1_000, 8_000, 1_000, 200, 100, source="reported")

tokens = st.integers(0, 100_000)
reported = st.builds(Usage, tokens, tokens, tokens, tokens, tokens, st.just("reported"))
partial = st.none() | tokens
usages = st.builds(
    Usage, partial, partial, partial, partial, partial, st.sampled_from(["reported", "counted"])
)
rates = st.floats(0, 100)
shares = st.floats(0, 1)


@st.composite
def discounting(draw: st.DrawFn) -> ModelPrice:
    """Prices of a provider whose cache costs no more to write and less to read."""
    listed = draw(rates)
    return PRICE.model_copy(
        update={
            "input": listed,
            "cache_read": listed * draw(shares),
            "cache_write": None,
            "output": draw(rates),
            "batch_discount": draw(shares),
        }
    )


def test_each_mode_prices_a_call_by_hand() -> None:
    listed = 10_000 * 3e-6 + 300 * 15e-6
    cached = 1_000 * 3e-6 + 8_000 * 0.3e-6 + 1_000 * 3.75e-6 + 300 * 15e-6
    assert call_cost(USAGE, PRICE, "list").amount == pytest.approx(listed)
    assert call_cost(USAGE, PRICE, "cached_prefix").amount == pytest.approx(cached)
    assert call_cost(USAGE, PRICE, "batch").amount == pytest.approx(listed / 2)
    assert not any(call_cost(USAGE, PRICE, mode).assumed for mode in COST_MODES)


def test_reasoning_costs_what_output_costs_unless_it_has_a_price() -> None:
    dear = PRICE.model_copy(update={"reasoning": 30.0})
    difference = call_cost(USAGE, dear) - call_cost(USAGE, PRICE)
    assert difference.amount == pytest.approx(100 * 15e-6)


def test_a_mode_that_has_no_price_is_unknown_and_no_mode_is_free() -> None:
    bare = PRICE.model_copy(update={"cache_read": None, "batch_discount": None})
    assert call_cost(USAGE, bare, "list").is_known
    assert not call_cost(USAGE, bare, "cached_prefix").is_known
    assert not call_cost(USAGE, bare, "batch").is_known
    assert not call_cost(USAGE, None).is_known


def test_reads_from_a_cache_without_a_price_are_billed_at_list_price_and_assumed() -> None:
    bare = PRICE.model_copy(update={"cache_read": None})
    assert billed_cost(USAGE, bare) == call_cost(USAGE, bare, "list").as_assumed()
    assert billed_cost(USAGE, PRICE) == call_cost(USAGE, PRICE, "cached_prefix")


@given(usages, st.sampled_from(COST_MODES))
def test_a_call_with_unknown_input_or_output_has_an_unknown_cost(usage: Usage, mode: str) -> None:
    money = call_cost(usage, PRICE, mode)  # type: ignore[arg-type]
    known = usage.input_tokens is not None and usage.output_tokens is not None
    assert money.is_known == known


def test_assumed_prices_counted_tokens_and_untold_classes_make_a_cost_assumed() -> None:
    assert call_cost(USAGE, PRICE.model_copy(update={"assumed": True})).assumed
    assert call_cost(replace(USAGE, source="counted", tokenizer="o200k_base"), PRICE).assumed
    untold = call_cost(replace(USAGE, reasoning_tokens=None), PRICE)
    assert untold.assumed
    assert untold.amount == pytest.approx(10_000 * 3e-6 + 200 * 15e-6)


@given(reported, discounting())
def test_neither_the_cache_nor_the_batch_service_costs_more_than_the_list(
    usage: Usage, price: ModelPrice
) -> None:
    listed = call_cost(usage, price, "list").amount
    assert listed is not None
    for mode in COST_MODES:
        amount = call_cost(usage, price, mode).amount
        assert amount is not None
        assert 0 <= amount <= listed * (1 + 1e-9)


@given(st.lists(reported, max_size=6), st.integers(0, 5))
def test_the_costs_of_calls_add_up(several: list[Usage], split: int) -> None:
    whole = costs_by_mode(several, PRICE)
    left, right = costs_by_mode(several[:split], PRICE), costs_by_mode(several[split:], PRICE)
    for mode in COST_MODES:
        assert whole[mode].amount == pytest.approx((left[mode] + right[mode]).amount)


@given(reported, st.integers(0, 400_000), st.booleans())
def test_caching_a_prefix_moves_tokens_and_makes_or_loses_none(
    usage: Usage, prefix: int, first: bool
) -> None:
    cached = with_cached_prefix(usage, prefix, first=first)
    before, after = (add_usage(TokenTotals(), u) for u in (usage, cached))
    prompts = [
        sum((t.input_tokens or 0, t.cache_read_tokens or 0, t.cache_write_tokens or 0))
        for t in (before, after)
    ]
    assert prompts[0] == prompts[1]
    assert after.output_tokens == before.output_tokens
    cached_now = (after.cache_read_tokens or 0) + (after.cache_write_tokens or 0)
    cached_then = (before.cache_read_tokens or 0) + (before.cache_write_tokens or 0)
    assert cached_now == max(cached_then, min(prefix, prompts[0]))


def test_a_prefix_too_short_for_the_providers_cache_is_read_anew_by_every_call() -> None:
    calls = [Usage(1_000, 0, 0, 10, 0, source="reported")] * 5
    money = costs_by_mode(calls, PRICE, prefix_tokens=900)
    assert money["cached_prefix"] == money["list"]


def test_the_first_call_writes_the_prefix_and_the_others_read_it() -> None:
    calls = [Usage(1_000, 0, 0, 10, 0, source="reported")] * 5
    price = PRICE.model_copy(update={"cache_min_tokens": 900})
    money = costs_by_mode(calls, price, prefix_tokens=900)
    fresh, answer = 100 * 3e-6, 10 * 15e-6
    expected = 5 * (fresh + answer) + 900 * 3.75e-6 + 4 * 900 * 0.3e-6
    assert money["cached_prefix"].amount == pytest.approx(expected)
    assert money["list"].amount == pytest.approx(5 * (1_000 * 3e-6 + answer))
    assert money["batch"] == money["list"] * 0.5


def test_the_cheapest_known_mode_has_its_name_and_the_list_wins_a_tie() -> None:
    unknown, dear, fair = Money.unknown(), Money(2.0), Money(1.0)
    best = cheapest({"list": dear, "cached_prefix": unknown, "batch": fair})
    assert (best.mode, best.money) == ("batch", fair)
    assert cheapest({"list": fair, "cached_prefix": fair, "batch": fair}).mode == "list"
    assert cheapest({"list": unknown, "cached_prefix": dear, "batch": unknown}).money == dear
    nothing = cheapest({"list": unknown, "cached_prefix": unknown, "batch": unknown})
    assert (nothing.mode, nothing.money) == ("list", unknown)


@given(st.lists(usages, max_size=8))
def test_a_class_of_tokens_that_one_call_leaves_unknown_is_unknown_in_the_sum(
    several: list[Usage],
) -> None:
    totals = total_usage(several)
    assert totals.calls == len(several)
    for name in ("input_tokens", "cache_read_tokens", "output_tokens", "reasoning_tokens"):
        values = [getattr(usage, name) for usage in several]
        expected = None if None in values else sum(values)
        assert getattr(totals, name) == expected
    assert totals.counted == any(usage.source == "counted" for usage in several)


def test_totals_name_every_tokenizer_that_counted_a_part_of_them() -> None:
    several = [Usage(1, source="counted", tokenizer=name) for name in ("b", "a", "b")]
    assert total_usage([*several, USAGE]).counted_with == ("a", "b")
