"""How likely each of several labels is as the whole answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agents.backends.llama_cpp._strand import Row, Strand, log_of_sum
from agents.backends.llama_cpp._trie import Node, TokenTrie
from agents.backends.llama_cpp._vocabulary import Vocabulary
from harness.protocols import LabelScore

__all__ = ["Scoring"]


class Scoring:
    """The labels of one request after its prompt, as a trie.

    Every node is computed once: the labels that begin alike share its token, the scheduler sees
    to that. A label's probability is that of its tokens and of then ending the turn, with
    whichever token ends one; so those of all labels sum to at most 1, also where one label is
    the beginning of another. The end counts as one of the label's tokens.

    Args:
        prompt: The prompt's tokens.
        labels: The labels.
        answers: Each label's tokens.
        vocabulary: The model's tokens.

    Attributes:
        strands: What is to be evaluated: one path per label that begins no other one.
    """

    def __init__(
        self,
        prompt: Sequence[int],
        *,
        labels: Sequence[str],
        answers: Sequence[Sequence[int]],
        vocabulary: Vocabulary,
    ) -> None:
        self._labels = labels
        self._answers = answers
        self._vocabulary = vocabulary
        self._trie = TokenTrie(answers)
        self._steps: dict[Node, _Step] = {}
        self._open = 0
        self.strands = [
            _Path(prompt, self, self._trie.path(node.tokens))
            for node in self._trie.nodes
            if not node.children
        ]
        self._open = len(self.strands)

    @property
    def done(self) -> bool:
        """Whether every strand has ended."""
        return not self._open

    def scores(self) -> dict[str, LabelScore]:
        """The score of each label, in order."""
        return {
            label: self._score(answer)
            for label, answer in zip(self._labels, self._answers, strict=True)
        }

    def knows(self, node: Node) -> bool:
        """Whether a node's logits have been read."""
        return node in self._steps

    def read(self, node: Node, logits: Row) -> None:
        """Takes what follows a node."""
        if node not in self._steps:
            self._steps[node] = _Step(node, logits, self._vocabulary)

    def ended(self) -> None:
        """Counts a strand that is through."""
        self._open -= 1

    def _score(self, answer: Sequence[int]) -> LabelScore:
        free = constrained = 0.0
        *way, last = self._trie.path(answer)
        for node, token in zip(way, answer, strict=True):
            step = self._steps[node]
            free += step.free[token]
            constrained += step.free[token] - step.allowed
        step = self._steps[last]
        free += step.end
        constrained += step.end - step.allowed if last.children else 0.0
        return LabelScore(min(0.0, free), len(answer) + 1, min(0.0, constrained))


class _Step:
    """Logarithms of the probabilities of what may follow a node."""

    __slots__ = ("allowed", "end", "free")

    def __init__(self, node: Node, logits: Row, vocabulary: Vocabulary) -> None:
        total = log_of_sum(logits)
        self.end = log_of_sum(logits[vocabulary.ends]) - total
        self.free = {token: float(logits[token]) - total for token in node.children}
        options = list(self.free.values()) + ([self.end] if node.answer is not None else [])
        self.allowed = log_of_sum(np.array(options, dtype=np.float64))


class _Path(Strand):
    """The prompt and one label."""

    writes = False

    def __init__(self, prompt: Sequence[int], scoring: Scoring, nodes: Sequence[Node]) -> None:
        self._scoring = scoring
        self._nodes = nodes
        super().__init__([*prompt, *nodes[-1].tokens], prompt=len(prompt), unread=0)

    @property
    def unread(self) -> int:
        """The first node on the way that no strand of this request has been through."""
        nodes = self._nodes
        known = next((n for n, node in enumerate(nodes) if not self._scoring.knows(node)), None)
        last = len(self.tokens) - 1
        return last if known is None else self.prompt - 1 + known

    @unread.setter
    def unread(self, value: int) -> None:
        """Follows from the nodes."""

    def read(self, index: int, logits: Row) -> None:
        self._scoring.read(self._nodes[index + 1 - self.prompt], logits)

    def more(self) -> Sequence[int]:
        self._scoring.ended()
        return ()
