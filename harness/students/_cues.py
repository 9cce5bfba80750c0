"""Cues of the linear student: what a pattern matcher would look at, as strings.

The feature families follow the classical feature-based systems: words of and between the
mentions, their neighbours, their order and distance (Zhou et al. 2005, "Exploring Various
Knowledge in Relation Extraction", section 4; Rink and Harabagiu 2010 for SemEval).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.relations import Example, Mention

__all__ = ["cues_of"]

_WORD = re.compile(r"\w+|[^\w\s]")
_NEIGHBOURS = 3
_LONGEST = 3
_FAR = 30


def cues_of(example: Example, *, typed: bool) -> list[str]:
    """Distinct cues of an example, in a fixed order.

    Args:
        example: The sentence.
        typed: Whether entity types are among the cues.
    """
    return list(dict.fromkeys(_cues(example, typed)))


def _cues(example: Example, typed: bool) -> Iterator[str]:
    text, head, tail = example.text, example.head, example.tail
    first, second = (head, tail) if head.start <= tail.start else (tail, head)
    # Which argument comes first is part of every contextual cue: direction hangs on it.
    order = ">" if first is head else "<"
    between = _words(text[first.end : max(first.end, second.start)])
    before = _words(text[: first.start])
    after = _words(text[max(first.end, second.end) :])

    yield f"order{order}"
    yield f"distance{order}{min(len(between), _FAR).bit_length()}"
    yield f"all{order}{' '.join(between[:8])}"
    for size in range(1, _LONGEST + 1):
        for gram in _grams(between, size):
            yield f"between{order}{gram}"
    for size in range(1, _NEIGHBOURS + 1):
        yield f"before{order}{' '.join(before[-size:])}"
        yield f"after{order}{' '.join(after[:size])}"
    for word in (*before, *after):
        yield f"outside:{word}"
    for role, mention in (("head", head), ("tail", tail)):
        yield from _mention_cues(role, mention)
    if typed:
        yield f"types:{head.type}|{tail.type}"
        yield f"head_type:{head.type}"
        yield f"tail_type:{tail.type}"


def _mention_cues(role: str, mention: Mention) -> Iterator[str]:
    words = _words(mention.surface)
    for word in words:
        yield f"{role}:{word}"
    last = words[-1] if words else ""
    yield f"{role}_last:{last}"
    for size in (2, 3, 4):
        yield f"{role}_suffix:{last[-size:]}"
    yield f"{role}_upper:{mention.surface[:1].isupper()}"


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _grams(words: list[str], size: int) -> Iterator[str]:
    for i in range(len(words) - size + 1):
        yield " ".join(words[i : i + size])
