"""Samples in named fields: ``Context: ... Head Entity: ... Head Type: ... Tail Entity: ...``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from agents.generators._reader import argument_types
from agents.generators._rejects import RejectedError, RejectReason
from agents.generators._samples import unquoted, written_lines
from harness.relations import Example, Mention, Schema

__all__ = ["RecordReader", "written_record", "written_records"]

# In small letters a word may belong to a sentence: "in this context: ...".
_NAMES = ("Relation", "RELATION", "Context", "CONTEXT", "(?i:(?:head|tail)[ _](?:entity|type))")
_FIELD = re.compile(rf"(?<!\w)[*_`\"]*({'|'.join(_NAMES)})[*_`\"]*\s*:[*_`]*")
_AROUND = ' \t*`"“”'


def written_record(example: Example, *, relation: str | None = None, typed: bool = True) -> str:
    """An example in named fields, on one line.

    Args:
        example: The example.
        relation: Where given, the record begins with it.
        typed: Whether the entity types are written; ``MISC`` stands for one that is not known.
    """
    parts = [] if relation is None else [f"Relation: {relation}."]
    parts.append(f"Context: {' '.join(example.text.split())}")
    for role, mention in (("Head", example.head), ("Tail", example.tail)):
        parts.append(f"{role} Entity: {' '.join(mention.surface.split())}.")
        if typed:
            parts.append(f"{role} Type: {mention.type or 'MISC'}.")
    return " ".join(parts)


def written_records(text: str) -> list[str]:
    """The records of an answer, in one line or with a line per field.

    Every line that is not blank is in exactly one of them: one without any field is a record of
    its own, which no reader keeps.
    """
    records: list[list[str]] = []
    fields: set[str] = set()  # of the last record; empty where nothing may join it
    for line in written_lines(text):
        names = [_name(match) for match in _FIELD.finditer(line)]
        if not names or not fields or fields & set(names):
            records.append([line])
            fields = set(names)
        else:
            records[-1].append(line)
            fields |= set(names)
    return ["\n".join(lines) for lines in records]


@dataclass(frozen=True)
class RecordReader:
    """Reads records as examples of one schema.

    Attributes:
        schema: The relation schema.
        entity_types: The closed list of types; empty where records carry none.
    """

    schema: Schema
    entity_types: tuple[str, ...] = ()

    def example(self, record: str, label: str, id: str) -> Example:
        """Reads one record; the types are those that are written, head's and tail's each.

        An argument is looked for as a whole word, as it is written and then ignoring case; of
        several places the first is taken at which head and tail do not overlap.

        Raises:
            RejectedError: When it is no sample of the label.
        """
        fields = _fields(record)
        if not fields:
            raise RejectedError(RejectReason.MALFORMED)
        needed = ["context", "head entity", "tail entity"]
        needed += ["head type", "tail type"] if self.entity_types else []
        if any(not fields.get(name) for name in needed):
            raise RejectedError(RejectReason.FIELD_MISSING)
        named = fields.get("relation")
        if named is not None and _plain(named) != _plain(label):
            raise RejectedError(RejectReason.WRONG_LABEL)
        types = [self._type(fields.get(f"{role} type")) for role in ("head", "tail")]
        text = fields["context"]
        heads = _places(text, fields["head entity"])
        tails = _places(text, fields["tail entity"])
        if not heads:
            raise RejectedError(RejectReason.HEAD_NOT_IN_TEXT)
        if not tails:
            raise RejectedError(RejectReason.TAIL_NOT_IN_TEXT)
        for head in heads:
            for tail in tails:
                found = Mention.of(text, *head, types[0]), Mention.of(text, *tail, types[1])
                if not found[0].overlaps(found[1]):
                    return self._labelled(id, text, found, label)
        raise RejectedError(RejectReason.ARGUMENTS_OVERLAP)

    def _labelled(self, id: str, text: str, found: tuple[Mention, Mention], label: str) -> Example:
        only = [t[0] if len(t) == 1 else None for t in argument_types(self.schema, label)]
        head, tail = (
            Mention(m.start, m.end, m.surface, m.type or known)
            for m, known in zip(found, only, strict=True)
        )
        return Example(id=id, text=text, head=head, tail=tail, relation=label)

    def _type(self, written: str | None) -> str | None:
        if not self.entity_types:
            return None
        by_plain = {_plain(name): name for name in self.entity_types}
        if (found := by_plain.get(_plain(written or ""))) is None:
            raise RejectedError(RejectReason.TYPE_UNKNOWN)
        return found


def _fields(record: str) -> Mapping[str, str]:
    """The value of each field; of a field that stands twice, the first."""
    matches = list(_FIELD.finditer(record))
    values: dict[str, str] = {}
    for match, following in zip_longest(matches, matches[1:]):
        end = len(record) if following is None else following.start()
        value = " ".join(record[match.end() : end].split())
        name = _name(match)
        if name == "context":  # a sentence keeps its full stop
            value = unquoted(value.strip(" *`"))
        else:
            value = value.strip(_AROUND).removesuffix(".").strip(_AROUND)
        values.setdefault(name, value)
    return values


def _name(match: re.Match[str]) -> str:
    return match[1].casefold().replace("_", " ")


def _plain(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").split())


def _places(text: str, surface: str) -> Sequence[tuple[int, int]]:
    """Where a surface stands as whole words, exactly or else ignoring case."""
    for flags in (0, re.IGNORECASE):
        pattern = re.compile(rf"(?<!\w){re.escape(surface)}(?!\w)", flags)
        if found := list(_spans(pattern, text)):
            return found
    return ()


def _spans(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
    return ((match.start(), match.end()) for match in pattern.finditer(text))
