"""What calls, machines and labels cost: tokens, dated prices, the ledger, break-even."""

from __future__ import annotations

from harness.costs._break_even import BreakEven, break_even, mean_draws
from harness.costs._call_cost import (
    COST_MODES,
    CheapestCost,
    CostMode,
    billed_cost,
    call_cost,
    cheapest,
    costs_by_mode,
    with_cached_prefix,
)
from harness.costs._cost_draws import CostDraws, PriceDraws, RunningUse
from harness.costs._counters import (
    TokenCounter,
    cached_prefix_tokens,
    count_prompt,
    count_usage,
    token_counter,
    token_counters,
)
from harness.costs._ledger import (
    ChargedCall,
    Ledger,
    StageCost,
    SystemCost,
    stage_cost,
    system_cost,
    total_cost,
)
from harness.costs._money import Money, sum_money
from harness.costs._plan import CostRange, CountRange, plan_cost
from harness.costs._prices import ModelPrice, Prices
from harness.costs._quantities import TOKEN_PRICES, Quantities, price_vector, priced_tokens
from harness.costs._snapshot import price_from_snapshot, snapshot_date
from harness.costs._tokens import TOKEN_CLASSES, TokenTotals, add_usage, prompt_tokens, total_usage
from harness.costs._wire import from_json, to_json

__all__ = [
    "COST_MODES",
    "TOKEN_CLASSES",
    "TOKEN_PRICES",
    "BreakEven",
    "ChargedCall",
    "CheapestCost",
    "CostDraws",
    "CostMode",
    "CostRange",
    "CountRange",
    "Ledger",
    "ModelPrice",
    "Money",
    "PriceDraws",
    "Prices",
    "Quantities",
    "RunningUse",
    "StageCost",
    "SystemCost",
    "TokenCounter",
    "TokenTotals",
    "add_usage",
    "billed_cost",
    "break_even",
    "cached_prefix_tokens",
    "call_cost",
    "cheapest",
    "costs_by_mode",
    "count_prompt",
    "count_usage",
    "from_json",
    "mean_draws",
    "plan_cost",
    "price_from_snapshot",
    "price_vector",
    "priced_tokens",
    "prompt_tokens",
    "snapshot_date",
    "stage_cost",
    "sum_money",
    "system_cost",
    "to_json",
    "token_counter",
    "token_counters",
    "total_cost",
    "total_usage",
    "with_cached_prefix",
]
