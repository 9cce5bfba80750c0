"""What an extractor that shows each sentence its own examples asks of the pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

from harness.relations import Example

__all__ = ["Neighbour", "NeighbourSearch", "Representation", "SearchesNeighbours"]

Representation: TypeAlias = Literal["text", "marked", "pair", "mentions", "spans"]
"""What of an example is encoded: the sentence without markers; the sentence with the schema's
markers; the sentence after a phrase that names the pair; the states of both mentions; or those
of both mentions and of what stands between them, halfway up the encoder."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A labelled example that is near another one.

    Attributes:
        example: The example.
        similarity: Cosine of the two representations, -1 to 1.
    """

    example: Example
    similarity: float


@dataclass(frozen=True, slots=True)
class NeighbourSearch:
    """Which neighbours an extractor needs.

    Attributes:
        pool: Where they come from: the few-shot set of the seed, or the whole training set.
        count: How many per example.
        representation: What of an example is encoded.
        encoder: The encoder: ``all-MiniLM-L6-v2``, a folder or a hub name.
        shows_labels: Whether their labels are shown, which the gold budget counts.
    """

    pool: Literal["few_shot", "train"]
    count: int
    representation: Representation
    encoder: str
    shows_labels: bool = True


@runtime_checkable
class SearchesNeighbours(Protocol):
    """An extractor's class that needs neighbours: ``AgentContext.neighbours`` holds them."""

    @classmethod
    def neighbour_search(cls, *, options: Any) -> NeighbourSearch | None:
        """What to search for; None where these options need no neighbours."""
        ...
