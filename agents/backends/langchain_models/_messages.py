"""Requests as LangChain messages and arguments, and messages as answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agents.backends.langchain_models._options import ConstraintField
from harness.protocols import Completion, FinishReason, Request, Usage

__all__ = ["Asked", "completion_of"]

_FINISH = {
    "stop": FinishReason.STOP,
    "end_turn": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "eos": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "content_filter": FinishReason.REFUSAL,
    "safety": FinishReason.REFUSAL,
    "refusal": FinishReason.REFUSAL,
}
# Our name of a sampling parameter, and what chat models call it.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "temperature": ("temperature",),
    "top_p": ("top_p",),
    "top_k": ("top_k",),
    "seed": ("seed",),
    "max_tokens": ("max_tokens", "max_output_tokens", "max_tokens_to_sample", "num_predict"),
    "repetition_penalty": ("repetition_penalty", "repeat_penalty"),
    "log_probabilities": ("logprobs",),
}


class Asked:
    """How one chat model is asked.

    Args:
        model: The ``BaseChatModel``.
        constraint: Where it takes a JSON schema.
    """

    def __init__(self, model: Any, constraint: ConstraintField) -> None:
        self._fields = _fields_of(model)
        self._kind = type(model).__name__
        self.constraint = _constraint_of(model) if constraint == "auto" else constraint
        self.notes: list[str] = []

    def messages(self, request: Request) -> list[tuple[str, str]]:
        """The messages, in the form of pairs that every chat model takes."""
        roles = {"system": "system", "user": "human", "assistant": "ai"}
        return [(roles[message.role], message.content) for message in request.messages]

    def arguments(self, request: Request) -> dict[str, Any]:
        """What the request binds to the model; what the model does not know becomes a note."""
        found: dict[str, Any] = {}
        for ours, theirs in _NAMES.items():
            value = getattr(request.sampling, ours)
            if value is None:
                continue
            known = next((name for name in theirs if name in self._fields), None)
            if known is None:
                self._note(f"{self._kind} does not know {ours}: it was left out")
            else:
                found[known] = value
        if request.sampling.stop:
            found["stop"] = list(request.sampling.stop)
        return found | self._form(request)

    def _form(self, request: Request) -> dict[str, Any]:
        constraint = request.constraint
        if constraint is None:
            return {}
        if constraint.kind == "grammar" or self.constraint == "none":
            self._note(f"{self._kind} cannot constrain answers by {constraint.kind}: left free")
            return {}
        schema = json.loads(constraint.text)
        if self.constraint == "format":
            return {"format": schema}
        named = {"name": "answer", "schema": schema, "strict": True}
        return {"response_format": {"type": "json_schema", "json_schema": named}}

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


def completion_of(request: Request, message: Any, *, latency_s: float | None) -> Completion:
    """Reads an ``AIMessage``."""
    facts: Mapping[str, Any] = message.response_metadata or {}
    said = next(
        (facts[key] for key in ("finish_reason", "stop_reason", "done_reason") if facts.get(key)),
        None,
    )
    text = str(message.text)
    refusal = message.additional_kwargs.get("refusal")
    finish = _FINISH.get(str(said).lower(), FinishReason.UNKNOWN)
    if refusal and not text:
        text, finish = refusal, FinishReason.REFUSAL
    return Completion(
        request=request,
        text=text,
        finish=finish,
        usage=_usage(message.usage_metadata),
        latency_s=latency_s,
        log_probability=_log_probability(facts),
    )


def _usage(said: Mapping[str, Any] | None) -> Usage:
    """Token classes; LangChain's ``input_tokens`` contains the cached ones."""
    if not said:
        return Usage()
    inputs = said.get("input_token_details") or {}
    outputs = said.get("output_token_details") or {}
    read, written = inputs.get("cache_read"), inputs.get("cache_creation")
    reasoning = outputs.get("reasoning")
    return Usage(
        input_tokens=max(0, said["input_tokens"] - (read or 0) - (written or 0)),
        cache_read_tokens=read,
        cache_write_tokens=written if written is not None else (0 if read is not None else None),
        output_tokens=max(0, said["output_tokens"] - (reasoning or 0)),
        reasoning_tokens=reasoning,
        source="reported",
    )


def _log_probability(facts: Mapping[str, Any]) -> float | None:
    """The sum over an answer's tokens, where the provider tells it as OpenAI does."""
    tokens = (facts.get("logprobs") or {}).get("content")
    if not tokens:
        return None
    return min(0.0, sum(float(token["logprob"]) for token in tokens))


def _fields_of(model: Any) -> frozenset[str]:
    """Names and aliases of the model's fields; what it has a field for, it can be asked for."""
    names: set[str] = set()
    for name, field in type(model).model_fields.items():
        names.update(part for part in (name, field.alias) if part)
    return frozenset(names)


def _constraint_of(model: Any) -> ConstraintField:
    families = {base.__name__ for base in type(model).__mro__}
    if "BaseChatOpenAI" in families:
        return "response_format"
    return "format" if "ChatOllama" in families else "none"
