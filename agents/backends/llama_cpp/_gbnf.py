"""Reads grammars that allow finitely many answers."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable

__all__ = ["finite_language"]

_MOST = 4096
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "[": "[", "]": "]"}
_TOKEN = re.compile(
    r"""
      (?P<space>(?:[ \t]|\#[^\n]*)+)
    | (?P<line>\r?\n)
    | (?P<define>::=)
    | (?P<literal>"(?:[^"\\\n]|\\.)*")
    | (?P<set>\[\^?(?:[^\]\\\n]|\\.)*\])
    | (?P<name>[A-Za-z0-9-]+)
    | (?P<count>\{\d+(?:,\d*)?\})
    | (?P<sign>[()|?*+])
    """,
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))")


class _NotFiniteError(Exception):
    pass


def finite_language(grammar: str) -> tuple[str, ...] | None:
    """Every text that a GBNF grammar allows, in its order; None where they are too many.

    None also for what this reader does not know: llama.cpp then has the word.

    >>> finite_language('root ::= "a" ("b" | tail)?\\ntail ::= [xy]')
    ('a', 'ab', 'ax', 'ay')
    >>> finite_language("root ::= [a-z]*") is None
    True
    """
    try:
        return tuple(_Reader(grammar).rule("root"))
    except (_NotFiniteError, RecursionError):
        return None


class _Reader:
    def __init__(self, grammar: str) -> None:
        self._tokens = list(_tokens_of(grammar))
        self._starts: dict[str, int] = {}
        for n, (kind, text) in enumerate(self._tokens[:-1]):
            if kind == "name" and self._tokens[n + 1][0] == "define":
                if text in self._starts:
                    raise _NotFiniteError
                self._starts[text] = n + 2
        self._open: set[str] = set()
        self._known: dict[str, list[str]] = {}
        self._at = 0

    def rule(self, name: str) -> list[str]:
        if name not in self._known:
            if name in self._open or name not in self._starts:
                raise _NotFiniteError
            self._open.add(name)
            returned, self._at = self._at, self._starts[name]
            self._known[name] = self._alternatives(nested=False)
            if self._kind() not in ("line", "end"):
                raise _NotFiniteError
            self._at = returned
            self._open.remove(name)
        return self._known[name]

    def _alternatives(self, *, nested: bool) -> list[str]:
        self._skip_lines()
        found = self._sequence(nested)
        while self._text() == "|":
            self._at += 1
            self._skip_lines()
            found = found + self._sequence(nested)
            if nested:
                self._skip_lines()
        return _distinct(found)

    def _sequence(self, nested: bool) -> list[str]:
        found = [""]
        while True:
            if nested:
                self._skip_lines()
            part = self._part()
            if part is None:
                return found
            found = _joined(found, self._repeated(part))

    def _part(self) -> list[str] | None:
        kind, text = self._tokens[self._at]
        if kind == "literal":
            self._at += 1
            return [_unescaped(text[1:-1])]
        if kind == "set":
            self._at += 1
            return _characters(text)
        if kind == "name":
            self._at += 1
            return self.rule(text)
        if text == "(":
            self._at += 1
            found = self._alternatives(nested=True)
            self._skip_lines()
            if self._text() != ")":
                raise _NotFiniteError
            self._at += 1
            return found
        return None

    def _repeated(self, part: list[str]) -> list[str]:
        kind, text = self._tokens[self._at]
        if kind == "count":
            least, comma, most = text[1:-1].partition(",")
            if comma and not most:
                raise _NotFiniteError
            self._at += 1
            counts = range(int(least), int(most or least) + 1)
        elif text == "?":
            self._at += 1
            counts = range(2)
        elif text in ("*", "+"):
            raise _NotFiniteError
        else:
            return part
        found: list[str] = []
        power = [""]
        for count in range(counts.stop):
            if count:
                power = _joined(power, part)
            if count >= counts.start:
                found += power
        return _distinct(found)

    def _kind(self) -> str:
        return self._tokens[self._at][0]

    def _text(self) -> str:
        return self._tokens[self._at][1]

    def _skip_lines(self) -> None:
        while self._kind() == "line":
            self._at += 1


def _tokens_of(grammar: str) -> Iterable[tuple[str, str]]:
    at = 0
    while at < len(grammar):
        match = _TOKEN.match(grammar, at)
        if match is None:
            raise _NotFiniteError
        at = match.end()
        if match.lastgroup != "space":
            yield str(match.lastgroup), match[0]
    yield "end", ""


def _joined(beginnings: list[str], ends: list[str]) -> list[str]:
    if len(beginnings) * len(ends) > _MOST:
        raise _NotFiniteError
    return _distinct(a + b for a, b in itertools.product(beginnings, ends))


def _distinct(texts: Iterable[str]) -> list[str]:
    found = list(dict.fromkeys(texts))
    if len(found) > _MOST:
        raise _NotFiniteError
    return found


def _character(match: re.Match[str]) -> str:
    code = match[1] or match[2] or match[3]
    if code:
        return chr(int(code, 16))
    if match[4] not in _ESCAPES:
        raise _NotFiniteError
    return _ESCAPES[match[4]]


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_character, text)


def _characters(text: str) -> list[str]:
    inner = text[1:-1]
    if inner.startswith("^"):
        raise _NotFiniteError
    pieces = re.findall(r"\\x..|\\u.{4}|\\U.{8}|\\.|.", inner)
    take: Callable[[str], str] = _unescaped
    found: list[str] = []
    n = 0
    while n < len(pieces):
        if n + 2 < len(pieces) and pieces[n + 1] == "-":
            low, high = ord(take(pieces[n])), ord(take(pieces[n + 2]))
            if not 0 <= high - low < _MOST:
                raise _NotFiniteError
            found += map(chr, range(low, high + 1))
            n += 3
        else:
            found.append(take(pieces[n]))
            n += 1
    return _distinct(found)
