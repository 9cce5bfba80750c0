"""What a test set is called on a leaderboard: the hash of what was asked and of its gold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.relations import Example, Schema
from harness.store import content_hash

__all__ = ["BoardTest", "hash_of_test"]

_SHOWN = 12


@dataclass(frozen=True, slots=True)
class BoardTest:
    """A test set, told apart by its content and not by its name.

    Attributes:
        task: Name of the schema.
        examples: How many there are.
        hash: SHA-256 over labels, sentences, spans, gold and groups; see ``hash_of_test``.
    """

    task: str
    examples: int
    hash: str

    @property
    def slug(self) -> str:
        """Part of a file's name: task, size and the hash's beginning."""
        kept = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in self.task)
        return f"{kept.strip('.-') or 'task'}-{self.examples}-{self.hash[:_SHOWN]}"


def hash_of_test(examples: Sequence[Example], schema: Schema) -> str:
    """Hash of a test set, the same however its examples are ordered and the file is called.

    It is taken over the labels of the schema in their order, and of each example over id, text,
    both spans, gold relation and group: what a score is a function of, but for the answers.

    >>> from harness.relations import Mention, Relation
    >>> schema = Schema("s", "none", (Relation("r"),))
    >>> x = Example("1", "a b", Mention.of("a b", 0, 1), Mention.of("a b", 2, 3), "r")
    >>> y = Example("2", "a b", Mention.of("a b", 0, 1), Mention.of("a b", 2, 3), "none")
    >>> hash_of_test([x, y], schema) == hash_of_test([y, x], schema)
    True
    >>> hash_of_test([x], schema) == hash_of_test([x.labelled("none")], schema)
    False
    """
    rows = sorted(
        [
            example.id,
            example.text,
            [example.head.start, example.head.end],
            [example.tail.start, example.tail.end],
            example.relation or "",
            example.group_key,
        ]
        for example in examples
    )
    return content_hash({"labels": list(schema.label_names), "examples": rows})
