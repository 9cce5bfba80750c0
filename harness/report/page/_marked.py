"""A sentence cut at its entities, for a page that marks them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from harness.relations import Example

__all__ = ["Piece", "pieces_of"]


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a sentence.

    Attributes:
        text: As it stands.
        role: ``head``, ``tail``, ``head tail`` where both overlap, or empty outside them.
    """

    text: str
    role: str


def pieces_of(example: Example) -> list[Piece]:
    """The sentence in pieces, cut wherever an entity begins or ends."""
    roles = {"head": example.head, "tail": example.tail}
    cuts = sorted({0, len(example.text), *(p for m in roles.values() for p in (m.start, m.end))})
    return [
        Piece(
            example.text[start:end],
            " ".join(r for r, m in roles.items() if m.start <= start and end <= m.end),
        )
        for start, end in pairwise(cuts)
        if start < end
    ]
