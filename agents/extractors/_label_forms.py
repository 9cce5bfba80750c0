"""The forms in which a schema's labels may be written, and where a text mentions them."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from harness.relations import Schema

__all__ = ["LabelForms", "Mentioned", "label_forms"]

_DASHES = "‐‑‒–—"
_SEPARATORS = re.compile(r"[\s_\-]+")
_DISTINCT = re.compile(rf"[_:/()\d\-{_DASHES}]")
_AROUND_PUNCTUATION = re.compile(r"_*([(),:/])_*")


@dataclass(frozen=True, slots=True)
class Mentioned:
    """Where a text mentions something that reads as a label.

    Attributes:
        start: Offset of the first character.
        end: Offset after the last character.
        label: The schema's label, where it is one; None where the direction is left out.
        relation: The relation that is named; None for the NA label.
        distinct: Whether its form (``born_in``, not ``born in``) tells it from ordinary words.
    """

    start: int
    end: int
    label: str | None
    relation: str | None
    distinct: bool

    @property
    def foreign(self) -> bool:
        """Whether it has the form of a label and is none of the schema's."""
        return self.label is None and self.relation is None


class LabelForms:
    """Finds a schema's labels in text, ignoring case and how their words are joined."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._labels: dict[str, set[str]] = defaultdict(set)
        for name in schema.label_names:
            self._labels[canonical(name)].add(name)
        self._relations: dict[str, str] = {}
        if schema.directed:
            self._relations = {canonical(r.name): r.name for r in schema.relations}
        for by_form in (self._labels, self._relations):
            by_form.pop("", None)  # a name of dashes alone has its own spelling only
        self._pattern = self._compile()

    def __contains__(self, text: str) -> bool:
        """Whether ``text`` is a label's exact spelling."""
        return text in self._schema

    def label(self, text: str) -> str | None:
        """The one label that ``text`` as a whole spells; None where none or several fit."""
        if text in self._schema:
            return text
        found = self._labels.get(canonical(text), set())
        return next(iter(found)) if len(found) == 1 else None

    def relation(self, text: str) -> str | None:
        """The relation that ``text`` names without a direction, in a directed schema."""
        return self._relations.get(canonical(text))

    def longer(self, label: str) -> bool:
        """Whether another label begins as this one does, so that a cut one may be either."""
        start = canonical(label)
        return any(c.startswith(start) and c != start for c in self._labels)

    def mentions(self, text: str) -> list[Mentioned]:
        """Everything in ``text`` that reads as a label, in order and without overlaps."""
        found = []
        for match in self._pattern.finditer(text):
            surface = match[0]
            label = self.label(surface)
            relation = (
                self.relation(surface) if label is None else self._schema.label(label).relation
            )
            foreign = label is None and relation is None
            if foreign and canonical(surface) in self._labels:
                continue  # several labels are spelt so; only the exact spelling names one
            found.append(
                Mentioned(
                    start=match.start(),
                    end=match.end(),
                    label=label,
                    relation=relation,
                    distinct=foreign or _DISTINCT.search(surface) is not None,
                )
            )
        return found

    def _compile(self) -> re.Pattern[str]:
        options = [_loose(name) for name in _longest_first(self._schema.label_names)]
        if self._schema.directed:
            # The form of a label, with a name or an order that the schema does not have.
            markers = self._schema.markers
            one = f"(?:{re.escape(markers.head)}|{re.escape(markers.tail)})"
            options.append(rf"\w[\w\-]*\s*\(\s*{one}\s*,\s*{one}\s*\)")
            options += [_loose(name) for name in _longest_first(self._relations.values())]
        # A longer word, path or hyphenated form around it is another word.
        joined = "|".join(options)
        pattern = rf"(?<![\w\-/])(?:{joined})(?:(?<=\))|(?!\w|[\-/:]\w))"
        return re.compile(pattern, re.IGNORECASE)


@lru_cache(maxsize=16)
def label_forms(schema: Schema) -> LabelForms:
    """The schema's label forms, made once."""
    return LabelForms(schema)


def canonical(text: str) -> str:
    """Folds case, and the ways in which a label's words are joined, into one form."""
    text = unicodedata.normalize("NFKC", text).casefold()
    for dash in _DASHES:
        text = text.replace(dash, "-")
    text = _SEPARATORS.sub("_", text)
    return _AROUND_PUNCTUATION.sub(r"\1", text).strip("_")


def _longest_first(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (-len(name), name))


def _loose(name: str) -> str:
    """A pattern for a name whose words may be joined by ``_``, ``-`` or white space."""
    parts = []
    for piece in re.findall(r"[\s_\-]+|[(),:/]|[^\s_\-(),:/]+", name):
        if re.fullmatch(r"[\s_\-]+", piece):
            parts.append(rf"[\s_\-{_DASHES}]+")
        elif piece in "(),:/":
            parts.append(r"\s*" + re.escape(piece) + ("" if piece == ")" else r"\s*"))
        else:
            parts.append(re.escape(piece))
    return "".join(parts)
