"""Forms in which a constraint can be sent, from the strongest to none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from agents.backends.openai_compatible._options import Structured
from harness.protocols import Constraint

__all__ = ["Form", "form_fields", "forms_of"]


class Form(StrEnum):
    """How a constraint is written into a request's body.

    ``json_object+schema`` is what llama.cpp's servers know; OpenAI's refuses the extra field.
    """

    JSON_SCHEMA = "json_schema"
    JSON_OBJECT_SCHEMA = "json_object+schema"
    JSON_OBJECT = "json_object"
    GRAMMAR = "grammar"
    NONE = "none"


_JSON: Mapping[Structured, tuple[Form, ...]] = {
    "auto": (Form.JSON_SCHEMA, Form.JSON_OBJECT_SCHEMA, Form.JSON_OBJECT, Form.NONE),
    "json_schema": (Form.JSON_SCHEMA,),
    "json_object": (Form.JSON_OBJECT_SCHEMA, Form.JSON_OBJECT),
    "grammar": (Form.JSON_OBJECT_SCHEMA, Form.JSON_OBJECT),
    "none": (Form.NONE,),
}


def forms_of(constraint: Constraint | None, structured: Structured) -> tuple[Form, ...]:
    """The forms to try for a constraint, in order.

    A grammar is sent as a grammar or not at all; a server that is said to know grammars gets a
    JSON schema beside ``json_object``.
    """
    if constraint is None or structured == "none":
        return (Form.NONE,)
    if constraint.kind == "grammar":
        return (Form.GRAMMAR,) if structured == "grammar" else (Form.GRAMMAR, Form.NONE)
    return _JSON[structured]


def form_fields(constraint: Constraint | None, form: Form) -> dict[str, Any]:
    """The fields of a body that carry a constraint in a form."""
    if constraint is None or form is Form.NONE:
        return {}
    if form is Form.GRAMMAR:
        return {"grammar": constraint.text}
    if form is Form.JSON_OBJECT:
        return {"response_format": {"type": "json_object"}}
    schema = json.loads(constraint.text)
    if form is Form.JSON_OBJECT_SCHEMA:
        return {"response_format": {"type": "json_object", "schema": schema}}
    named = {"name": "answer", "schema": schema, "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": named}}
