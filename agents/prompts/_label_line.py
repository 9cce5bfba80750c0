"""How a label is put in words: one line of a prompt."""

from __future__ import annotations

from agents.prompts._na_kinds import NA_REQUESTS
from harness.relations import Relation, Schema

__all__ = ["label_line", "label_lines", "requested_label_line"]


def label_line(
    schema: Schema, label: str, *, head: str | None = None, tail: str | None = None
) -> str:
    """Says what a label means in one line.

    A directed label says which marker fills which argument; an undirected one says the entity
    types of head and tail, where the relation has them. The NA label has its description.

    Args:
        schema: The relation schema.
        label: The label.
        head: What a directed label's line calls the head; the marker's name if left out.
        tail: What it calls the tail.

    Raises:
        KeyError: When the schema has no such label.
    """
    relation = schema.relation_of(label)
    if relation is None:
        return _joined(label, schema.na_description)
    if not schema.directed:
        return _joined(label + _types(relation), relation.description)
    head, tail = head or schema.markers.head, tail or schema.markers.tail
    first, second = relation.arguments or ("first argument", "second argument")
    if schema.label(label).reversed:
        first, second = second, first
    roles = f"{head} is the {first}, {tail} is the {second}"
    return f"{label}: " + "; ".join(part for part in (relation.description, roles) if part)


def label_lines(schema: Schema) -> tuple[str, ...]:
    """The lines of all labels but the NA label, in the schema's order."""
    return tuple(label_line(schema, label) for label in schema.positive_labels)


def requested_label_line(
    schema: Schema,
    label: str,
    *,
    na_kind: str | None = None,
    head: str | None = None,
    tail: str | None = None,
) -> str:
    """The label's line in a request for samples of it.

    For the NA label the schema may ask for more (``prompt.na_request``), with the names of
    the relations in place of ``{relations}``; or a kind of NA row does, in its place.

    Raises:
        KeyError: When there is no such kind.
    """
    line = label_line(schema, label, head=head, tail=tail)
    if not schema.label(label).is_na:
        return line
    names = ", ".join(relation.name for relation in schema.relations)
    wanted = schema.prompt.na_request if na_kind in (None, "schema") else NA_REQUESTS[na_kind]
    return line + wanted.replace("{relations}", names)


def _types(relation: Relation) -> str:
    if not relation.head_types and not relation.tail_types:
        return ""
    head, tail = ("/".join(t) or "any" for t in (relation.head_types, relation.tail_types))
    return f" ({head} -> {tail})"


def _joined(label: str, description: str) -> str:
    return f"{label}: {description}" if description else label
