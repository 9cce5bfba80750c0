"""What a request for NA rows asks for, by the kind of row."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["NA_REQUESTS"]

NA_REQUESTS: Mapping[str | None, str] = {
    "other_relation": "; write pairs whose kinds would fit one of these relations, in sentences"
    " that state something else about the two, which is none of these relations: {relations}",
    "reversed": "; write sentences in which one of these relations holds from the tail to the head"
    " and not from the head to the tail, and leave out relations that hold both ways: {relations}",
    "denied": "; write sentences that speak of one of these relations between the two and deny it,"
    " so that it does not hold: {relations}",
    "other_pair": "; write sentences that state one of these relations between two entities, and"
    " mark another pair of the same sentence, between which none of them holds: {relations}",
    "easy": "; write sentences that mention the two and relate them to each other in no way",
}
"""Kind of NA row to the words that follow the NA label's description. ``schema`` stands for what
the schema itself asks for."""
