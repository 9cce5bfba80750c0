"""What an answer holds once reasoning, refusals and cut answers are told apart."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agents.extractors._free_text import is_refusal
from agents.reasoning import visible_answer
from harness.protocols import Completion, FinishReason
from harness.relations import Outcome

__all__ = ["fault_of", "first_object", "strings", "visible"]


def visible(completion: Completion) -> str:
    """The answer without reasoning and white space around it."""
    return visible_answer(completion.text).text.strip()


def fault_of(completion: Completion) -> Outcome:
    """Which kind of fault an answer has from which nothing could be read."""
    if completion.finish is FinishReason.REFUSAL:
        return Outcome.REFUSED
    if completion.finish is FinishReason.LENGTH:
        return Outcome.CUT_OFF
    found = visible_answer(completion.text)
    if not found.reasoning_ended:
        return Outcome.CUT_OFF
    if not found.text.strip():
        return Outcome.EMPTY
    return Outcome.REFUSED if is_refusal(found.text) else Outcome.INVALID_LABEL


def first_object(completion: Completion) -> Mapping[str, Any]:
    """The first JSON object of an answer, alone, fenced or in prose; empty where there is none."""
    text = visible(completion)
    decoder = json.JSONDecoder(strict=False)
    at = 0
    while (at := text.find("{", at)) != -1:
        try:
            found, _ = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            at += 1
            continue
        if isinstance(found, dict):
            return {str(key).strip().casefold(): value for key, value in found.items()}
        at += 1
    return {}


def strings(value: object) -> tuple[str, ...]:
    """The strings of a JSON list, or a single string as one; anything else is left out."""
    items = value if isinstance(value, list) else [value]
    return tuple(item.strip() for item in items if isinstance(item, str) and item.strip())
