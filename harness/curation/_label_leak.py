"""The gate ``label_leak``: whether a sentence says the name of its own label."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

from pydantic import BaseModel

from harness.documents import FileModel
from harness.protocols import KEPT, GateContext, Judgement
from harness.relations import Example

__all__ = ["LabelLeak", "LabelLeakOptions"]

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PARTS = re.compile(r"[^\W_]+")


class LabelLeakOptions(FileModel):
    """Options of ``label_leak.v1``.

    Attributes:
        words: Whether the words of a name of several words, one after another, are a leak as
            well (``works for`` of ``works_for``). Off, since they may be how the language says it.
    """

    words: bool = False


class LabelLeak:
    """Rejects sentences in which the name of a label stands as the schema writes it.

    ``label_in_text`` for a name with something in it that no word has (``works_for``,
    ``Cause-Effect``, ``per:title``), whichever label it is; a name that is one plain word
    is never a leak. ``label_words_in_text`` for the words of the row's own label, if asked for.
    """

    name: ClassVar[str] = "label_leak.v1"
    summary: ClassVar[str] = "no sentence that says the name of a label"
    source: ClassVar[str] = "calldistil"
    Options: ClassVar[type[BaseModel]] = LabelLeakOptions
    uses_test: ClassVar[bool] = False
    noise: ClassVar[str | None] = None

    def __init__(self, *, context: GateContext, options: LabelLeakOptions) -> None:
        self._schema = context.schema
        self._options = options
        names = {
            name
            for label in context.schema.labels
            for name in (label.name, label.relation or label.name)
            if not name.isalnum() and len(_words(name)) > 1
        }
        longest_first = sorted(names, key=lambda name: (-len(name), name))
        names_ = "|".join(map(re.escape, longest_first))
        self._names = re.compile(rf"(?<!\w)(?:{names_})(?!\w)", re.IGNORECASE) if names_ else None

    def judge(self, *, rows: Sequence[Example]) -> tuple[Judgement, ...]:
        """Looks at each row by itself."""
        return tuple(self._of(row) for row in rows)

    def _of(self, row: Example) -> Judgement:
        if self._names is not None and (found := self._names.search(row.text)):
            return Judgement("label_in_text", found[0])
        label = row.relation
        if self._options.words and label in self._schema and label != self._schema.na_label:
            relation = self._schema.label(label or "").relation or ""
            wanted = _words(relation)
            written = [word.casefold() for word in _PARTS.findall(row.text)]
            if len(wanted) > 1 and any(
                written[at : at + len(wanted)] == wanted for at in range(len(written))
            ):
                return Judgement("label_words_in_text", " ".join(wanted))
        return KEPT


def _words(name: str) -> list[str]:
    """The words of a name, case folded."""
    return [word.casefold() for word in _PARTS.findall(_CAMEL.sub(" ", name))]
