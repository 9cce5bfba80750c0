"""The gate ``types``: whether the arguments' types allow the label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from pydantic import BaseModel

from harness.documents import FileModel
from harness.protocols import KEPT, GateContext, Judgement
from harness.relations import Example, allowed_labels

__all__ = ["Types", "TypesOptions"]


class TypesOptions(FileModel):
    """Options of ``types.v1``.

    Attributes:
        require: Whether a row whose head or tail has no type is rejected, where the schema
            declares types for its relation.
    """

    require: bool = False


class Types:
    """Rejects rows whose argument types the schema excludes for their label.

    ``types_reversed`` where they would fit the other way round (the direction is wrong),
    ``type_not_allowed`` where they would not, ``type_missing`` where a type is required and
    unknown, and ``label_unknown`` where the schema lacks the label.
    """

    name: ClassVar[str] = "types.v1"
    summary: ClassVar[str] = "argument types and their order that the schema allows for the label"
    source: ClassVar[str] = "calldistil"
    Options: ClassVar[type[BaseModel]] = TypesOptions
    uses_test: ClassVar[bool] = False
    noise: ClassVar[str | None] = None

    def __init__(self, *, context: GateContext, options: TypesOptions) -> None:
        self._schema = context.schema
        self._options = options

    def judge(self, *, rows: Sequence[Example]) -> tuple[Judgement, ...]:
        """Looks at each row by itself."""
        return tuple(self._of(row) for row in rows)

    def _of(self, row: Example) -> Judgement:
        if row.relation is None or row.relation not in self._schema:
            return Judgement("label_unknown", str(row.relation))
        types = f"{row.head.type or 'unknown'}, {row.tail.type or 'unknown'}"
        if row.relation not in allowed_labels(self._schema, row):
            turned = replace(row, head=row.tail, tail=row.head)
            fits = row.relation in allowed_labels(self._schema, turned)
            return Judgement("types_reversed" if fits else "type_not_allowed", types)
        relation = self._schema.relation_of(row.relation)
        if self._options.require and relation is not None:
            declared = relation.head_types or relation.tail_types
            if declared and None in (row.head.type, row.tail.type):
                return Judgement("type_missing", types)
        return KEPT
