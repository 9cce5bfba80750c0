"""Scoring answers that carry no direction: labels become relations, on both sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from harness.relations import Schema

__all__ = ["undirected_labels", "undirected_schema"]


def undirected_schema(schema: Schema) -> Schema:
    """The schema with one label per relation, for answers that name no direction.

    A score on it is a score without direction and never stands in the column of one with it.
    """
    return replace(schema, directed=False)


def undirected_labels(labels: Mapping[str, str], schema: Schema) -> dict[str, str]:
    """Id to relation name from id to label; the NA label stays, and so do foreign strings.

    >>> from harness.relations import load_schema
    >>> schema = load_schema("semeval-2010-task-8")
    >>> undirected_labels({"1": "Cause-Effect(e2,e1)", "2": "Other", "3": "?"}, schema)
    {'1': 'Cause-Effect', '2': 'Other', '3': '?'}
    """
    names = {label.name: label.relation or label.name for label in schema.labels}
    return {i: names.get(label, label) for i, label in labels.items()}
