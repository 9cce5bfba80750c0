"""What a Runnable may be given as a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.relations import (
    Example,
    MarkedTextError,
    Markers,
    Mention,
    SpanError,
    parse_marked,
)

__all__ = ["EntitySpan", "RelationQuery", "read_input"]


class EntitySpan(BaseModel):
    """An entity by its character offsets, end exclusive."""

    model_config = ConfigDict(extra="forbid")

    start: int = Field(ge=0, description="Offset of the first character.")
    end: int = Field(gt=0, description="Offset after the last character.")
    type: str | None = Field(default=None, description="Entity type, if known.")
    surface: str | None = Field(default=None, description="The characters, for a check.")


class RelationQuery(BaseModel):
    """A sentence and the two entities whose relation is asked for."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(
        min_length=1,
        description="The sentence: plain, with head and tail given beside it, or with both marked"
        " in it, as in: The <e1>cup</e1> held <e2>tea</e2>.",
    )
    head: EntitySpan | str | None = Field(
        default=None, description="The head entity: its words as they stand, or its offsets."
    )
    tail: EntitySpan | str | None = Field(
        default=None, description="The tail entity: its words as they stand, or its offsets."
    )


def read_input(value: Any, markers: Markers, *, id: str = "1") -> Example:
    """Reads an ``Example``, a marked sentence, or a mapping like ``RelationQuery``.

    Raises:
        ValueError: When it is none of these, or the entities cannot be found; says what would do.
    """
    if isinstance(value, Example):
        return value
    if isinstance(value, str):
        return _marked(value, markers, id)
    if isinstance(value, BaseModel):
        value = value.model_dump()
    if not isinstance(value, Mapping):
        raise ValueError(
            f"a sentence is an Example, a text with both entities marked, or a mapping of text,"
            f" head and tail, not {type(value).__name__}"
        )
    known = {"id", "text", "head", "tail"}
    try:
        query = RelationQuery.model_validate({k: v for k, v in value.items() if k != "id"})
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        place = ".".join(map(str, detail["loc"]))
        raise ValueError(f"{place}: {detail['msg']} (known keys: {sorted(known)})") from None
    named = str(value.get("id", id))
    if query.head is None and query.tail is None:
        return _marked(query.text, markers, named)
    if query.head is None or query.tail is None:
        raise ValueError("give both head and tail, or mark both in the text")
    try:
        return Example(
            named, query.text, _mention(query.text, query.head), _mention(query.text, query.tail)
        )
    except SpanError as error:
        raise ValueError(str(error)) from None


def _marked(text: str, markers: Markers, id: str) -> Example:
    try:
        found = parse_marked(text, markers)
    except MarkedTextError as error:
        head, tail = markers.head, markers.tail
        raise ValueError(
            f"{error}: mark both entities, as <{head}>...</{head}> and <{tail}>...</{tail}>, or"
            " give head and tail"
        ) from None
    return Example(id, found.text, found.head, found.tail)


def _mention(text: str, entity: EntitySpan | str) -> Mention:
    if isinstance(entity, EntitySpan):
        surface = entity.surface if entity.surface is not None else text[entity.start : entity.end]
        return Mention(entity.start, entity.end, surface, entity.type)
    count = text.count(entity) if entity else 0
    if count != 1:
        raise ValueError(
            f"{entity!r} stands {count} times in the text: mark the entities in the text, or give"
            " offsets"
        )
    start = text.index(entity)
    return Mention.of(text, start, start + len(entity))
