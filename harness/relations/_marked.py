"""Marked text to spans and back: ``The <e1>cup</e1> broke.``"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from harness.relations._example import Example, Mention
from harness.relations._schema import Markers

__all__ = ["MarkFault", "MarkedText", "MarkedTextError", "parse_marked", "render_marked"]


class MarkFault(StrEnum):
    """What is wrong with a marked text."""

    MISSING = "marker_missing"
    DOUBLED = "marker_doubled"
    NESTED = "marker_nested"
    EMPTY = "span_empty"


class MarkedTextError(ValueError):
    """A marked text cannot be read.

    Args:
        fault: Which kind of fault.
        message: The fault in words.
    """

    def __init__(self, fault: MarkFault, message: str) -> None:
        super().__init__(message)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class MarkedText:
    """A text and the mentions that were marked in it.

    Attributes:
        text: The text without markers.
        head: The head's mention.
        tail: The tail's mention.
    """

    text: str
    head: Mention
    tail: Mention


def render_marked(example: Example, markers: Markers) -> str:
    """Writes an example's text with its arguments marked.

    A mention that lies inside the other is marked inside it. Mentions that cross are
    marked by their offsets, which no reader can undo.
    """
    head, tail = example.head, example.tail
    # At one offset: close before open; close the inner first, open the outer first. The sort
    # is stable, so that of two equal spans the tail is marked inside the head.
    cuts = sorted(
        [
            (tail.end, 0, -tail.start, f"</{markers.tail}>"),
            (head.end, 0, -head.start, f"</{markers.head}>"),
            (head.start, 1, -head.end, f"<{markers.head}>"),
            (tail.start, 1, -tail.end, f"<{markers.tail}>"),
        ],
        key=lambda cut: cut[:3],
    )
    parts, last = [], 0
    for offset, _, _, tag in cuts:
        parts += [example.text[last:offset], tag]
        last = offset
    return "".join([*parts, example.text[last:]])


def parse_marked(marked: str, markers: Markers) -> MarkedText:
    """Reads a text in which head and tail are marked once each.

    White space just inside a marker is left out of the span, and stays in the text.

    Raises:
        MarkedTextError: When a marker is missing, doubled or nested, or a span is empty.

    >>> parse_marked("The <e1>cup</e1> held <e2>tea</e2>.", Markers()).tail.surface
    'tea'
    """
    pattern = re.compile(f"<(/?)({re.escape(markers.head)}|{re.escape(markers.tail)})>")
    found = list(pattern.finditer(marked))
    for name in (markers.head, markers.tail):
        for slash in ("", "/"):
            count = sum(m[1] == slash and m[2] == name for m in found)
            if count == 0:
                raise MarkedTextError(MarkFault.MISSING, f"there is no <{slash}{name}>")
            if count > 1:
                raise MarkedTextError(MarkFault.DOUBLED, f"<{slash}{name}> stands {count} times")
    order = [(m[1], m[2]) for m in found]
    first, second = order[0][1], order[2][1]
    if order != [("", first), ("/", first), ("", second), ("/", second)]:
        raise MarkedTextError(
            MarkFault.NESTED, "the markers are nested, crossed or closed before they open"
        )
    text = pattern.sub("", marked)
    spans: dict[str, Mention] = {}
    removed = 0
    for opening, closing in ((found[0], found[1]), (found[2], found[3])):
        start = opening.start() - removed
        removed += len(opening[0])
        end = closing.start() - removed
        removed += len(closing[0])
        while start < end and text[start].isspace():
            start += 1
        while start < end and text[end - 1].isspace():
            end -= 1
        if start == end:
            raise MarkedTextError(MarkFault.EMPTY, f"<{opening[2]}> holds no text")
        spans[opening[2]] = Mention.of(text, start, end)
    return MarkedText(text=text, head=spans[markers.head], tail=spans[markers.tail])
