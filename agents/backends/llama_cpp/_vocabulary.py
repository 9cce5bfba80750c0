"""A model's tokens."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import BackendError

__all__ = ["Vocabulary"]


class Vocabulary:
    """Text to tokens and back.

    Args:
        llama: The bindings.
        model: llama.cpp's model.

    Attributes:
        size: Number of tokens.
        ends: Tokens with which a model ends its turn.
        controls: Tokens that are no text, such as those between turns.
    """

    def __init__(self, llama: Any, model: Any) -> None:
        self._llama = llama
        self._vocab = llama.llama_model_get_vocab(model)
        self.size: int = llama.llama_vocab_n_tokens(self._vocab)
        tokens = range(self.size)
        is_end, is_control = llama.llama_vocab_is_eog, llama.llama_vocab_is_control
        ends = [token for token in tokens if is_end(self._vocab, token)]
        controls = [token for token in tokens if is_control(self._vocab, token)]
        self.ends: NDArray[np.int64] = np.array(ends, dtype=np.int64)
        self.controls: NDArray[np.int64] = np.array(
            [token for token in controls if token not in set(ends)], dtype=np.int64
        )
        self._end_set = frozenset(ends)
        self._pieces: dict[int, bytes] = {}
        self._after = tuple(self._tokens(b"\n", special=False, add=False))

    @property
    def pointer(self) -> Any:
        """llama.cpp's vocabulary."""
        return self._vocab

    def is_end(self, token: int) -> bool:
        """Whether a token ends the turn."""
        return token in self._end_set

    def name(self, token: int) -> str:
        """A token as it is written in templates; empty for none."""
        if token < 0:
            return ""
        text: bytes | None = self._llama.llama_vocab_get_text(self._vocab, token)
        return (text or b"").decode("utf-8", "replace")

    @property
    def bos(self) -> str:
        """Text of the token that begins a text."""
        return self.name(self._llama.llama_vocab_bos(self._vocab))

    @property
    def eos(self) -> str:
        """Text of the token that ends one."""
        return self.name(self._llama.llama_vocab_eos(self._vocab))

    def prompt(self, text: str) -> list[int]:
        """The tokens of a rendered chat, with the beginning that the model expects, once."""
        begun = bool(self.bos) and text.startswith(self.bos)
        return self._tokens(text.encode(), special=True, add=not begun)

    def answer(self, text: str) -> list[int]:
        """The tokens of an answer's text, as plain text.

        They are taken after a line break, because tokenizers of the SentencePiece kind put a
        space before the first word of a text, and an answer is not the first.

        Raises:
            BackendError: When the tokens do not spell the text again.
        """
        raw = text.encode()
        tokens = self._tokens(b"\n" + raw, special=False, add=False)
        if tuple(tokens[: len(self._after)]) == self._after:
            tokens = tokens[len(self._after) :]
        if self.spell(tokens) != raw:
            tokens = self._tokens(raw, special=False, add=False)
        if self.spell(tokens) != raw:
            spelled = self.spell(tokens).decode("utf-8", "replace")
            raise BackendError(
                f"The model's tokenizer cannot write {text!r}: it comes back as {spelled!r}.",
                hint="Rename that label in the schema (its letters, spaces or accents), or use"
                " another model.",
            )
        return tokens

    def piece(self, token: int) -> bytes:
        """What a token adds to an answer's text; nothing for control tokens."""
        found = self._pieces.get(token)
        if found is None:
            found = self._pieces[token] = self._piece(token)
        return found

    def spell(self, tokens: Sequence[int]) -> bytes:
        """The text of tokens, as bytes."""
        return b"".join(map(self.piece, tokens))

    def _piece(self, token: int) -> bytes:
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            count = self._llama.llama_token_to_piece(self._vocab, token, buffer, size, 0, False)
            if count >= 0:
                return buffer.raw[:count]
            size = -count

    def _tokens(self, text: bytes, *, special: bool, add: bool) -> list[int]:
        size = len(text) + 8
        while True:
            buffer = (ctypes.c_int32 * size)()
            count = self._llama.llama_tokenize(
                self._vocab, text, len(text), buffer, size, add, special
            )
            if count >= 0:
                return buffer[:count]
            size = -count
