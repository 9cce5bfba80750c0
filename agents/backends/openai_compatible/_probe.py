"""What a server offers, found out with short calls."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from agents.backends.openai_compatible._faults import fault_of
from agents.backends.openai_compatible._forms import Form, form_fields
from agents.backends.openai_compatible._pool import Server
from agents.backends.openai_compatible._session import Session
from agents.backends.openai_compatible._wire import body_of, completion_of, is_model
from harness.errors import BackendError
from harness.protocols import Constraint, Message, ProbeFinding, Request, Sampling

__all__ = ["probe"]

_WORD = "calldistil"
_SCHEMA = {
    "type": "object",
    "properties": {"relation": {"type": "string", "enum": [_WORD]}},
    "required": ["relation"],
    "additionalProperties": False,
}
_ASK = (Message("user", 'Answer with this JSON and nothing else: {"relation": "none"}'),)
_PLAIN = Request(messages=_ASK, sampling=Sampling(max_tokens=16, temperature=0.0))


async def probe(session: Session) -> Sequence[ProbeFinding]:
    """Tries each server: is it there, does it list the model, which forms hold its answers.

    A form counts as working only when the answer shows it: the constraint asks for a word that
    the prompt does not.
    """
    found: list[ProbeFinding] = []
    for server in session.pool.servers:
        found += await _server(session, server)
    return found


async def _server(session: Session, server: Server) -> list[ProbeFinding]:
    place, model = server.place, session.options.model
    try:
        listed = await session.client_of(server).get("/models", cast_to=session.raw_response)
    except Exception as error:
        told = fault_of(error, place=place, secret=session.secret).error
        if told.status not in (404, 405):
            return [ProbeFinding("error", place, told.message, told.hint)]
        found = [ProbeFinding("note", f"{place}: models", "the server lists none")]
    else:
        found = [_listed(listed.content, place, model)]
    try:
        answer = await _ask(session, server, body_of(_PLAIN, session.options, Form.NONE))
        completion = completion_of(_PLAIN, answer, names=session.names)
    except Exception as error:
        told = fault_of(error, place=place, secret=session.secret).error
        return [*found, ProbeFinding("error", f"{place}: a plain call", told.message, told.hint)]
    found.append(ProbeFinding("ok", f"{place}: a plain call", "answered"))
    reported = completion.usage.source == "reported"
    found.append(
        ProbeFinding("ok", f"{place}: usage", "reported")
        if reported
        else ProbeFinding(
            "warning", f"{place}: usage", "not reported", "Name a tokenizer: to count with."
        )
    )
    for form in (Form.JSON_SCHEMA, Form.JSON_OBJECT_SCHEMA, Form.JSON_OBJECT, Form.GRAMMAR):
        found.append(await _form(session, server, form))
    found.append(await _log_probabilities(session, server))
    return found


def _listed(content: bytes, place: str, model: str) -> ProbeFinding:
    about = f"{place}: models"
    try:
        names = [str(entry["id"]) for entry in json.loads(content)["data"]]
    except (ValueError, TypeError, KeyError):
        return ProbeFinding("warning", about, "the list cannot be read")
    if any(name == model or is_model(name, [model]) for name in names):
        return ProbeFinding("ok", about, f"{model} is listed")
    few = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return ProbeFinding("warning", about, f"{model} is not listed: {few}", "Check model.")


async def _form(session: Session, server: Server, form: Form) -> ProbeFinding:
    about = f"{server.place}: {form}"
    kind = Constraint("json_schema", json.dumps(_SCHEMA))
    if form is Form.GRAMMAR:
        kind = Constraint("grammar", f'root ::= "{_WORD}"')
    body = body_of(_PLAIN, session.options, Form.NONE) | form_fields(kind, form)
    try:
        answer = await _ask(session, server, body)
        text = completion_of(_PLAIN, answer, names=session.names).text
    except Exception as error:
        told = fault_of(error, place=server.place, secret=session.secret).error
        return ProbeFinding("note", about, f"not offered ({told.message})")
    if form is Form.JSON_OBJECT:
        return (
            ProbeFinding("ok", about, "works")
            if _is_object(text)
            else ProbeFinding("note", about, "taken, but the answer is not a JSON object")
        )
    holds = text.strip() == _WORD if form is Form.GRAMMAR else _WORD in text
    return (
        ProbeFinding("ok", about, "works")
        if holds
        else ProbeFinding("note", about, "taken, but the answer does not follow it")
    )


async def _log_probabilities(session: Session, server: Server) -> ProbeFinding:
    about = f"{server.place}: log-probabilities"
    body = body_of(_PLAIN, session.options, Form.NONE) | {"logprobs": True, "top_logprobs": 2}
    try:
        choice: Any = json.loads(await _ask(session, server, body))["choices"][0]
        offered = bool((choice.get("logprobs") or {}).get("content"))
    except Exception:
        offered = False
    return ProbeFinding("ok" if offered else "note", about, "offered" if offered else "not offered")


async def _ask(session: Session, server: Server, body: dict[str, Any]) -> bytes:
    response = await session.client_of(server).post(
        "/chat/completions", cast_to=session.raw_response, body=body
    )
    content: Any = response.content
    if not isinstance(content, bytes):
        raise BackendError("The client gave no body.")
    return content


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
