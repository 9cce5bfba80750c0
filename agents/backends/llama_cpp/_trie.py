"""The answers that are allowed or scored, as a tree of their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Node", "TokenTrie"]


@dataclass(slots=True, eq=False)
class Node:
    """A beginning that answers share.

    Attributes:
        tokens: The tokens that lead here.
        children: The nodes that follow, by token.
        answer: Index of the answer that ends here; None where none does.
    """

    tokens: tuple[int, ...] = ()
    children: dict[int, Node] = field(default_factory=dict)
    answer: int | None = None

    @property
    def options(self) -> int:
        """In how many ways it goes on, an end among them."""
        return len(self.children) + (self.answer is not None)


class TokenTrie:
    """The tree of several answers, each a sequence of tokens.

    Where an answer is the beginning of another, ending there is one more option beside the
    tokens that follow.

    Attributes:
        root: The empty beginning.
        nodes: Every node, a parent before its children.
    """

    def __init__(self, answers: Sequence[Sequence[int]]) -> None:
        self.root = Node()
        self.nodes = [self.root]
        for number, answer in enumerate(answers):
            node = self.root
            for token in answer:
                if token not in node.children:
                    node.children[token] = Node((*node.tokens, token))
                    self.nodes.append(node.children[token])
                node = node.children[token]
            node.answer = number

    def path(self, tokens: Sequence[int]) -> list[Node]:
        """The nodes on the way, the root first."""
        nodes = [self.root]
        for token in tokens:
            nodes.append(nodes[-1].children[token])
        return nodes

    def forced(self, node: Node) -> Node:
        """The node to which only one way leads from here."""
        while node.answer is None and len(node.children) == 1:
            (node,) = node.children.values()
        return node
