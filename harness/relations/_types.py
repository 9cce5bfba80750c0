"""Which labels the entity types of an example's arguments allow."""

from __future__ import annotations

from harness.relations._example import Example
from harness.relations._schema import Schema

__all__ = ["allowed_labels"]


def allowed_labels(schema: Schema, example: Example) -> tuple[str, ...]:
    """The labels that the declared argument types allow, in the schema's order.

    A relation without declared types, and a mention whose type is unknown, exclude nothing. A
    directed label that reads from tail to head has its types the other way round. The NA label is
    always allowed.
    """
    allowed = []
    for label in schema.labels:
        relation = schema.relation_of(label.name)
        if relation is not None:
            first, second = example.head.type, example.tail.type
            if label.reversed:
                first, second = second, first
            if not (_fits(first, relation.head_types) and _fits(second, relation.tail_types)):
                continue
        allowed.append(label.name)
    return tuple(allowed)


def _fits(found: str | None, declared: tuple[str, ...]) -> bool:
    return found is None or not declared or found in declared
