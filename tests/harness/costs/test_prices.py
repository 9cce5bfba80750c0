"""Prices in a file, and prices from the offline snapshot."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from genai_prices import Usage as GenaiUsage
from genai_prices import calc_price

from harness.costs import Money, Prices, call_cost, price_from_snapshot, snapshot_date
from harness.documents import load_document
from harness.errors import ConfigError
from harness.protocols import Usage

FILE = """\
date: 2026-01-02
source: the provider's price page
machine_per_hour: 0.10
models:
  some-model:
    input: 0.5
    cache_read: 0.05
    output: 2
    batch_discount: 0.5
    date: 2026-01-01
    source: https://example.org/prices
    assumed: true
"""


def test_prices_are_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(FILE)
    prices = load_document(file, Prices)
    assert prices.models["some-model"].cache_read == 0.05
    assert prices.models["some-model"].assumed
    assert prices.models["some-model"].reasoning is None
    assert Prices.model_validate_json(prices.model_dump_json()) == prices


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("input: -1", "greater than or equal to 0"),
        ("input: .inf", "finite"),
        ("batch_discount: 50", "less than or equal to 1"),
        ("per_token: 1", "not a known key"),
    ],
)
def test_impossible_prices_are_errors_with_their_line(
    tmp_path: Path, wrong: str, message: str
) -> None:
    key = wrong.partition(":")[0]
    lines = [line for line in FILE.splitlines() if not line.strip().startswith(f"{key}:")]
    lines.append(f"    {wrong}")
    file = tmp_path / "prices.yaml"
    file.write_text("\n".join(lines))
    with pytest.raises(ConfigError, match=f"prices.yaml:{len(lines)}: .*{message}"):
        load_document(file, Prices)


def test_machine_time_and_labels_have_a_price_only_where_one_is_given() -> None:
    bare = Prices(date=date(2026, 1, 2), source="x")
    assert not bare.machine_money(3600).is_known
    assert not bare.label_money(10).is_known
    # What was not used costs nothing, at any price.
    assert bare.machine_money(0) == bare.label_money(0) == Money(0.0)
    priced = bare.model_copy(update={"machine_per_hour": 0.1, "human_label": 0.25})
    assert priced.machine_money(1800).amount == pytest.approx(0.05)
    assert priced.label_money(8) == Money(2.0)
    assert not priced.machine_money(None).is_known


@pytest.mark.parametrize("model", ["gpt-4o-mini", "openai:gpt-4o", "claude-3-5-haiku-latest"])
def test_the_snapshot_prices_a_call_as_its_own_library_does(model: str) -> None:
    price = price_from_snapshot(model)
    ours = call_cost(Usage(1_000, 500, 0, 200, 0, source="reported"), price, "cached_prefix")
    theirs = calc_price(
        GenaiUsage(input_tokens=1_500, cache_read_tokens=500, output_tokens=200),
        model.rpartition(":")[2],
    )
    assert ours.amount == pytest.approx(float(theirs.total_price))


def test_a_price_from_the_snapshot_says_where_and_when_it_is_from() -> None:
    price = price_from_snapshot("gpt-4o-mini", assumed=True)
    assert price.source.startswith("genai-prices ")
    assert price.source.endswith(": openai/gpt-4o-mini")
    assert price.assumed
    assert date(2024, 1, 1) < price.date == snapshot_date() <= date.today()


def test_the_provider_may_be_named_before_the_model() -> None:
    assert price_from_snapshot("azure:gpt-4o-mini").source.endswith("azure/gpt-4o-mini")
    assert price_from_snapshot("openai/gpt-4o-mini") == price_from_snapshot("gpt-4o-mini")


def test_prices_that_rise_with_the_prompt_give_those_of_short_prompts() -> None:
    price = price_from_snapshot("claude-sonnet-4-5")
    theirs = calc_price(GenaiUsage(input_tokens=1_000, output_tokens=100), "claude-sonnet-4-5")
    ours = call_cost(Usage(1_000, 0, 0, 100, 0, source="reported"), price)
    assert ours.amount == pytest.approx(float(theirs.total_price))


def test_a_batch_discount_is_taken_where_the_snapshot_has_one() -> None:
    assert price_from_snapshot("gpt-4o-mini").batch_discount == 0.5
    assert price_from_snapshot("deepseek-chat").batch_discount is None


@pytest.mark.parametrize("model", ["gpt-4o-minni", "openai:gpt-4o-minni"])
def test_a_model_that_is_not_in_the_snapshot_is_an_error_with_near_names(model: str) -> None:
    with pytest.raises(ConfigError, match=r"no model .*gpt-4o-mini.*prices\.models"):
        price_from_snapshot(model)


def test_importing_the_room_loads_neither_the_snapshot_nor_a_tokenizer() -> None:
    code = (
        "import sys, harness.costs, harness.store\n"
        "print([m for m in ('genai_prices', 'rs_bpe', 'tokenizers', 'torch') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[]\n"
