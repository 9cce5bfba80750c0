"""The gate ``spans``: whether the marked mentions can be those of a sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar, Self

from pydantic import BaseModel, Field, model_validator

from harness.documents import FileModel
from harness.protocols import KEPT, GateContext, Judgement
from harness.relations import Example, Mention

__all__ = ["Spans", "SpansOptions"]


class SpansOptions(FileModel):
    """Options of ``spans.v1``.

    Attributes:
        min_words: Fewest words of a sentence.
        max_words: Most words of a sentence.
        max_mention_words: Most words of a mention.
        whole_words: Whether a mention must begin and end where a word does.
    """

    min_words: int = Field(default=3, ge=1)
    max_words: int = Field(default=150, ge=1)
    max_mention_words: int = Field(default=12, ge=1)
    whole_words: bool = True

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min_words > self.max_words:
            raise ValueError("min_words must not exceed max_words")
        return self


class Spans:
    """Rejects rows whose mentions overlap, cut a word or are far too long, and broken sentences.

    What could not be read at all was rejected when the answer was read; this gate looks at rows
    of any source. Reasons: ``mentions_overlap``, ``inside_a_word``, ``mention_too_long``,
    ``marker_left_over``, ``too_short``, ``too_long``.
    """

    name: ClassVar[str] = "spans.v1"
    summary: ClassVar[str] = "mentions apart, on whole words and of sane length; no markers left"
    source: ClassVar[str] = "calldistil"
    Options: ClassVar[type[BaseModel]] = SpansOptions
    uses_test: ClassVar[bool] = False
    noise: ClassVar[str | None] = None

    def __init__(self, *, context: GateContext, options: SpansOptions) -> None:
        self._options = options
        names = "|".join(re.escape(n) for n in (context.schema.markers.head,
                                                context.schema.markers.tail))  # fmt: skip
        self._marker = re.compile(rf"<\s*/?\s*(?:{names})\s*/?\s*>", re.IGNORECASE)

    def judge(self, *, rows: Sequence[Example]) -> tuple[Judgement, ...]:
        """Looks at each row by itself."""
        return tuple(self._of(row) for row in rows)

    def _of(self, row: Example) -> Judgement:
        options = self._options
        words = len(row.text.split())
        if row.head.overlaps(row.tail):
            return Judgement("mentions_overlap", f"{row.head.surface!r}, {row.tail.surface!r}")
        if found := self._marker.search(row.text):
            return Judgement("marker_left_over", found[0])
        for mention in (row.head, row.tail):
            if options.whole_words and _cuts_a_word(row.text, mention):
                return Judgement("inside_a_word", mention.surface)
            if len(mention.surface.split()) > options.max_mention_words:
                return Judgement("mention_too_long", mention.surface)
        if words < options.min_words:
            return Judgement("too_short", f"{words} words")
        if words > options.max_words:
            return Judgement("too_long", f"{words} words")
        return KEPT


def _cuts_a_word(text: str, mention: Mention) -> bool:
    before = text[mention.start - 1 : mention.start + 1] if mention.start else ""
    after = text[mention.end - 1 : mention.end + 1]
    return any(len(pair) == 2 and pair.isalnum() for pair in (before, after))
