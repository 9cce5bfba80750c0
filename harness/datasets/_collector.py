"""Builds examples from the records of a file and notes what is wrong with each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from harness.datasets._problems import PROBLEM_LIMIT, Place, ProblemLog, nearest
from harness.relations import Example, Mention, Schema, SpanError

__all__ = ["Collector", "Span", "check_labels", "note_invalid", "text_group"]


@dataclass(frozen=True, slots=True)
class Span:
    """A mention as a file gives it: half-open character offsets, not yet checked.

    Attributes:
        start: Offset of the first character.
        end: Offset after the last character.
        type: Entity type, where given.
        surface: What the file says stands there, where it says so.
    """

    start: int
    end: int
    type: str | None = None
    surface: str | None = None


def text_group(text: str) -> str:
    """The group that examples of an identical sentence share, in one file and across files."""
    return "text-" + hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(slots=True)
class Collector:
    """Gathers the examples and the problems of one file.

    Attributes:
        file: The file, for messages.
        schema: Where given, every label must be in it.
        limit: How many problems are told in full.
    """

    file: Path
    schema: Schema | None = None
    limit: int = PROBLEM_LIMIT
    log: ProblemLog = field(init=False)
    examples: list[Example] = field(default_factory=list)
    _places: dict[str, Place] = field(default_factory=dict)
    _unlabelled: list[Place] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.log = ProblemLog(self.file, self.limit)

    def add(
        self,
        place: Place,
        *,
        id: str,
        text: str,
        head: Span,
        tail: Span,
        relation: str | None = None,
        group: str | None = None,
        meta: Mapping[str, str] | None = None,
    ) -> None:
        """Takes up one record, or notes what is wrong with it."""
        if not id.strip():
            self.log.add("the id is empty", "give every example an id", place=place)
            return
        if "\0" in text:
            self.log.add("the text holds a null character", "remove it", place=place)
            return
        if id in self._places:
            first = self._places[id]
            seen = f"line {first.line}" if first.line is not None else first.words
            self.log.add(
                f"the id {id!r} stands twice, first at {seen}", "ids must differ", place=place
            )
            return
        self._places[id] = place
        mentions = []
        for role, span in (("head", head), ("tail", tail)):
            try:
                mentions.append(_mention(text, span))
            except SpanError as error:
                self.log.add(f"{role}: {error}", "mend the offsets or the text", place=place)
        if relation is None:
            self._unlabelled.append(place)
        elif (problem := _label_problem(relation, self.schema)) is not None:
            self.log.add(*problem, place=place)
        if len(mentions) < 2:
            return
        self.examples.append(
            Example(id, text, mentions[0], mentions[1], relation, group, dict(meta or {}))
        )

    def refuse_mixed_labels(self) -> None:
        """Notes records without a label in a file whose other records have one."""
        if len(self._unlabelled) < len(self._places):
            for place in self._unlabelled:
                self.log.add(
                    "there is no relation here, though other examples have one",
                    "label it, or remove all labels",
                    place=place,
                )

    def finish(self) -> tuple[Example, ...]:
        """The examples, in the file's order.

        Raises:
            DataError: When a problem was noted.
        """
        self.log.raise_if_any()
        return tuple(self.examples)


def check_labels(
    examples: Sequence[Example], *, schema: Schema, file: Path, limit: int = PROBLEM_LIMIT
) -> None:
    """Checks that every label is in the schema.

    Raises:
        DataError: With each example whose label is not, and the nearest name.
    """
    log = ProblemLog(file, limit)
    for example in examples:
        if example.relation is not None:
            problem = _label_problem(example.relation, schema)
            if problem is not None:
                log.add(*problem, place=Place(words=f"id {example.id!r}"))
    log.raise_if_any()


def note_invalid(log: ProblemLog, error: ValidationError, place: Place) -> None:
    """Notes what pydantic found in one record."""
    for detail in error.errors(include_url=False, include_input=False):
        dotted = ".".join(str(part) for part in detail["loc"]) or "the record"
        message = detail["msg"].removeprefix("Value error, ")
        fix = "mend the value"
        if detail["type"] == "extra_forbidden":
            message, fix = "is not a known key", "correct its spelling, or move it into meta"
        elif detail["type"] == "missing":
            message, fix = "is missing", "add it"
        elif detail["type"] in ("model_type", "dict_type"):
            message, fix = "is not a JSON object", "write it as {...}"
        log.add(f"{dotted}: {message}", fix, place=place)


def _mention(text: str, span: Span) -> Mention:
    if span.end > len(text):
        raise SpanError(f"[{span.start}, {span.end}) ends after the text's {len(text)} characters")
    mention = Mention.of(text, span.start, span.end, span.type)
    if span.surface is not None and span.surface != mention.surface:
        raise SpanError(
            f"[{span.start}, {span.end}) holds {mention.surface!r}, not {span.surface!r}"
        )
    return mention


def _label_problem(relation: str, schema: Schema | None) -> tuple[str, str] | None:
    if not relation.strip():
        return "the relation is empty", "name a label, or leave it out"
    if schema is not None and relation not in schema:
        return (
            f"the relation {relation!r} is not in the schema {schema.name!r}",
            nearest(relation, schema.label_names),
        )
    return None
