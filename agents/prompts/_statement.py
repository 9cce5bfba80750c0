"""A label as a statement about a sentence's own head and tail."""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.relations import Example, Schema

__all__ = ["bracketed", "label_statement"]

_HEAD = re.compile(r"\bthe head\b(?: \w+\b(?: or \w+\b)?)?", re.IGNORECASE)
_TAIL = re.compile(r"\bthe tail\b(?: \w+\b(?: or \w+\b)?)?", re.IGNORECASE)


def label_statement(
    schema: Schema, label: str, head: str, tail: str, given: Mapping[str, str] | None = None
) -> str:
    """Says in a sentence that the label holds between two names.

    A wording that is ``given`` for the label comes first (``"{head} was founded by {tail}"``). A
    directed label is put by its argument roles, another by its description, where that speaks of
    ``the head ...`` and ``the tail ...``.

    >>> from harness.relations import load_schema
    >>> label_statement(load_schema("newsroom-demo"), "born_in", "Ann", "Ulm")
    'Ann was born in Ulm'
    >>> label_statement(load_schema("semeval-2010-task-8"), "Cause-Effect(e2,e1)", "burn", "fire")
    'burn is the effect and fire is the cause: one thing, event or agent brings the other about'
    """
    if given is not None and label in given:
        return given[label].replace("{head}", head).replace("{tail}", tail)
    relation = schema.relation_of(label)
    if relation is None:
        return f"{head} has none of the other relations to {tail}"
    if schema.directed and relation.arguments is not None:
        first, second = relation.arguments
        if schema.label(label).reversed:
            first, second = second, first
        roles = f"{head} is the {first} and {tail} is the {second}"
        return f"{roles}: {relation.description}" if relation.description else roles
    said = relation.description
    if _HEAD.search(said) and _TAIL.search(said):
        # Functions as replacements: a name may hold a backslash.
        return _TAIL.sub(lambda _: tail, _HEAD.sub(lambda _: head, said))
    named = f"the relation from {head} to {tail} is {label}"
    return f"{named}: {said}" if said else named


def bracketed(example: Example) -> str:
    """The sentence with square brackets around head and tail."""
    cuts = [(example.head.start, 1, "["), (example.tail.start, 1, "[")]
    cuts += [(example.head.end, 0, "]"), (example.tail.end, 0, "]")]
    parts, last = [], 0
    for offset, _, bracket in sorted(cuts):
        parts += [example.text[last:offset], bracket]
        last = offset
    return "".join([*parts, example.text[last:]])
