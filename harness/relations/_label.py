"""A label: a relation with, in directed schemas, the order of its arguments."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Label"]


@dataclass(frozen=True, slots=True)
class Label:
    """One of the answers a schema allows.

    Attributes:
        name: As written in data and answers: ``Cause-Effect(e2,e1)``, ``founded_by``, ``Other``.
        relation: Name of the relation without direction; None for the NA label.
        reversed: Whether the tail fills the relation's first argument.
    """

    name: str
    relation: str | None
    reversed: bool = False

    @property
    def is_na(self) -> bool:
        """Whether this is the schema's declared NA label."""
        return self.relation is None
