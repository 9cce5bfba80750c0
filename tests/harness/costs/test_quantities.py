"""Quantities times prices is the same money that the ledger counts."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from harness.costs import (
    COST_MODES,
    CostMode,
    ModelPrice,
    Prices,
    Quantities,
    call_cost,
    price_vector,
    priced_tokens,
)
from harness.protocols import Usage

DAY = datetime.date(2026, 1, 1)
count = st.integers(0, 100_000)
dollars = st.floats(0, 100).map(lambda v: round(v, 4))
usages = st.builds(
    Usage,
    input_tokens=count,
    cache_read_tokens=st.none() | count,
    cache_write_tokens=st.none() | count,
    output_tokens=count,
    reasoning_tokens=st.none() | count,
    source=st.just("reported"),
)


@given(
    usage=usages,
    read=dollars,
    written=st.none() | dollars,
    reasoning=st.none() | dollars,
    mode=st.sampled_from(COST_MODES),
)
def test_priced_tokens_times_prices_is_what_the_call_costs(
    usage: Usage, read: float, written: float | None, reasoning: float | None, mode: CostMode
) -> None:
    price = ModelPrice(
        input=2, cache_read=read, cache_write=written, output=8, reasoning=reasoning,
        batch_discount=0.5, date=DAY, source="x",
    )  # fmt: skip
    rows, vector = priced_tokens([usage], mode), price_vector(price, mode)
    assert rows is not None and vector is not None
    assert (rows @ vector).item() == pytest.approx(call_cost(usage, price, mode).amount)


def test_tokens_that_are_not_known_have_no_quantities() -> None:
    known = Usage(1, 0, 0, 1, 0, source="reported")
    unknown = Usage(None, 0, 0, 1, 0, source="reported")
    assert priced_tokens([known, unknown], "list") is None
    rows = priced_tokens([], "list")
    assert rows is not None
    assert rows.shape == (0, 5)


def test_a_batch_without_a_discount_has_no_prices() -> None:
    assert price_vector(ModelPrice(input=1, output=2, date=DAY, source="x"), "batch") is None


def test_quantities_add_up_by_backend_and_keep_what_is_unknown() -> None:
    one = Quantities({"a": (1.0, 0, 0, 2.0, 0)}, 3.0, 4)
    other = Quantities({"a": (1.0, 0, 0, 0, 0), "b": (0, 0, 0, 5.0, 0)}, 1.0, 1)
    both = (one + other) * 2
    assert both.tokens == {"a": (4.0, 0, 0, 4.0, 0), "b": (0, 0, 0, 10.0, 0)}
    assert (both.machine_seconds, both.labels) == (8.0, 10)
    assert (one + Quantities(machine_seconds=None)).machine_seconds is None


def test_a_range_counts_by_its_middle_and_keeps_its_bounds() -> None:
    price = ModelPrice.model_validate(
        {"input": [1, 3], "output": [4, 5, 8], "date": DAY, "source": "x"}
    )
    assert (price.input, price.output) == (2.0, 5.0)
    assert price.ranges == {"input": (1, 3), "output": (4, 8)}
    assert ModelPrice.model_validate_json(price.model_dump_json()) == price
    prices = Prices.model_validate({"date": DAY, "source": "x", "human_label": [0.1, 0.3]})
    assert prices.label_money(10).amount == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([3, 1], "does not lie in its range"),
        ([1, 9, 3], "does not lie in its range"),
        ([1], r"a range is \[low, high\]"),
        ([1, "x"], r"a range is \[low, high\]"),
        ([-1, 3], "greater than or equal to 0"),
    ],
)
def test_a_range_that_is_none_is_refused(value: list[object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ModelPrice.model_validate({"input": value, "output": 1, "date": DAY, "source": "x"})


def test_a_range_of_what_has_no_price_is_refused() -> None:
    with pytest.raises(ValidationError, match="'speed' is not a price"):
        Prices.model_validate({"date": DAY, "source": "x", "ranges": {"speed": [1, 2]}})


def test_means_of_several_figures_are_drawn_with_the_same_sentences() -> None:
    from harness.costs import mean_draws

    rows = np.random.default_rng(0).gamma(2, 1, (50, 2))
    rows[:, 1] = 3 * rows[:, 0]
    drawn = mean_draws(rows, draws=200)
    assert drawn.shape == (200, 2)
    assert drawn[:, 1] == pytest.approx(3 * drawn[:, 0])
