"""Counting tokens with a named tokenizer, where a backend does not report them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Protocol, runtime_checkable

from harness.protocols import Message, Request, Usage
from harness.registry import Registry

__all__ = [
    "TokenCounter",
    "cached_prefix_tokens",
    "count_prompt",
    "count_usage",
    "token_counter",
    "token_counters",
]

_FILE = "tokenizers:"


@runtime_checkable
class TokenCounter(Protocol):
    """Counts the tokens of a text."""

    @property
    def name(self) -> str:
        """The name that results show."""
        ...

    def count(self, text: str) -> int:
        """Number of tokens, without special tokens; 0 for an empty text."""
        ...


token_counters: Registry[Callable[[], TokenCounter]] = Registry(
    "tokenizer", group="calldistil.tokenizers"
)
"""The classes of the counters; ``token_counter`` makes them, and reads files too."""

token_counters.add_lazy("o200k_base", "harness.costs._tokenizers:O200kBase")
token_counters.add_lazy("cl100k_base", "harness.costs._tokenizers:Cl100kBase")
token_counters.add_lazy("all-minilm-l6-v2", "harness.costs._tokenizers:AllMiniLm")


def token_counter(name: str) -> TokenCounter:
    """Returns the counter called ``name``; ``tokenizers:FILE`` reads a ``tokenizer.json``.

    Raises:
        ConfigError: When the name is unknown or the file cannot be read.
        MissingExtraError: When the tokenizer's package is not installed.

    >>> token_counter("o200k_base").count("Two words")
    2
    """
    if name.startswith(_FILE):
        from harness.costs._tokenizers import TokenizerFile

        return TokenizerFile(Path(name.removeprefix(_FILE)), name=name)
    return _made(token_counters.resolve(name))


@cache  # loading a vocabulary takes longer than counting a prompt
def _made(name: str) -> TokenCounter:
    return token_counters.get(name)()


def count_prompt(messages: Sequence[Message], counter: TokenCounter) -> int:
    """Tokens of the messages' contents.

    What a provider adds around each message (role names, separators; a few tokens per message
    that differ from model to model) is not counted, so that the number depends on the text and
    the tokenizer alone. Neither is a grammar or JSON schema.
    """
    return sum(counter.count(message.content) for message in messages)


def count_usage(
    request: Request, text: str, counter: TokenCounter, *, shared_prefix: int = 0
) -> Usage:
    """Counts the tokens of a call whose backend reported none.

    Hidden reasoning leaves no text to count, so ``reasoning_tokens`` stays unknown; so does what
    the provider wrote to its cache.

    Args:
        request: The request.
        text: The answer.
        counter: Counts; its name goes into the usage.
        shared_prefix: Prompt tokens that are known to have come from the provider's prefix cache;
            0: not known of any.

    Raises:
        ValueError: When the prefix is longer than the prompt.
    """
    prompt = count_prompt(request.messages, counter)
    if not 0 <= shared_prefix <= prompt:
        raise ValueError(f"a prefix of {shared_prefix} tokens in a prompt of {prompt}")
    return Usage(
        input_tokens=prompt - shared_prefix,
        cache_read_tokens=shared_prefix or None,
        output_tokens=counter.count(text),
        source="counted",
        tokenizer=counter.name,
    )


def cached_prefix_tokens(requests: Sequence[Request], counter: TokenCounter) -> int:
    """Tokens of the messages with which all requests begin, byte for byte.

    The last message of a request is never part of it, since a call must ask for something of its
    own. Fewer than two requests share nothing. Providers also cache a common beginning of
    differing messages, and only prefixes of some least length (often 1,024 tokens), in blocks:
    none of that is modelled.
    """
    if len(requests) < 2:
        return 0
    shared: Sequence[Message] = requests[0].messages[:-1]
    for request in requests[1:]:
        length = 0
        for mine, theirs in zip(shared, request.messages[:-1], strict=False):
            if mine != theirs:
                break
            length += 1
        shared = shared[:length]
    return count_prompt(shared, counter)
