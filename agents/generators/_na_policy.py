"""How rows of the NA label are made: which kinds of them, and how many."""

from __future__ import annotations

from typing import Literal, Self, TypeAlias

from pydantic import Field, model_validator

from harness.documents import FileModel
from harness.errors import ConfigError, Problem
from harness.relations import Schema

__all__ = ["NA_KIND", "NaKind", "NaPolicy", "checked_policy"]

NA_KIND = "na_kind"
"""The fact of an NA row that says its kind."""

NaKind: TypeAlias = Literal["schema", "other_relation", "reversed", "denied", "other_pair", "easy"]


class NaPolicy(FileModel):
    """How rows of the NA label are made.

    Attributes:
        n: Samples asked for in all; left out, as many as for every other label.
        kinds: Kinds of NA row, which share the number evenly: what the ``schema`` asks for;
            hard ones (fitting kinds of argument in an ``other_relation``; a relation that holds
            ``reversed``; one that is ``denied``; one that holds between an ``other_pair`` of the
            sentence); and ``easy`` ones, in which nothing relates the two.
    """

    n: int | None = Field(default=None, ge=0)
    kinds: tuple[NaKind, ...] = Field(default=("schema",), min_length=1)

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len(set(self.kinds)) != len(self.kinds):
            raise ValueError("kinds of NA rows stand once each")
        return self

    def shares(self, usual: int) -> dict[NaKind, int]:
        """Samples of each kind; earlier kinds get what does not divide evenly.

        Args:
            usual: Samples per label, which is the number where the policy says none.
        """
        total = usual if self.n is None else self.n
        each, rest = divmod(total, len(self.kinds))
        counts = {kind: each + (place < rest) for place, kind in enumerate(self.kinds)}
        return {kind: count for kind, count in counts.items() if count}


def checked_policy(policy: NaPolicy | None, schema: Schema) -> NaPolicy | None:
    """The policy, if it fits the schema.

    Raises:
        ConfigError: When it asks for reversed pairs of a schema whose labels carry direction.
    """
    if policy is not None and "reversed" in policy.kinds and schema.directed:
        raise ConfigError(
            [
                Problem(
                    f"na_policy: a reversed pair of {schema.name} has a label of its own, not"
                    f" {schema.na_label}",
                    "remove reversed from its kinds",
                )
            ]
        )
    return policy
