"""Answers that are written token by token, freely or under a grammar."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agents.backends.llama_cpp._grammar import GrammarState
from agents.backends.llama_cpp._sampling import Sampler
from agents.backends.llama_cpp._strand import Row, Strand, log_of_sum, log_probability_of
from agents.backends.llama_cpp._vocabulary import Vocabulary
from harness.protocols import FinishReason

__all__ = ["Writing"]


class Writing(Strand):
    """An answer under way.

    Args:
        prompt: The prompt's tokens.
        vocabulary: The model's tokens.
        sampler: Chooses them.
        max_tokens: Most tokens of the answer.
        stop: Strings that end it, and are left out of it.
        grammar: What form it must have.

    Attributes:
        finish: Why it ended.
        log_probability: Sum of the logarithms of its tokens' probabilities, as the model gives
            them at temperature 1 and without constraint; that of the end counts where it ended
            by itself.
    """

    def __init__(
        self,
        prompt: Sequence[int],
        *,
        vocabulary: Vocabulary,
        sampler: Sampler,
        max_tokens: int,
        stop: Sequence[str] = (),
        grammar: GrammarState | None = None,
    ) -> None:
        super().__init__(prompt, prompt=len(prompt), unread=len(prompt) - 1)
        self._vocabulary = vocabulary
        self._sampler = sampler
        self._stop = [word.encode() for word in stop if word]
        self._grammar = grammar
        self._text = bytearray()
        self._written: list[int] = []
        self._chosen: int | None = None
        self.limit = max_tokens
        self.finish = FinishReason.UNKNOWN
        self.log_probability = 0.0

    @property
    def fresh_prompt(self) -> int:
        """How many of the prompt's tokens were evaluated for it."""
        return self.fresh or 0

    @property
    def text(self) -> str:
        """The answer so far."""
        return self._text.decode("utf-8", "replace")

    @property
    def written(self) -> int:
        """Number of its tokens."""
        return len(self._written)

    def read(self, index: int, logits: Row) -> None:
        """Chooses the next token."""
        self.unread = index + 1
        token = self._choose(logits)
        if self._vocabulary.is_end(token):
            total = log_of_sum(logits)
            end = log_of_sum(logits[self._vocabulary.ends])
            self.log_probability += min(0.0, end - total)
        else:
            self.log_probability += log_probability_of(logits, token)
        self._chosen = token

    def more(self) -> Sequence[int]:
        """Takes the chosen token, unless the answer ends with it."""
        token = self._chosen
        assert token is not None  # the last token's logits are always read
        if self._vocabulary.is_end(token):
            self.finish = FinishReason.STOP
            return ()
        if self._grammar is not None:
            self._grammar.accept(token)
        self._written.append(token)
        self._text += self._vocabulary.piece(token)
        self.limit -= 1
        if self._stopped():
            self.finish = FinishReason.STOP
            return ()
        if not self.limit:
            self.finish = FinishReason.LENGTH
            return ()
        return (token,)

    def cut(self) -> None:
        """Ends the answer for want of room."""
        self.finish = FinishReason.LENGTH

    def release(self) -> None:
        """Frees the grammar."""
        if self._grammar is not None:
            self._grammar.close()

    def _choose(self, logits: Row) -> int:
        logits = self._sampler.penalised(logits, np.unique(np.array(self._written, dtype=np.int64)))
        grammar = self._grammar
        if grammar is None:
            return self._sampler.choose(logits)
        if not self._sampler.truncates:
            # What is allowed at once is as likely as if only what is allowed had been offered.
            token = self._sampler.choose(logits)
            if token not in self._vocabulary.controls and grammar.allows(token):
                return token
        logits = grammar.allowed(logits)
        logits[self._vocabulary.controls] = -np.inf
        if not np.isfinite(logits).any():
            return int(self._vocabulary.ends[0])  # nothing can follow: the answer is whole
        return self._sampler.choose(logits)

    def _stopped(self) -> bool:
        # Only the end is new, and a stop string may have begun before it.
        places = [self._text.find(word) for word in self._stop]
        found = [place for place in places if place >= 0]
        if found:
            del self._text[min(found) :]
        return bool(found)
