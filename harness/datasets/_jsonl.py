"""Our own format: one example per line, as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationError

from harness.datasets._collector import Collector, Span, note_invalid, text_group
from harness.datasets._files import parse_json, read_lines, write_text
from harness.datasets._problems import PROBLEM_LIMIT, Place
from harness.documents import FileModel
from harness.relations import Example, Mention, Schema

__all__ = ["JsonlFormat", "JsonlOptions", "parse_examples"]


class JsonlOptions(FileModel):
    """Options of the format ``jsonl``.

    Attributes:
        group_by: ``given`` takes ``group`` as it stands; ``text`` gives examples without one,
            and with an identical sentence, one group.
    """

    group_by: Literal["given", "text"] = "given"


class _Mention(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(gt=0)]
    type: str | None = None
    surface: str | None = None


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: StrictStr | StrictInt
    text: StrictStr
    head: _Mention
    tail: _Mention
    relation: StrictStr | None = None
    group: StrictStr | None = None
    meta: Mapping[StrictStr, StrictStr] = {}


class JsonlFormat:
    """Lines of ``{"id", "text", "head": {"start", "end", "type"?, "surface"?}, "tail", ...}``.

    ``relation``, ``group`` and ``meta`` may be left out. Offsets are half-open characters.
    Everything that an ``Example`` holds is written.
    """

    summary: ClassVar[str] = "one example per line, with character spans (our own format)"
    source: ClassVar[str] = "calldistil"
    Options: ClassVar[type[JsonlOptions]] = JsonlOptions

    @classmethod
    def read(
        cls,
        file: Path,
        *,
        schema: Schema | None = None,
        options: JsonlOptions = JsonlOptions(),  # noqa: B008 (frozen)
        limit: int = PROBLEM_LIMIT,
    ) -> tuple[Example, ...]:
        """Reads a file; empty lines say nothing. See ``DatasetFormat``."""
        lines = enumerate(read_lines(file), start=1)
        return parse_examples(
            lines, file=file, schema=schema, group_by_text=options.group_by == "text", limit=limit
        )

    @classmethod
    def write(
        cls,
        examples: Sequence[Example],
        file: Path,
        *,
        schema: Schema | None = None,
        options: JsonlOptions = JsonlOptions(),  # noqa: B008 (frozen)
    ) -> None:
        """Writes a file; see ``DatasetFormat``."""
        lines = [json.dumps(_row(example), ensure_ascii=False) for example in examples]
        write_text(file, "".join(line + "\n" for line in lines))


def parse_examples(
    lines: Iterable[tuple[int, str]],
    *,
    file: Path,
    schema: Schema | None = None,
    group_by_text: bool = False,
    limit: int = PROBLEM_LIMIT,
) -> tuple[Example, ...]:
    """Reads numbered lines of this format, as they come from a stream; empty lines say nothing.

    Args:
        lines: Line numbers, from 1, and lines.
        file: Where they come from, for messages.
        schema: Where given, every label must be in it.
        group_by_text: Whether examples without a group are grouped by identical text.
        limit: How many problems are told in full.

    Raises:
        DataError: With every problem of these lines.
    """
    collector = Collector(file, schema, limit)
    for number, line in lines:
        if not line.strip():
            continue
        place = Place(number)
        try:
            row = _Row.model_validate(parse_json(line))
        except ValidationError as error:
            note_invalid(collector.log, error, place)
            continue
        except ValueError as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            fix = "write one JSON object per line"
            collector.log.add(f"not valid JSON: {reason}", fix, place=place)
            continue
        group = row.group
        if group is None and group_by_text:
            group = text_group(row.text)
        collector.add(
            place,
            id=str(row.id),
            text=row.text,
            head=Span(row.head.start, row.head.end, row.head.type, row.head.surface),
            tail=Span(row.tail.start, row.tail.end, row.tail.type, row.tail.surface),
            relation=row.relation,
            group=group,
            meta=row.meta,
        )
    return collector.finish()


def _row(example: Example) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": example.id,
        "text": example.text,
        "head": _mention(example.head),
        "tail": _mention(example.tail),
    }
    if example.relation is not None:
        row["relation"] = example.relation
    if example.group is not None:
        row["group"] = example.group
    if example.meta:
        row["meta"] = dict(example.meta)
    return row


def _mention(mention: Mention) -> dict[str, Any]:
    fields: dict[str, Any] = {"start": mention.start, "end": mention.end}
    if mention.type is not None:
        fields["type"] = mention.type
    return {**fields, "surface": mention.surface}
