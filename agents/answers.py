"""What an answer holds once the reasoning before it is left out: text, JSON, strings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agents.reasoning import visible_answer
from harness.protocols import Completion

__all__ = ["first_object", "strings", "visible"]


def visible(completion: Completion) -> str:
    """The answer without reasoning and white space around it."""
    return visible_answer(completion.text).text.strip()


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
