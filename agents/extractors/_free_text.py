"""Labels in free text: what is stated, what is mentioned, and what is ordinary words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from agents.extractors._label_forms import LabelForms, Mentioned

__all__ = ["FreeText", "Reading", "is_refusal", "read_free_text", "unwrapped"]

# Around a label: quotes, emphasis, brackets of a list.
_WRAPPING = "\"'`*“”‘’«»"
_BEFORE = 400  # characters looked back for "the relation between ... is"; bounds the time

_STATED = re.compile(
    r"(?:\b(?:relation(?:ship)?|label|answer)(?:[\s_]+type)?\b(?:(?!\n\s*\n).)*\b(?:is|be|(?<!such\s)as)"
    r"|\b(?:relation(?:ship)?(?:[\s_]+type)?|label|answer)\s*[\"'*`]*\s*(?=[:=]))"
    r"[\s:=]*[\"'`*“‘]*\s*$",
    re.IGNORECASE | re.DOTALL,
)
_NEGATED = re.compile(
    r"(?:\b(?:not|neither|nor|instead\s+of|rather\s+than|unlike|except)|n['’]t)"
    r"(?:\s+(?:be|a|an|the|as|of|by|case|example|label|relation))*\s*[\"'`*“‘]*\s*$",
    re.IGNORECASE,
)
_JOINED = re.compile(r"[\s\"'`*“”‘’]*(?:[,;/|&+]|\band\b|\bor\b)?[\s\"'`*“”‘’]*", re.IGNORECASE)
_REFUSAL = re.compile(
    r"\b(?:I|we)\s*(?:['’]m|am|are)?\s*(?:(?:very\s+)?sorry|apologi[sz]e)\b"
    r"|\b(?:I|we)\s+(?:cannot|can\s*not|can['’]t|could\s+not|couldn['’]t|won['’]t|will\s+not"
    r"|am\s+not\s+able|am\s+unable|are\s+unable|do\s+not|don['’]t)\b"
    r"|\bI['’]m\s+(?:unable|not\s+able)\b|\bas\s+an?\s+(?:AI|language\s+model)\b",
    re.IGNORECASE,
)


class Reading(StrEnum):
    """What free text says."""

    STATED = "stated"
    MENTIONED = "mentioned"
    SEVERAL = "several"
    DIRECTION_MISSING = "direction_missing"
    FOREIGN = "foreign"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class FreeText:
    """How free text was read; ``label`` is set if it is stated or mentioned."""

    reading: Reading
    label: str | None = None


def read_free_text(text: str, forms: LabelForms) -> FreeText:
    """Reads the one label that a text states or, failing that, mentions."""
    stated: list[Mentioned] = []
    counted: list[Mentioned] = []
    previous: Mentioned | None = None
    for mention in forms.mentions(text):
        before = text[max(0, mention.start - _BEFORE) : mention.start]
        if _NEGATED.search(before):
            previous = None
            continue
        # What is joined to a statement ("is A or B") is stated as well.
        joined = (
            previous is not None
            and stated[-1:] == [previous]
            and _JOINED.fullmatch(text, previous.end, mention.start) is not None
        )
        is_stated = joined or _STATED.search(before) is not None
        if is_stated:
            stated.append(mention)
        if is_stated or mention.distinct or _stands_out(text, mention):
            counted.append(mention)
            previous = mention
    if any(item.foreign for item in counted) or _lists_unknown(text, forms):
        counted_one = None
    else:
        counted_one = _one_of(counted, Reading.MENTIONED)
    return _one_of(stated, Reading.STATED) or counted_one or _several(counted)


def unwrapped(text: str) -> str:
    """The text without the list mark, quotes, emphasis and final stop around it."""
    text = re.sub(r"^\s*(?:[-•]\s+|```\w*\s)", "", text)
    text = re.sub(r"\s*```\s*$", "", text)
    while (bare := text.strip().strip(_WRAPPING).rstrip(".,;:")) != text:
        text = bare
    return text


def is_refusal(text: str) -> bool:
    """Whether the text says that its writer will not or cannot answer."""
    return _REFUSAL.search(text) is not None


def _stands_out(text: str, mention: Mentioned) -> bool:
    """Whether ordinary words are quoted, or an item of a list of short items."""
    before, after = text[: mention.start], text[mention.end :]
    if before[-1:] and before[-1] in _WRAPPING and after[:1] and after[0] in _WRAPPING:
        return True
    if re.search(r"(?:^|[\n,;|])\s*$", before) is None:
        return False
    if re.match(r"\s*\.?\s*(?:$|[\n,;|])", after) is None:
        return False
    line = before.rpartition("\n")[2] + text[mention.start : mention.end] + after.partition("\n")[0]
    return all(len(item.split()) <= 3 for item in re.split(r"[,;|]", line))


def _lists_unknown(text: str, forms: LabelForms) -> bool:
    """Whether the text is a list of short items, one of which is no label."""
    if "\n" in text:
        return False
    items = [item for item in re.split(r"[,;|](?![^(]*\))", text) if item.strip()]
    if len(items) < 2 or any(len(item.split()) > 2 for item in items):
        return False
    return any(not forms.mentions(item) for item in items)


def _one_of(mentions: list[Mentioned], reading: Reading) -> FreeText | None:
    """The label, if all mentions agree on one; a bare relation agrees with its directed label."""
    if any(mention.foreign for mention in mentions):
        return None
    labels = {(m.label, m.relation) for m in mentions if m.label is not None}
    bare = {m.relation for m in mentions if m.label is None}
    if len(labels) == 1:
        ((label, relation),) = labels
        return FreeText(reading, label) if bare <= {relation} else None
    if not labels and len(bare) == 1 and reading is Reading.MENTIONED:
        return FreeText(Reading.DIRECTION_MISSING)
    return None


def _several(mentions: list[Mentioned]) -> FreeText:
    if not mentions:
        return FreeText(Reading.NOTHING)
    if all(mention.foreign for mention in mentions):
        return FreeText(Reading.FOREIGN)
    return FreeText(Reading.SEVERAL)
