"""A JSON schema as a GBNF grammar."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from harness.errors import BackendError

__all__ = ["grammar_of"]

_FREE = {
    "string": '"\\"" char* "\\""',
    "char": '[^"\\\\\\x7F\\x00-\\x1F] | "\\\\" (["\\\\bfnrt/] | "u" [0-9a-fA-F]{4})',
    "integer": '"-"? ("0" | [1-9] [0-9]{0,15})',
    "number": 'integer ("." [0-9]{1,16})? ([eE] [-+]? [0-9]{1,3})?',
    "boolean": '"true" | "false"',
    "null": '"null"',
    "value": "object | array | string | number | boolean | null",
    "object": '"{" (string ": " value (", " string ": " value)*)? "}"',
    "array": '"[" (value (", " value)*)? "]"',
}
_NEEDS = {
    "string": ("char",),
    "number": ("integer",),
    "value": ("object", "array", "string", "number", "boolean", "null"),
    "object": ("string", "value"),
    "array": ("value",),
}
_SAID = {"title", "description", "default", "examples", "$schema", "$id", "$defs", "definitions"}


def grammar_of(schema_text: str) -> str:
    """The grammar of the schema's documents, written as ``json.dumps`` writes them.

    White space is fixed (one space after a comma and a colon, none elsewhere), so that a model
    cannot go on writing it, and properties stand in the schema's order.

    Raises:
        BackendError: When the text is no JSON schema, or asks for what a grammar cannot promise.
    """
    try:
        schema = json.loads(schema_text)
    except ValueError as error:
        raise _unfit(f"is not JSON: {error}") from None
    return _Writer(schema).text()


def _unfit(why: str) -> BackendError:
    return BackendError(
        f"The JSON schema {why}.",
        hint="Use enum, const, type, properties, required, items, minItems, maxItems, minLength,"
        " maxLength, anyOf, oneOf and $ref; or give a grammar.",
    )


class _Writer:
    def __init__(self, schema: Any) -> None:
        self._schema = schema
        self._rules: dict[str, str] = {}
        self._references: dict[str, str] = {}

    def text(self) -> str:
        self._rules["root"] = ""
        self._rules["root"] = self._expression(self._schema)
        return "".join(f"{name} ::= {rule}\n" for name, rule in self._rules.items())

    def _expression(self, schema: Any) -> str:
        if schema is True or schema == {}:
            return self._free("value")
        if not isinstance(schema, dict):
            raise _unfit(f"has {json.dumps(schema)} where a schema is expected")
        schema = {key: value for key, value in schema.items() if key not in _SAID}
        if "$ref" in schema:
            return self._reference(schema)
        if "const" in schema:
            return _literal(schema["const"])
        if "enum" in schema:
            if not schema["enum"]:
                raise _unfit("has an empty enum, which allows nothing")
            return _one_of([_literal(value) for value in schema["enum"]])
        for key in ("anyOf", "oneOf"):
            if key in schema:
                return _one_of([self._expression(part) for part in schema[key]])
        kind = schema.get("type", "object" if "properties" in schema else None)
        if isinstance(kind, list):
            return _one_of([self._expression({**schema, "type": one}) for one in kind])
        match kind:
            case "object":
                return self._object(schema)
            case "array":
                return self._array(schema)
            case "string":
                return self._string(schema)
            case "integer" | "number" | "boolean" | "null":
                _only(schema, {"type"})
                return self._free(kind)
        raise _unfit(f"has the type {json.dumps(kind)}, which is none of JSON's")

    def _object(self, schema: Mapping[str, Any]) -> str:
        _only(schema, {"type", "properties", "required", "additionalProperties"})
        properties: Mapping[str, Any] = schema.get("properties", {})
        required = set(schema.get("required", ()))
        if not properties and not required and schema.get("additionalProperties", True) is True:
            return self._free("object")
        if missing := sorted(required - set(properties)):
            raise _unfit(f"requires {missing[0]!r} and does not say what it is")
        pairs = [
            (f"{_quoted(json.dumps(name, ensure_ascii=False) + ': ')} {self._expression(part)}",
             name in required)
            for name, part in properties.items()
        ]  # fmt: skip
        return f'"{{" {_members(pairs)} "}}"'.replace("  ", " ")

    def _array(self, schema: Mapping[str, Any]) -> str:
        _only(schema, {"type", "items", "minItems", "maxItems"})
        item = self._expression(schema.get("items", True))
        least, most = schema.get("minItems", 0), schema.get("maxItems")
        if most == 0:
            return '"[]"'
        further = f"{max(0, least - 1)},{'' if most is None else most - 1}"
        items = f'{item} (", " {item}){{{further}}}'
        return f'"[" {items} "]"' if least else f'"[" ({items})? "]"'

    def _string(self, schema: Mapping[str, Any]) -> str:
        _only(schema, {"type", "minLength", "maxLength"})
        if "minLength" not in schema and "maxLength" not in schema:
            return self._free("string")
        self._free("char")
        length = f"{schema.get('minLength', 0)},{schema.get('maxLength', '')}"
        return f'"\\"" char{{{length}}} "\\""'

    def _reference(self, schema: Mapping[str, Any]) -> str:
        _only(schema, {"$ref"})
        name = schema["$ref"]
        if name not in self._references:
            found = self._schema
            for step in str(name).removeprefix("#").split("/")[1:]:
                if not isinstance(found, dict) or step not in found:
                    raise _unfit(f"refers to {name!r}, which is not in it")
                found = found[step]
            rule = f"ref{len(self._references)}"
            self._references[name] = rule
            self._rules[rule] = ""
            self._rules[rule] = self._expression(found)
        return self._references[name]

    def _free(self, name: str) -> str:
        if name not in self._rules:
            self._rules[name] = _FREE[name]
            for needed in _NEEDS.get(name, ()):
                self._free(needed)
        return name


def _members(pairs: Sequence[tuple[str, bool]]) -> str:
    """The pairs in order, of which those not required may be left out."""

    def after(rest: Sequence[tuple[str, bool]]) -> str:
        return " ".join(
            f'", " {pair}' if required else f'(", " {pair})?' for pair, required in rest
        )

    starts = []
    for n, (pair, required) in enumerate(pairs):
        starts.append(f"{pair} {after(pairs[n + 1 :])}".strip())
        if required:
            return _one_of(starts)
    return f"{_one_of(starts)}?" if starts else ""


def _only(schema: Mapping[str, Any], known: set[str]) -> None:
    if others := sorted(set(schema) - known):
        raise _unfit(f"asks for {others[0]!r}, which a grammar does not promise here")


def _one_of(expressions: Sequence[str]) -> str:
    return f"({' | '.join(expressions)})"


def _literal(value: Any) -> str:
    return _quoted(json.dumps(value, ensure_ascii=False))


def _quoted(text: str) -> str:
    """A literal of GBNF, which knows JSON's escapes for quotes, backslashes and line breaks."""
    return json.dumps(text, ensure_ascii=False)
