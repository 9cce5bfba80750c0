"""The written lines of an answer, without what stands around a sample."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.relations import Schema

__all__ = ["LineReader", "WrittenLine", "list_mark_off", "unquoted", "written_lines"]

_LIST_MARK = re.compile(r"^(?:[-*•–+]\s+|[\[(]?#?\d{1,3}[.):\]]+\s+)")
_QUOTES = {'"': '"', "“": "”", "«": "»"}


@dataclass(frozen=True, slots=True)
class WrittenLine:
    """A line as a sample.

    Attributes:
        marked: The marked sentence, without list mark, label and quotes around it.
        label: The label that the line names beside the sentence, if any.
    """

    marked: str
    label: str | None = None


def written_lines(text: str) -> list[str]:
    """The lines that are not blank, without outer white space."""
    # Not splitlines: a sentence may hold a character such as U+2028.
    return [line.strip() for line in re.split(r"\r\n|\n|\r", text) if line.strip()]


def list_mark_off(line: str) -> str:
    """The line without numbering or bullet."""
    return _LIST_MARK.sub("", line, count=1)


class LineReader:
    """Takes a sample out of its line, for the labels of one schema."""

    def __init__(self, schema: Schema) -> None:
        names = sorted(schema.label_names, key=lambda name: (-len(name), name))
        label = "|".join(map(re.escape, names))
        self._before = re.compile(
            rf"^[\[(]?({label})(?:[\])]\s*(?::|\||->|→|=>|[-–—]\s)?|\s*(?::|\||->|→|=>|\s[-–—]\s))\s*"
        )
        self._after = re.compile(rf"\s*(?:[\[(]({label})[\])]|(?:\||->|→|=>)\s*({label}))\s*$")

    def read(self, line: str) -> WrittenLine:
        """Leaves out numbering or bullet, a label named before or after, and quotes."""
        text = list_mark_off(line)
        label = None
        if before := self._before.match(text):
            label, text = before[1], text[before.end() :]
        elif after := self._after.search(text):
            label, text = after[1] or after[2], text[: after.start()]
        return WrittenLine(marked=unquoted(text.strip()), label=label)


def unquoted(text: str) -> str:
    """Leaves out quotes that stand around the whole and nowhere inside."""
    closing = _QUOTES.get(text[:1])
    if closing is None or len(text) < 2 or not text.endswith(closing):
        return text
    inner = text[1:-1]
    return text if closing in inner or text[0] in inner else inner.strip()
