"""A first schema from labelled examples, for the user to complete."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from harness.errors import ConfigError, Problem
from harness.relations import Example, Markers, PromptWords, Relation, Schema

__all__ = ["infer_schema"]

_MARKERS = Markers()
_HEAD, _TAIL = re.escape(_MARKERS.head), re.escape(_MARKERS.tail)
_DIRECTED = re.compile(rf"(?P<name>.+)\((?:{_HEAD},{_TAIL}|{_TAIL},{_HEAD})\)")


def infer_schema(examples: Sequence[Example], *, name: str, na_label: str | None) -> Schema:
    """Reads relations and entity types off labelled examples.

    Relations stand in the order of their first appearance. Where every label but NA reads
    ``NAME(e1,e2)`` or ``NAME(e2,e1)`` the schema is directed, and its arguments are called
    ``first`` and ``second`` until the user names them. A relation's types are those seen; where
    an example lacks one, any type is allowed. Descriptions are left empty.

    Args:
        examples: Labelled examples; those without a label add nothing.
        name: The schema's name.
        na_label: The label that says that no relation holds. It is declared, never guessed; the
            examples need not hold it.

    Raises:
        ConfigError: When the NA label is not declared or looks misspelt, or no other label is
            left.
    """
    labels = list(dict.fromkeys(e.relation for e in examples if e.relation is not None))
    if not labels:
        raise ConfigError([Problem("no example has a label", "give labelled examples")])
    if na_label is None:
        listed = ", ".join(labels)
        what = "the label that says that no relation holds is not declared"
        raise ConfigError([Problem(what, f"pass --na LABEL; the labels are: {listed}")])
    near = difflib.get_close_matches(na_label, labels, n=1, cutoff=0.8)
    if na_label not in labels and near:
        what = f"no example has the NA label {na_label!r}"
        raise ConfigError([Problem(what, f"did you mean {near[0]!r}?")])
    positive = [label for label in labels if label != na_label]
    if not positive:
        what = f"every example has the NA label {na_label!r}"
        raise ConfigError([Problem(what, "give examples of the relations too")])
    matches = [_DIRECTED.fullmatch(label) for label in positive]
    directed = all(match is not None for match in matches)
    relation_of = {
        label: match["name"] if directed and match is not None else label
        for label, match in zip(positive, matches, strict=True)
    }
    names = dict.fromkeys(relation_of.values())
    heads: dict[str, set[str | None]] = {relation: set() for relation in names}
    tails: dict[str, set[str | None]] = {relation: set() for relation in names}
    for example in examples:
        if example.relation in relation_of:
            heads[relation_of[example.relation]].add(example.head.type)
            tails[relation_of[example.relation]].add(example.tail.type)
    return Schema(
        name=name,
        na_label=na_label,
        directed=directed,
        prompt=PromptWords.usual(_MARKERS, directed=directed),
        relations=tuple(
            Relation(
                name=relation,
                arguments=("first", "second") if directed else None,
                head_types=_types(heads[relation]),
                tail_types=_types(tails[relation]),
            )
            for relation in names
        ),
    )


def _types(seen: set[str | None]) -> tuple[str, ...]:
    return () if None in seen else tuple(sorted(kind for kind in seen if kind is not None))
