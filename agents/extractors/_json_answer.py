"""The JSON objects of an answer, alone, fenced or inside prose."""

from __future__ import annotations

import json

__all__ = ["json_values"]

_KEYS = ("relation", "relation_type", "label", "answer")
_MOST_IN_VAIN = 1_000_000
_TOO_DEEP = 20_000
"""Characters that are read in vain before the rest is left: braces that are opened by the thousand
would each be followed to the end. No answer that says something comes near."""


def json_values(text: str) -> tuple[object, ...]:
    """The value that each JSON object gives for the relation, in order.

    It stands under ``relation``, else ``relation_type``, ``label`` or ``answer``. Objects
    without such a key, and braces that open no JSON, are passed over.
    """
    values: list[object] = []
    decoder = json.JSONDecoder(object_pairs_hook=_pairs, strict=False)
    at = in_vain = 0
    while in_vain < _MOST_IN_VAIN and (at := text.find("{", at)) != -1:
        try:
            found, end = decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            in_vain += error.pos - at
            at += 1
            continue
        except (ValueError, RecursionError):
            in_vain += _TOO_DEEP
            at += 1
            continue
        at = end
        if isinstance(found, _Object):
            values += found.values
    return tuple(values)


class _Object:
    def __init__(self, values: list[object]) -> None:
        self.values = values


def _pairs(pairs: list[tuple[str, object]]) -> _Object:
    for wanted in _KEYS:
        if values := [value for key, value in pairs if key.strip().casefold() == wanted]:
            return _Object(values)
    nested = [v for _, value in pairs if isinstance(value, _Object) for v in value.values]
    return _Object(nested)
