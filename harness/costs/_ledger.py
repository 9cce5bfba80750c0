"""Every token, second and dollar of a run, by stage and by system."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from harness.costs._call_cost import COST_MODES, CostMode, billed_cost, costs_by_mode
from harness.costs._money import Money, sum_money
from harness.costs._prices import ModelPrice, Prices
from harness.costs._tokens import TokenTotals, total_usage
from harness.errors import CalldistilError
from harness.protocols import Usage

__all__ = [
    "ChargedCall",
    "Ledger",
    "StageCost",
    "SystemCost",
    "stage_cost",
    "system_cost",
    "total_cost",
]


def _nothing_by_mode() -> dict[CostMode, Money]:
    return {mode: Money.zero() for mode in COST_MODES}


@dataclass(frozen=True, slots=True)
class ChargedCall:
    """One call of a stage, for the ledger.

    Attributes:
        usage: Its tokens, from the call that first paid for them.
        paid: Whether this run paid for it; otherwise it was a hit.
    """

    usage: Usage
    paid: bool


@dataclass(frozen=True, slots=True)
class StageCost:
    """What one stage cost.

    Attributes:
        stage: The stage's unique name in the run.
        calls: Calls to an LLM.
        paid_calls: Those this run paid for.
        hits: Those that had been answered before.
        tokens: Tokens of all its calls.
        money: What the calls cost from scratch, as billed: each token class at its own price.
        money_paid_now: What this run paid for calls.
        machine_seconds: Seconds of machine time; None: unknown.
        machine_money: What that time costs.
        money_by_mode: What the calls cost from scratch in each mode.
    """

    stage: str
    calls: int = 0
    paid_calls: int = 0
    hits: int = 0
    tokens: TokenTotals = field(default_factory=TokenTotals)
    money: Money = field(default_factory=Money.zero)
    money_paid_now: Money = field(default_factory=Money.zero)
    machine_seconds: float | None = 0.0
    machine_money: Money = field(default_factory=Money.zero)
    money_by_mode: Mapping[CostMode, Money] = field(default_factory=_nothing_by_mode)


def stage_cost(
    stage: str,
    *,
    calls: Sequence[ChargedCall] = (),
    price: ModelPrice | None = None,
    prefix_tokens: int = 0,
    machine_seconds: float | None = 0.0,
    prices: Prices | None = None,
) -> StageCost:
    """Works out the cost of one stage.

    Args:
        stage: The stage's unique name in the run.
        calls: Its calls, in the order of their requests.
        price: Their model's price; None: unknown.
        prefix_tokens: Length of the prefix that its calls share.
        machine_seconds: Seconds of machine time; None: unknown.
        prices: Where the machine's price stands; None: unknown.
    """
    usages = [call.usage for call in calls]
    paid = [call.usage for call in calls if call.paid]
    return StageCost(
        stage=stage,
        calls=len(usages),
        paid_calls=len(paid),
        hits=len(usages) - len(paid),
        tokens=total_usage(usages),
        money=sum_money(billed_cost(usage, price) for usage in usages),
        money_paid_now=sum_money(billed_cost(usage, price) for usage in paid),
        machine_seconds=machine_seconds,
        machine_money=_machine_money(machine_seconds, prices),
        money_by_mode=costs_by_mode(usages, price, prefix_tokens=prefix_tokens),
    )


def total_cost(stages: Iterable[StageCost], *, name: str = "total") -> StageCost:
    """Adds stages up."""
    parts = list(stages)
    tokens = TokenTotals()
    seconds: float | None = 0.0
    for part in parts:
        tokens = tokens + part.tokens
        known = seconds is not None and part.machine_seconds is not None
        seconds = seconds + part.machine_seconds if known else None  # type: ignore[operator]
    return StageCost(
        stage=name,
        calls=sum(part.calls for part in parts),
        paid_calls=sum(part.paid_calls for part in parts),
        hits=sum(part.hits for part in parts),
        tokens=tokens,
        money=sum_money(part.money for part in parts),
        money_paid_now=sum_money(part.money_paid_now for part in parts),
        machine_seconds=seconds,
        machine_money=sum_money(part.machine_money for part in parts),
        money_by_mode={
            mode: sum_money(part.money_by_mode.get(mode, Money.unknown()) for part in parts)
            for mode in COST_MODES
        },
    )


@dataclass(frozen=True, slots=True)
class Ledger:
    """The costs of a run's stages.

    Attributes:
        stages: One entry per stage; names are unique.
    """

    stages: tuple[StageCost, ...] = ()

    def __post_init__(self) -> None:
        names = [stage.stage for stage in self.stages]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise CalldistilError(f"The ledger has stages twice: {', '.join(twice)}.")

    def __getitem__(self, name: str) -> StageCost:
        for stage in self.stages:
            if stage.stage == name:
                return stage
        raise KeyError(name)

    def total(self, stages: Iterable[str] | None = None) -> StageCost:
        """Adds up the named stages, or all: each once, however often it is named.

        For a run, name the stages of all its systems: a shared ancestor counts once. For one
        system, name its own ancestors: they count in full.

        Raises:
            KeyError: For a stage that is not in the ledger.
        """
        if stages is None:
            return total_cost(self.stages)
        return total_cost(self[name] for name in dict.fromkeys(stages))


@dataclass(frozen=True, slots=True)
class SystemCost:
    """What a system costs to make once and to use.

    Attributes:
        one_off: Money spent once: calls, machine time and human labels.
        one_off_seconds: Seconds spent once; None: unknown.
        per_1000: Money for 1,000 sentences, with its calls as billed.
        per_1000_by_mode: The same with its calls in each mode.
        seconds_per_1000: Seconds for 1,000 sentences; None: unknown.
        notes: What was assumed, for the reader.
        known_seconds: Seconds of ``one_off_seconds`` that are known, a lower bound where it is
            not: a recording tells no time, the training after it does.
    """

    one_off: Money
    one_off_seconds: float | None
    per_1000: Money
    per_1000_by_mode: Mapping[CostMode, Money]
    seconds_per_1000: float | None
    notes: tuple[str, ...] = ()
    known_seconds: float = 0.0


def system_cost(
    *,
    one_off: StageCost,
    use: StageCost,
    sentences: int,
    labels: Money | None = None,
    seconds: float | None = None,
    notes: Sequence[str] = (),
) -> SystemCost:
    """Works out a system's cost from the ledger.

    Args:
        one_off: Total of all stages that were needed before the first sentence.
        use: Total of the stages that label ``sentences``.
        sentences: How many sentences ``use`` labelled, 1 or more.
        labels: What the human labels behind it cost; None: it had none.
        seconds: Wall-clock seconds to label ``sentences``; None: those of the machine, where no
            calls were made, else unknown.
        notes: What was assumed.
    """
    if sentences < 1:
        raise ValueError("sentences must be 1 or more")
    if seconds is None and use.calls == 0:
        seconds = use.machine_seconds
    scale = 1000 / sentences
    return SystemCost(
        one_off=one_off.money + one_off.machine_money + (labels or Money.zero()),
        one_off_seconds=one_off.machine_seconds,
        per_1000=(use.money + use.machine_money) * scale,
        per_1000_by_mode={
            mode: (money + use.machine_money) * scale for mode, money in use.money_by_mode.items()
        },
        seconds_per_1000=None if seconds is None else seconds * scale,
        notes=tuple(notes),
    )


def _machine_money(seconds: float | None, prices: Prices | None) -> Money:
    if prices is not None:
        return prices.machine_money(seconds)
    return Money.zero() if seconds == 0 else Money.unknown()
