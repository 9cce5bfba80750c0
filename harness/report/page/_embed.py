"""JSON inside a page, where no text can end the element that holds it."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["embedded"]

_UNSAFE = {
    "<": "\\u003c",  # </script>, <!--
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",  # line ends to older readers of JavaScript
    "\u2029": "\\u2029",
}


def embedded(value: Any) -> str:
    r"""A value as JSON that is safe inside ``<script type="application/json">``.

    >>> embedded({"a": "</script><script>"})
    '{"a":"\\u003c/script\\u003e\\u003cscript\\u003e"}'
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character, code in _UNSAFE.items():
        text = text.replace(character, code)
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
