"""The JSON format of FewRel."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.datasets._collector import Collector, Span, note_invalid, text_group
from harness.datasets._files import read_json, write_text
from harness.datasets._problems import PROBLEM_LIMIT, Place, ProblemLog, nearest
from harness.datasets._tokens import TokenError, TokenRange, join_tokens, split_text, token_range
from harness.documents import FileModel, ResolvedPath
from harness.errors import DataError, Problem
from harness.relations import Example, Schema

__all__ = ["FewRelFormat", "FewRelOptions"]

_Indexes = Annotated[list[int], Field(min_length=1)]
_Entity = tuple[str, str | None, Annotated[list[_Indexes], Field(min_length=1)]]


class FewRelOptions(FileModel):
    """Options of the format ``fewrel``.

    Attributes:
        names: ``pid2name.json``; labels are then names (``crosses``) in place of ids (``P177``).
        group_by: ``text`` gives examples of an identical sentence one group; ``none`` does not.
    """

    names: ResolvedPath | None = None
    group_by: Literal["text", "none"] = "text"


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid")

    tokens: list[str]
    h: _Entity
    t: _Entity
    id: str | None = None  # not in the official files; written where it says more than the order


class FewRelFormat:
    """A JSON object from relation id to a list of sentences with head and tail.

    An entity is ``[name, Wikidata id, [[token indexes], ...]]``; the first list of indexes is
    its mention. Ids are ``P177-0``, ``P177-1``, ... in the order of the file.
    """

    summary: ClassVar[str] = "JSON of FewRel, relations by Wikidata id or by name"
    source: ClassVar[str] = "Han et al. 2018, https://aclanthology.org/D18-1514"
    Options: ClassVar[type[FewRelOptions]] = FewRelOptions

    @classmethod
    def read(
        cls,
        file: Path,
        *,
        schema: Schema | None = None,
        options: FewRelOptions = FewRelOptions(),  # noqa: B008 (frozen)
        limit: int = PROBLEM_LIMIT,
    ) -> tuple[Example, ...]:
        """Reads a file; see ``DatasetFormat``."""
        collector = Collector(file, schema, limit)
        names = _names(options)
        content = read_json(file)
        if not isinstance(content, dict):
            fix = 'write it as {"P177": [...], ...}'
            collector.log.add("the file is not a JSON object from relation to list", fix)
            content = {}
        taken: dict[str, str] = {}
        for relation, items in content.items():
            place = Place(words=f"relation {relation!r}")
            if names is not None and relation not in names:
                fix = nearest(relation, names, cutoff=0.9)
                collector.log.add(f"{options.names} does not name it", fix, place=place)
                continue
            label = relation if names is None else names[relation]
            if (other := taken.setdefault(label, relation)) != relation:
                what = f"it has the name {label!r}, as {other!r} has"
                fix = "rename one of them, or leave out the option names"
                collector.log.add(what, fix, place=place)
                continue
            if not isinstance(items, list):
                collector.log.add("its value is not a list", "write [{...}, ...]", place=place)
                continue
            for index, item in enumerate(items):
                _collect(
                    relation,
                    index,
                    item,
                    collector,
                    label=label,
                    grouped=options.group_by == "text",
                )
        return collector.finish()

    @classmethod
    def write(
        cls,
        examples: Sequence[Example],
        file: Path,
        *,
        schema: Schema | None = None,
        options: FewRelOptions = FewRelOptions(),  # noqa: B008 (frozen)
    ) -> None:
        """Writes a file, relation by relation; a mention must begin and end with tokens.

        See ``DatasetFormat``. Entity types have no place in the format.
        """
        log = ProblemLog(file)
        names = _names(options)
        ids: dict[str, list[str]] | None = None
        if names is not None:
            ids = {}
            for pid, name in names.items():
                ids.setdefault(name, []).append(pid)
        content: dict[str, list[dict[str, Any]]] = {}
        for example in examples:
            place = Place(words=f"id {example.id!r}")
            if example.relation is None:
                log.add("an example without a relation", "label it, or write jsonl", place=place)
                continue
            if ids is not None and example.relation not in ids:
                fix = nearest(example.relation, ids)
                log.add(f"{options.names} lacks {example.relation!r}", fix, place=place)
                continue
            if ids is not None and len(ids[example.relation]) > 1:
                what = f"{options.names} gives the name {example.relation!r} twice"
                log.add(what, "rename one of them", place=place)
                continue
            relation = example.relation if ids is None else ids[example.relation][0]
            rows = content.setdefault(relation, [])
            row: dict[str, Any] = {"tokens": split_text(example.text)}
            for key, mention in (("h", example.head), ("t", example.tail)):
                try:
                    tokens = token_range(example.text, mention)
                except TokenError as error:
                    log.add(f"{key}: {error}", "write it as jsonl", place=place)
                    continue
                name = example.meta.get(f"{key}_name", mention.surface)
                indexes = list(range(tokens.first, tokens.last + 1))
                row[key] = [name, example.meta.get(f"{key}_id"), [indexes]]
            if example.id != f"{relation}-{len(rows)}":
                row["id"] = example.id
            rows.append(row)
        log.raise_if_any()
        write_text(file, json.dumps(content, ensure_ascii=False) + "\n")


def _collect(
    relation: str, index: int, item: object, collector: Collector, *, label: str, grouped: bool
) -> None:
    place = Place(words=f"relation {relation!r}, item {index + 1}")
    try:
        row = _Row.model_validate(item)
    except ValidationError as error:
        note_invalid(collector.log, error, place)
        return
    joined = join_tokens(row.tokens)
    spans = []
    meta: dict[str, str] = {}
    for key, (name, wikidata, mentions) in (("h", row.h), ("t", row.t)):
        indexes = mentions[0]
        meta[f"{key}_name"] = name
        if wikidata is not None:
            meta[f"{key}_id"] = wikidata
        if indexes != list(range(indexes[0], indexes[0] + len(indexes))):
            fix = "list neighbouring tokens, first to last"
            collector.log.add(f"{key}: the token indexes {indexes} have gaps", fix, place=place)
            continue
        try:
            start, end = joined.characters(TokenRange(indexes[0], indexes[-1]))
            spans.append(Span(start, end))
        except TokenError as error:
            collector.log.add(f"{key}: {error}", "mend the token indexes", place=place)
    if len(spans) == 2:
        collector.add(
            place,
            id=row.id if row.id is not None else f"{relation}-{index}",
            text=joined.text,
            head=spans[0],
            tail=spans[1],
            relation=label,
            group=text_group(joined.text) if grouped else None,
            meta=meta,
        )


def _names(options: FewRelOptions) -> Mapping[str, str] | None:
    """Relation id to name; the official file gives a few names twice."""
    if options.names is None:
        return None
    content = read_json(options.names)
    names: dict[str, str] = {}
    entries = content.items() if isinstance(content, dict) else [("", None)]
    for pid, value in entries:
        name = value[0] if isinstance(value, list) and value else value
        if not isinstance(name, str) or not name.strip():
            what = f"{pid!r} has no name"
            fix = 'write {"P177": ["crosses", "description"], ...}'
            raise DataError([Problem(what, fix, options.names)])
        names[pid] = name
    return names
