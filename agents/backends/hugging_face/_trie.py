"""Labels as a tree of their tokens."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.protocols import LabelScore

__all__ = ["LabelTrie"]


@dataclass(frozen=True, slots=True)
class LabelTrie:
    """Labels' tokens with shared beginnings; node 0 is the empty answer.

    A label is the whole answer, so that after its last token comes an end: that keeps apart a
    label and another one which goes on from it.

    Attributes:
        parents: Each node's parent; the root's is 0.
        tokens: The token that leads to each node; the root's is 0.
        paths: The nodes of each label, without the root.
        ends: Tokens that end an answer.
    """

    parents: tuple[int, ...]
    tokens: tuple[int, ...]
    paths: tuple[tuple[int, ...], ...]
    ends: tuple[int, ...]

    @classmethod
    def of(cls, labels: Sequence[Sequence[int]], ends: Sequence[int]) -> LabelTrie:
        """Builds the tree; nodes stand after their parents."""
        parents, tokens = [0], [0]
        paths: list[tuple[int, ...]] = []
        children: dict[tuple[int, int], int] = {}
        for label in labels:
            node, path = 0, []
            for token in label:
                if (node, token) not in children:
                    children[node, token] = len(parents)
                    parents.append(node)
                    tokens.append(token)
                node = children[node, token]
                path.append(node)
            paths.append(tuple(path))
        return cls(tuple(parents), tuple(tokens), tuple(paths), tuple(ends))

    @property
    def depths(self) -> tuple[int, ...]:
        """Tokens on the way to each node."""
        depths = [0]
        for parent in self.parents[1:]:
            depths.append(depths[parent] + 1)
        return tuple(depths)

    def ancestors(self, node: int) -> list[int]:
        """The nodes on the way from below the root to ``node``, itself included."""
        way = []
        while node:
            way.append(node)
            node = self.parents[node]
        return way[::-1]

    def steps(self) -> list[tuple[int, int]]:
        """Every (node, next token) whose probability is needed, ends after terminal nodes."""
        terminal = sorted({path[-1] for path in self.paths})
        inner = [(parent, self.tokens[n]) for n, parent in enumerate(self.parents) if n]
        return inner + [(node, end) for node in terminal for end in self.ends]

    def scores(
        self, labels: Sequence[str], found: Mapping[tuple[int, int], float]
    ) -> dict[str, LabelScore]:
        """Scores from the log-probability of every step."""
        options: dict[int, list[float]] = {}
        for (node, _), value in found.items():
            options.setdefault(node, []).append(value)
        whole = {node: _log_sum(values) for node, values in options.items()}
        scores = {}
        for label, path in zip(labels, self.paths, strict=True):
            free = constrained = 0.0
            for node in path:
                step = found[self.parents[node], self.tokens[node]]
                free += step
                constrained += step - whole[self.parents[node]]
            end = _log_sum([found[path[-1], token] for token in self.ends])
            scores[label] = LabelScore(
                log_probability=min(0.0, free + end),
                tokens=len(path),
                constrained=min(0.0, constrained + end - whole[path[-1]]),
            )
        return scores

    def pick(self, logits: Any) -> dict[tuple[int, int], float]:
        """The log-probability of every step, from logits of shape (nodes, vocabulary)."""
        import torch

        steps = self.steps()
        nodes = torch.tensor([node for node, _ in steps], device=logits.device)
        tokens = torch.tensor([token for _, token in steps], device=logits.device)
        logits = logits.float()
        values = logits[nodes, tokens] - logits.logsumexp(-1)[nodes]
        return dict(zip(steps, values.tolist(), strict=True))


def _log_sum(values: Sequence[float]) -> float:
    most = max(values)
    if most == -math.inf:
        return most
    return most + math.log(sum(math.exp(value - most) for value in values))
