"""A hard budget of a run: a call that might exceed it is not made."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from harness.costs import (
    ModelPrice,
    Money,
    TokenCounter,
    billed_cost,
    count_prompt,
    prompt_tokens,
    token_counter,
)
from harness.errors import BudgetError, ConfigError, Problem
from harness.protocols import Completion, Request, Sampling, Usage
from harness.store import StoredCall

__all__ = ["Budget", "BudgetLimits", "Payer", "Purse"]

_PER = 1_000_000
_TOKENS_AROUND_A_MESSAGE = 8
_PILOT = 8
"""Calls after which it is known how the provider counts tokens; sent before all others."""


@dataclass(frozen=True, slots=True)
class BudgetLimits:
    """What a run may pay at most, over all its sittings; None: no limit.

    Attributes:
        calls: Answers paid for.
        dollars: Their cost in USD.
    """

    calls: int | None = None
    dollars: float | None = None


@dataclass(frozen=True)
class Payer:
    """A backend of the run, as far as its calls cost something.

    Attributes:
        name: Its entry's name, for messages.
        model: Name of its model.
        price: Its price; None where unknown.
        free: Whether its calls cost no money, as those of a local model.
        sampling: Decoding parameters of its requests.
        tokenizer: Counts tokens ahead.
    """

    name: str
    model: str
    price: ModelPrice | None
    free: bool
    sampling: Sampling
    tokenizer: str


@dataclass
class Budget:
    """What is left of the limits.

    A call counts once its answer is there and this run paid for it; hits, recorded answers and
    calls without an answer do not. An answer whose tokens nobody knows counts as its worst case.

    Args:
        limits: The limits.
        payers: Every backend that may be asked, by its entry's name.
        earlier: Calls in the store that this run paid for before.

    Raises:
        ConfigError: When a cost limit cannot be kept, because a price or ``max_tokens`` is not
            declared.
    """

    limits: BudgetLimits
    payers: Mapping[str, Payer]
    earlier: Iterable[StoredCall] = ()
    calls: int = field(default=0, init=False)
    dollars: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        if self.limits.dollars is not None:
            self._check_that_costs_can_be_bounded()
        by_model = {payer.model: payer for payer in self.payers.values()}
        for call in self.earlier:
            payer = by_model.get(call.model.name)
            money = Money.unknown() if payer is None else _paid(payer, call.usage)
            self.add(1, money.amount or 0.0)

    def add(self, calls: int, dollars: float) -> None:
        """Counts answers that were paid for elsewhere."""
        self.calls += calls
        self.dollars += dollars

    def purse(self, name: str) -> Purse | None:
        """The budget as seen by one backend; None where its calls are never paid for."""
        payer = self.payers.get(name)
        return None if payer is None else Purse(self, payer)

    def _check_that_costs_can_be_bounded(self) -> None:
        problems = []
        for payer in self.payers.values():
            if payer.free:
                continue
            if payer.price is None:
                problems.append(
                    Problem(
                        f"the backend {payer.name!r} has no price, so its cost has no limit",
                        "declare price: in its entry, or use --max-calls",
                    )
                )
            if payer.sampling.max_tokens is None:
                problems.append(
                    Problem(
                        f"the backend {payer.name!r} has no max_tokens, so its cost has no limit",
                        "declare sampling: {max_tokens: ...}, or use --max-calls",
                    )
                )
        if problems:
            raise ConfigError(problems)


class Purse:
    """What one backend's calls may still take from a budget."""

    def __init__(self, budget: Budget, payer: Payer) -> None:
        self._budget = budget
        self._payer = payer
        self._counter: TokenCounter | None = None
        self._counts: dict[str, int] = {}
        self._factor = 1.0
        self._settled = 0

    def room(self, requests: Sequence[Request]) -> int:
        """How many of the first requests can be paid for in the worst case."""
        limits = self._budget.limits
        most = len(requests)
        if limits.calls is not None:
            most = max(0, min(most, limits.calls - self._budget.calls))
        if limits.dollars is None or self._payer.free:
            return most
        if self._settled < _PILOT:
            most = min(most, _PILOT)
        left = limits.dollars - self._budget.dollars
        sums = itertools.accumulate(self._worst(request) for request in requests[:most])
        return sum(1 for _ in itertools.takewhile(lambda total: total <= left, sums))

    def settle(self, answer: Completion) -> None:
        """Takes an answer that has just come out of the budget."""
        if answer.recorded:
            return
        self._settled += 1
        self._budget.calls += 1
        if self._payer.price is None:
            return
        amount = _paid(self._payer, answer.usage).amount
        needed = self._budget.limits.dollars is not None
        if amount is None and needed:
            amount = self._worst(answer.request)
        self._budget.dollars += amount or 0.0
        reported = prompt_tokens(answer.usage)
        if needed and answer.usage.source == "reported" and reported is not None:
            self._factor = max(self._factor, reported / self._tokens(answer.request))

    def used_up(self, waiting: int) -> BudgetError:
        """The error that ends the run here."""
        budget = self._budget
        parts = []
        if budget.limits.calls is not None:
            parts.append(f"{budget.calls:,} of {budget.limits.calls:,} calls")
        if budget.limits.dollars is not None:
            spent, limit = Money(budget.dollars).text(), Money(budget.limits.dollars).text()
            parts.append(f"{spent} of {limit}")
        return BudgetError(
            f"The budget is reached: {' and '.join(parts)} paid; the next of {waiting:,} waiting"
            " calls might exceed it.",
            hint="Every answer is kept. Raise the budget and run again to go on.",
        )

    def _worst(self, request: Request) -> float:
        price = self._payer.price
        if price is None:
            return 0.0
        prompt = self._tokens(request) * self._factor
        answer = request.sampling.max_tokens or self._payer.sampling.max_tokens or 0
        if request.labels:
            answer = 0  # scored, not written
        into = max(price.input, price.cache_write or 0.0)
        out = max(price.output, price.reasoning or 0.0)
        return (prompt * into + answer * out) / _PER

    def _tokens(self, request: Request) -> int:
        """Prompts share most of their text, so each message is counted once."""
        if self._counter is None:
            self._counter = token_counter(self._payer.tokenizer)
        total = 0
        for message in request.messages:
            if (count := self._counts.get(message.content)) is None:
                count = count_prompt([message], self._counter) + _TOKENS_AROUND_A_MESSAGE
                if message.role == "system":
                    self._counts[message.content] = count
            total += count
        return max(1, total)


def _paid(payer: Payer, usage: Usage) -> Money:
    return Money.zero() if payer.free else billed_cost(usage, payer.price)
