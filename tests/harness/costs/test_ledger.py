"""The ledger: each stage once for a run, in full for a system, and unknown where it is."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.costs import (
    COST_MODES,
    BreakEven,
    ChargedCall,
    CostRange,
    Ledger,
    ModelPrice,
    Money,
    Prices,
    StageCost,
    SystemCost,
    TokenTotals,
    from_json,
    stage_cost,
    system_cost,
    to_json,
    total_cost,
)
from harness.errors import ArtefactError, CalldistilError
from harness.protocols import Usage

PRICE = ModelPrice(
    input=3, cache_read=0.3, output=15, batch_discount=0.5, date=date(2026, 1, 2), source="x"
)
PRICES = Prices(date=date(2026, 1, 2), source="x", machine_per_hour=0.36)
USAGE = Usage(1_000, 0, 0, 100, 0, source="reported")
ONE_CALL = 1_000 * 3e-6 + 100 * 15e-6

monies = st.builds(Money, st.none() | st.floats(0, 1e6), st.booleans())
counts = st.none() | st.integers(0, 10**9)
totals = st.builds(
    TokenTotals,
    st.integers(0, 10**6),
    counts,
    counts,
    counts,
    counts,
    counts,
    st.lists(st.sampled_from(["a", "b"]), unique=True).map(lambda names: tuple(sorted(names))),
)
by_mode = st.fixed_dictionaries(dict.fromkeys(COST_MODES, monies))
seconds = st.none() | st.floats(0, 1e6)
stage_costs = st.builds(
    StageCost,
    st.text(),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    totals,
    monies,
    monies,
    seconds,
    monies,
    by_mode,
)
system_costs = st.builds(
    SystemCost, monies, seconds, monies, by_mode, seconds, st.lists(st.text()).map(tuple)
)
volumes = st.none() | st.floats(0, allow_nan=False)
break_evens = st.builds(
    BreakEven,
    st.sampled_from(["after", "at_once", "never", "unknown"]),
    volumes,
    volumes,
    volumes,
    st.booleans(),
)


def test_a_stage_tells_what_it_cost_from_scratch_from_what_was_paid_now() -> None:
    calls = [ChargedCall(USAGE, paid=number == 0) for number in range(4)]
    cost = stage_cost("extract", calls=calls, price=PRICE, machine_seconds=10, prices=PRICES)
    assert (cost.calls, cost.paid_calls, cost.hits) == (4, 1, 3)
    assert cost.money.amount == pytest.approx(4 * ONE_CALL)
    assert cost.money_paid_now.amount == pytest.approx(ONE_CALL)
    assert cost.machine_money.amount == pytest.approx(0.001)
    assert cost.tokens == TokenTotals(4, 4_000, 0, 0, 400, 0)
    assert cost.money_by_mode["batch"] == cost.money_by_mode["list"] * 0.5


def test_calls_without_a_price_cost_unknown_but_hits_alone_are_paid_with_nothing() -> None:
    cost = stage_cost("extract", calls=[ChargedCall(USAGE, paid=False)])
    assert not cost.money.is_known
    assert cost.money_paid_now == Money(0.0)
    assert not stage_cost("extract", calls=[ChargedCall(USAGE, paid=True)]).money_paid_now.is_known


def test_a_stage_without_calls_or_time_costs_a_known_nothing() -> None:
    cost = stage_cost("split")
    assert (cost.money, cost.machine_money) == (Money(0.0), Money(0.0))
    assert cost.money_by_mode == dict.fromkeys(COST_MODES, Money(0.0))


def test_unknown_machine_time_or_price_makes_unknown_machine_money() -> None:
    assert not stage_cost("train", machine_seconds=None, prices=PRICES).machine_money.is_known
    assert not stage_cost("train", machine_seconds=5.0).machine_money.is_known


def test_a_shared_ancestor_counts_once_for_the_run_and_in_full_for_each_system() -> None:
    generate, train_a, train_b = (
        stage_cost(name, machine_seconds=s, prices=PRICES)
        for name, s in (("generate", 100.0), ("train-a", 10.0), ("train-b", 1.0))
    )
    ledger = Ledger((generate, train_a, train_b))
    systems = [["generate", "train-a"], ["generate", "train-b"]]
    assert [ledger.total(stages).machine_seconds for stages in systems] == [110.0, 101.0]
    assert ledger.total(name for stages in systems for name in stages).machine_seconds == 111.0
    assert ledger.total() == ledger.total(["generate", "train-a", "train-b"])
    assert ledger.total([]).machine_seconds == 0


def test_a_ledger_holds_each_stage_once_and_knows_no_others() -> None:
    with pytest.raises(CalldistilError, match="twice: split"):
        Ledger((StageCost("split"), StageCost("split")))
    with pytest.raises(KeyError):
        Ledger().total(["absent"])


@given(st.lists(stage_costs, max_size=4), st.lists(stage_costs, max_size=4))
def test_totals_add_up_however_the_stages_are_grouped(
    left: list[StageCost], right: list[StageCost]
) -> None:
    whole = total_cost([*left, *right])
    parts = total_cost([total_cost(left), total_cost(right)])
    assert (parts.calls, parts.hits, parts.tokens) == (whole.calls, whole.hits, whole.tokens)
    for mine, theirs in ((parts.money, whole.money), (parts.machine_money, whole.machine_money)):
        assert mine.is_known == theirs.is_known
        assert mine.assumed == theirs.assumed
        assert (mine.amount or 0) == pytest.approx(theirs.amount or 0)


def test_a_systems_cost_is_worked_out_per_1000_sentences() -> None:
    training = stage_cost("train", machine_seconds=100.0, prices=PRICES)
    use = stage_cost("predict", machine_seconds=2.0, prices=PRICES)
    cost = system_cost(
        one_off=training, use=use, sentences=500, labels=Money(0.5), notes=["a note"]
    )
    assert cost.one_off.amount == pytest.approx(0.51)
    assert (cost.one_off_seconds, cost.seconds_per_1000) == (100.0, 4.0)
    assert cost.per_1000.amount == pytest.approx(2.0 / 3600 * 0.36 * 2)
    assert cost.per_1000_by_mode == dict.fromkeys(COST_MODES, cost.per_1000)
    assert cost.notes == ("a note",)


def test_a_direct_system_keeps_its_modes_apart_and_its_seconds_unknown_until_measured() -> None:
    use = stage_cost("extract", calls=[ChargedCall(USAGE, paid=True)] * 4, price=PRICE)
    cost = system_cost(one_off=StageCost("none"), use=use, sentences=4)
    assert cost.one_off == Money(0.0)
    assert cost.per_1000.amount == pytest.approx(1000 * ONE_CALL)
    assert cost.per_1000_by_mode["batch"].amount == pytest.approx(500 * ONE_CALL)
    assert cost.seconds_per_1000 is None
    measured = system_cost(one_off=StageCost("none"), use=use, sentences=4, seconds=2.0)
    assert measured.seconds_per_1000 == 500
    with pytest.raises(ValueError, match="1 or more"):
        system_cost(one_off=use, use=use, sentences=0)


@given(
    monies
    | totals
    | stage_costs
    | system_costs
    | break_evens
    | st.builds(CostRange, monies, monies, monies)
    | st.lists(stage_costs, max_size=3, unique_by=lambda cost: cost.stage).map(
        lambda costs: Ledger(tuple(costs))
    )
)
def test_every_value_comes_back_from_json_as_it_was(value: object) -> None:
    assert from_json(type(value), to_json(value)) == value


def test_json_that_is_something_else_is_an_error_that_names_the_place() -> None:
    with pytest.raises(ArtefactError, match=r"not a Money: amount: .*\n.*resume"):
        from_json(Money, '{"amount": "much"}')
