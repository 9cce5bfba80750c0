"""Tokens to text and token indexes to character offsets, and back: the one place for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.relations import Mention

__all__ = ["TokenError", "TokenRange", "TokenText", "join_tokens", "split_text", "token_range"]


class TokenError(ValueError):
    """A range of tokens does not fit its sentence, or a span does not fit the tokens."""


@dataclass(frozen=True, slots=True)
class TokenRange:
    """Tokens ``first`` to ``last``, both included, counted from 0."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class TokenText:
    """A sentence joined from tokens by single spaces.

    Attributes:
        text: The tokens, joined.
        starts: Character offset of each token.
        ends: Character offset after each token.
    """

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def characters(self, tokens: TokenRange) -> tuple[int, int]:
        """The half-open character offsets (start, end) of a range of tokens.

        Raises:
            TokenError: When the range leaves the sentence or holds no character.

        >>> join_tokens(["The", "old", "cup"]).characters(TokenRange(1, 2))
        (4, 11)
        """
        if not 0 <= tokens.first <= tokens.last < len(self.starts):
            raise TokenError(
                f"tokens {tokens.first} to {tokens.last} do not lie in the sentence's"
                f" {len(self.starts)} tokens"
            )
        start, end = self.starts[tokens.first], self.ends[tokens.last]
        if start == end:
            raise TokenError(f"tokens {tokens.first} to {tokens.last} hold no character")
        return start, end


def join_tokens(tokens: Sequence[str]) -> TokenText:
    """Joins tokens by single spaces; a token that is itself a space stays one."""
    starts, ends, at = [], [], 0
    for token in tokens:
        starts.append(at)
        ends.append(at + len(token))
        at += len(token) + 1
    return TokenText(" ".join(tokens), tuple(starts), tuple(ends))


def split_text(text: str) -> list[str]:
    """The tokens that ``join_tokens`` joins to this text: it is cut at every single space."""
    return text.split(" ")


def token_range(text: str, mention: Mention) -> TokenRange:
    """The range of ``split_text`` tokens that a mention covers exactly.

    Raises:
        TokenError: When the mention starts or ends inside a token.
    """
    joined = join_tokens(split_text(text))
    try:
        return TokenRange(joined.starts.index(mention.start), joined.ends.index(mention.end))
    except ValueError:
        raise TokenError(
            f"the span [{mention.start}, {mention.end}) does not begin and end with tokens"
        ) from None
