"""The hard budget: a call that might exceed it is not made, and the run can go on."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.backends import ScriptedBackend
from harness.costs import ModelPrice, call_cost
from harness.errors import BackendError, BudgetError, ConfigError
from harness.pipeline import Budget, BudgetLimits, Payer, converse
from harness.protocols import Completion, Dialogue, Failure, Message, Request, Sampling, Usage
from harness.store import CallStore, open_call_store

PRICE = ModelPrice(input=1000, output=8000, date=datetime.date(2026, 1, 1), source="a list")
BOUND = Sampling(max_tokens=20)


def payer(
    price: ModelPrice | None = PRICE, sampling: Sampling = BOUND, free: bool = False
) -> Payer:
    return Payer("teacher", "scripted", price, free, sampling, "o200k_base")


def budget(
    calls: int | None = None, dollars: float | None = None, paid_by: Payer | None = None
) -> Budget:
    return Budget(BudgetLimits(calls, dollars), {"teacher": paid_by or payer()})


def question(text: str) -> Dialogue[str]:
    (answer,) = yield [Request(messages=(Message("user", text),), sampling=BOUND)]
    return answer.text


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CallStore]:
    with open_call_store(tmp_path / "calls.sqlite") as opened:
        yield opened


def ask(store: CallStore, limits: Budget, count: int, backend: ScriptedBackend) -> list[str]:
    dialogues = ((str(n), question(f"what about {n}")) for n in range(count))
    purse = limits.purse("teacher")
    results = converse(dialogues, backend=backend, store=store, run="one", purse=purse)
    return [result.value for result in results]


def answering(usage: Usage | None = None) -> ScriptedBackend:
    used = usage or Usage(12, 0, 0, 5, 0, source="reported")
    return ScriptedBackend(answer=lambda r: Completion(request=r, text="yes", usage=used))


def test_no_call_is_made_above_max_calls_and_what_was_paid_is_kept(store: CallStore) -> None:
    backend = answering()
    with pytest.raises(BudgetError, match="7 of 7 calls") as stopped:
        ask(store, budget(calls=7), 30, backend)
    assert stopped.value.exit_code == 7
    assert "23 waiting" in stopped.value.message
    assert (len(backend.history), store.count()) == (7, 7)
    # A higher budget, less what the run paid before, carries it through.
    more = Budget(BudgetLimits(calls=30), {"teacher": payer()}, earlier=list(store))
    assert more.calls == 7
    assert ask(store, more, 30, backend) == ["yes"] * 30
    assert len(backend.history) == 30


def test_hits_and_recorded_answers_are_not_paid_for(store: CallStore) -> None:
    ask(store, budget(calls=5), 5, answering())
    assert ask(store, budget(calls=0), 5, answering()) == ["yes"] * 5
    recorded = ScriptedBackend(answer=lambda r: Completion(request=r, text="yes", recorded=True))
    limits = budget(calls=1)
    ask(store, limits, 6, recorded)
    assert limits.calls == 0


@given(dollars=st.floats(0, 3), used=st.integers(1, 20), count=st.integers(1, 40))
def test_the_cost_never_exceeds_the_budget_whatever_answers_cost(
    dollars: float, used: int, count: int
) -> None:
    usage = Usage(11, 0, 0, used, 0, source="reported")
    limits = budget(dollars=dollars)
    purse = limits.purse("teacher")
    assert purse is not None
    requests = [Request((Message("user", f"n {n}"),), sampling=BOUND) for n in range(count)]
    while requests and (room := purse.room(requests)):
        for request in requests[:room]:
            purse.settle(Completion(request=request, text="yes", usage=usage))
        requests = requests[room:]
    assert limits.dollars <= dollars + 1e-9
    one = call_cost(usage, PRICE).amount or 0.0
    assert limits.dollars == pytest.approx(limits.calls * one)


def test_a_provider_that_counts_more_tokens_is_noticed_before_most_calls() -> None:
    limits = budget(dollars=10.0)
    purse = limits.purse("teacher")
    assert purse is not None
    requests = [Request((Message("user", f"n {n}"),), sampling=BOUND) for n in range(1000)]
    pilot = purse.room(requests)
    assert pilot == 8
    expected = 10.0 / (20 * 8000e-6 + 10 * 1000e-6)
    for request in requests[:pilot]:
        usage = Usage(1000, 0, 0, 20, 0, source="reported")
        purse.settle(Completion(request=request, text="yes", usage=usage))
    assert purse.room(requests[pilot:]) < expected / 10


def test_answers_whose_tokens_are_unknown_count_as_their_worst_case() -> None:
    limits = budget(dollars=10.0)
    purse = limits.purse("teacher")
    assert purse is not None
    request = Request((Message("user", "n"),), sampling=BOUND)
    purse.settle(Completion(request=request, text="yes"))
    assert limits.dollars >= 20 * 8000e-6


def test_calls_without_an_answer_do_not_count(store: CallStore) -> None:
    failing = ScriptedBackend(answer=lambda r: Failure(r, BackendError("busy", retryable=True)))
    limits = budget(calls=5)
    with pytest.raises(BackendError, match="busy"):
        ask(store, limits, 5, failing)
    assert limits.calls == 0


def test_a_cost_without_price_or_max_tokens_has_no_limit_and_is_refused_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        budget(dollars=1.0, paid_by=payer(price=None, sampling=Sampling()))
    assert [p.what.split(" has ", 1)[1] for p in refused.value.problems] == [
        "no price, so its cost has no limit",
        "no max_tokens, so its cost has no limit",
    ]
    budget(calls=1, paid_by=payer(price=None, sampling=Sampling()))


def test_a_local_model_costs_no_money() -> None:
    limits = budget(dollars=0.0, paid_by=payer(price=None, sampling=Sampling(), free=True))
    purse = limits.purse("teacher")
    assert purse is not None
    assert purse.room([Request((Message("user", "n"),))] * 3) == 3
