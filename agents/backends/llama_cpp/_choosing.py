"""Answers out of a finite set: only where they differ is anything chosen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agents.backends.llama_cpp._sampling import Sampler
from agents.backends.llama_cpp._strand import Row, Strand, log_of_sum, log_probability_of
from agents.backends.llama_cpp._trie import Node, TokenTrie
from agents.backends.llama_cpp._vocabulary import Vocabulary
from harness.protocols import FinishReason

__all__ = ["Choosing"]


class Choosing(Strand):
    """An answer under way through a trie of the allowed ones.

    Tokens without an alternative are computed together with what comes before them and need no
    logits; after the last choice nothing is computed at all. Where an answer may end or go on,
    its end counts with the probability of all tokens that end a turn.

    Args:
        prompt: The prompt's tokens.
        trie: The allowed answers.
        vocabulary: The model's tokens.
        sampler: Chooses among a node's options, by the probabilities of those alone; a penalty
            on repeated tokens is not heeded.
        max_tokens: Most tokens of the answer.
        measures: Whether the answer's log-probability is wanted, for which the logits of every
            token are read.

    Attributes:
        log_probability: As of an answer that is written freely.
    """

    def __init__(
        self,
        prompt: Sequence[int],
        *,
        trie: TokenTrie,
        vocabulary: Vocabulary,
        sampler: Sampler,
        max_tokens: int,
        measures: bool,
    ) -> None:
        self._trie = trie
        self._vocabulary = vocabulary
        self._sampler = sampler
        self._most = max_tokens
        self._measures = measures
        self._ended = False
        self._node = trie.root
        self._go_to(trie.root)
        start = self._answer if measures or not self._ended else ()
        unread = len(prompt) - 1 + (0 if measures else len(start))
        self._lead = len(start)
        super().__init__([*prompt, *start], prompt=len(prompt), unread=unread)
        self.limit = min(max_tokens, max(len(node.tokens) for node in trie.nodes))
        self.log_probability = 0.0

    @property
    def fresh_prompt(self) -> int:
        """How many of the prompt's tokens were evaluated for it."""
        return max(0, (self.fresh or 0) - self._lead)

    @property
    def finish(self) -> FinishReason:
        """Stop where the answer is whole, length where it had to be cut."""
        return FinishReason.STOP if self._whole else FinishReason.LENGTH

    @property
    def written(self) -> int:
        """Number of the answer's tokens."""
        return len(self._answer)

    @property
    def text(self) -> str:
        """The answer so far."""
        return self._vocabulary.spell(self._answer).decode("utf-8", "replace")

    def read(self, index: int, logits: Row) -> None:
        """Chooses where there is a choice."""
        self.unread = index + 1
        behind = index + 1 - self.prompt
        if behind < len(self._answer):
            self.log_probability += log_probability_of(logits, self._answer[behind])
        elif self._ended:
            self._measure_end(logits)
        elif behind < self._most:
            self._choose(logits)

    def more(self) -> Sequence[int]:
        """The tokens up to the next choice; none where the answer is whole or too long."""
        further = self._answer[len(self.tokens) - self.prompt :]
        if self._measures:
            return further
        if self._ended or len(self._answer) >= self._most:
            return ()
        self.unread = len(self.tokens) + len(further) - 1
        return further

    def cut(self) -> None:
        """Ends the answer for want of room."""
        self._most = min(self._most, max(0, len(self.tokens) - self.prompt))

    @property
    def _answer(self) -> tuple[int, ...]:
        return self._node.tokens[: self._most]

    @property
    def _whole(self) -> bool:
        return self._ended and len(self._node.tokens) <= self._most

    def _choose(self, logits: Row) -> None:
        children = list(self._node.children)
        options = logits[children]
        if self._node.answer is not None:
            end = log_of_sum(logits[self._vocabulary.ends])
            options = np.append(options, np.float32(end))
        option = self._sampler.choose(options)
        if option == len(children):
            self._ended = True
            self._measure_end(logits)
            return
        if self._measures:
            self.log_probability += log_probability_of(logits, children[option])
        self._go_to(self._node.children[children[option]])

    def _measure_end(self, logits: Row) -> None:
        if self._measures and self._whole:
            end = log_of_sum(logits[self._vocabulary.ends])
            self.log_probability += min(0.0, end - log_of_sum(logits))

    def _go_to(self, node: Node) -> None:
        self._node = self._trie.forced(node)
        self._ended = not self._node.children
