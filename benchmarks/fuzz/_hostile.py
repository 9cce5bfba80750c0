"""Bytes and values that readers dislike."""

from __future__ import annotations

from typing import Any

__all__ = ["TEXTS", "TOKENS", "VALUES"]


def _nested(depth: int) -> Any:
    made: Any = 1
    for _ in range(depth):
        made = [made]
    return made


TEXTS = (
    "",
    " ",
    "\x00",
    "a\x00b",
    "\ud800",
    "\udc80x",
    "\u202eevil\u202c",
    "\u2066\u0627\u0644\u0639\u0631\u0628\u064a\u0629\u2069",
    "e\u0301\u0323\u0345",
    "\ufeff",
    "\u2028",
    "\x85",
    "\x1b[2J\x1b]0;title\x07",
    "\U0001f469\u200d\U0001f52c",
    "=1+1",
    "<script>alert(1)</script>",
    "</h><h>",
    "../../../etc/passwd",
    "%s{0}${HOME}{{7*7}}",
    "NaN",
    "1e999",
    "9" * 5000,
    "x" * 5000,
    "none",
)
"""Texts with null bytes, lone surrogates, bidirectional and combining characters, markup, ..."""

VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    -0.0,
    1e308,
    float("inf"),
    float("nan"),
    2**31,
    2**63,
    10**400,
    -(10**25),
    [],
    {},
    [[]],
    {"": None},
    ["x"] * 300,
    _nested(60),
    _nested(400),
    *TEXTS,
)
"""JSON values of the wrong kind, size or depth."""

TOKENS: tuple[bytes, ...] = (
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"\r",
    b"\n",
    b"\r\n",
    b"\t",
    b'"',
    b"'",
    b"\\",
    b"\\ud800",
    b"\\u0000",
    b"[" * 3000,
    b'{"a":' * 3000,
    b"9" * 5000,
    b"1e999",
    b"-1",
    b"NaN",
    b"Infinity",
    b"null",
    b"true",
    b"&a [*a]",
    b"!!python/object/apply:os.system [ls]",
    b"<<: *x",
    b"${HOME}",
    b"<e1>",
    b"</e1>",
    b"<h>",
    b"</t>",
    b",",
    b":",
    b"- ",
    b"\xe2\x80\xae",
    b"\xcc\x81",
    b"\xe2\x80\xa8",
    b"<think>",
    b"```json\n",
    b"\x1b[2J",
    b"=cmd|' /C calc'!A0",
    b"\x1e",
)
"""Bytes for mutations, and the dictionary of the coverage-guided engine."""
