"""A sentence with a marked head and tail entity and, if labelled, a relation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

__all__ = ["Example", "Mention", "SpanError"]


class SpanError(ValueError):
    """A span does not fit its text."""


@dataclass(frozen=True, slots=True)
class Mention:
    """An entity as it stands in a text.

    Attributes:
        start: Offset of the first character.
        end: Offset after the last character (half-open).
        surface: ``text[start:end]``, checked by ``Example``.
        type: Entity type (``PER``), where the data set has types.
    """

    start: int
    end: int
    surface: str
    type: str | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise SpanError(f"the span [{self.start}, {self.end}) is empty or negative")

    @classmethod
    def of(cls, text: str, start: int, end: int, type: str | None = None) -> Mention:
        """The mention at ``text[start:end]``."""
        return cls(start=start, end=end, surface=text[start:end], type=type)

    def overlaps(self, other: Mention) -> bool:
        """Whether the two share a character."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class Example:
    """A sentence with a marked head and tail.

    Attributes:
        id: Unique within its data set; predictions are joined to gold by it.
        text: The sentence, without markers.
        head: The first argument (``e1`` of SemEval, the subject of TACRED).
        tail: The second argument.
        relation: A label of the schema, or None where the example is not labelled.
        group: Key that examples of one sentence or document share; resampling, splits and
            duplicates go by it. None stands for a group of its own.
        meta: Further string facts, such as provenance.

    Raises:
        SpanError: When a span leaves the text or its surface differs from the text.
    """

    id: str
    text: str
    head: Mention
    tail: Mention
    relation: str | None = None
    group: str | None = None
    meta: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        for role, mention in (("head", self.head), ("tail", self.tail)):
            if mention.end > len(self.text):
                raise SpanError(
                    f"the {role} ends at {mention.end}, after the text's"
                    f" {len(self.text)} characters"
                )
            found = self.text[mention.start : mention.end]
            if found != mention.surface:
                raise SpanError(
                    f"the {role}'s surface {mention.surface!r} is not what stands at"
                    f" [{mention.start}, {mention.end}): {found!r}"
                )

    @property
    def group_key(self) -> str:
        """The group, or the id where there is none."""
        return self.group if self.group is not None else self.id

    def labelled(self, relation: str | None) -> Example:
        """The same example with another label."""
        return replace(self, relation=relation)
