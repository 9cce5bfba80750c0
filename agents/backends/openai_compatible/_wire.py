"""Requests as bodies of chat completions, and bodies as answers."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping
from typing import Any

from agents.backends.openai_compatible._forms import Form, form_fields
from agents.backends.openai_compatible._options import OpenAIOptions
from harness.errors import BackendError
from harness.protocols import Completion, FinishReason, Request, Usage

__all__ = ["BadAnswerError", "body_of", "completion_of", "is_model", "usage_of"]

_FINISH = {
    "stop": FinishReason.STOP,
    "eos": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "content_filter": FinishReason.REFUSAL,
    "refusal": FinishReason.REFUSAL,
}
_VERSION = re.compile(r"[-@:](\d{4}-\d{2}-\d{2}|\d{4,8}|latest|v\d[\w.]*)$")


class BadAnswerError(BackendError):
    """A body that came with status 200 and is not an answer to the request."""

    def __init__(self, message: str) -> None:
        super().__init__(
            message,
            retryable=True,
            status=200,
            hint="Run again; if it comes back, look at what stands between you and the model.",
        )


def body_of(request: Request, options: OpenAIOptions, form: Form) -> dict[str, Any]:
    """The body of a request; what ``Sampling`` leaves open is left out."""
    sampling = request.sampling
    fields: dict[str, Any] = {
        "model": options.model,
        "messages": [{"role": m.role, "content": m.content} for m in request.messages],
    }
    if sampling.max_tokens is not None:
        own = "max_completion_tokens" if options.own_address else "max_tokens"
        fields[options.max_tokens_field or own] = sampling.max_tokens
    # The last two are known to vLLM's and llama.cpp's servers; OpenAI's says that it refuses them.
    for name in ("temperature", "top_p", "seed", "top_k"):
        if (value := getattr(sampling, name)) is not None:
            fields[name] = value
    if sampling.repetition_penalty is not None:
        fields["repetition_penalty"] = sampling.repetition_penalty  # vLLM
        fields["repeat_penalty"] = sampling.repetition_penalty  # llama.cpp
    if sampling.stop:
        fields["stop"] = list(sampling.stop)
    if sampling.log_probabilities:
        fields["logprobs"] = True
    return fields | form_fields(request.constraint, form) | options.extra_body


def completion_of(
    request: Request,
    document: bytes | Mapping[str, Any],
    *,
    names: Collection[str],
    latency_s: float | None = None,
) -> Completion:
    """Reads the body of a completed answer.

    Args:
        request: What was asked.
        document: The body, raw or as parsed JSON.
        names: Names under which the model may answer.
        latency_s: Seconds it took.

    Raises:
        BadAnswerError: When it is not JSON, has no choice or comes from another model.
    """
    if isinstance(document, bytes):
        try:
            document = json.loads(document)
        except (ValueError, RecursionError):
            raise BadAnswerError("The server's answer is not JSON.") from None
    if not isinstance(document, Mapping):
        raise BadAnswerError("The server's answer is not a JSON object.")
    said = document.get("model")
    if said is not None and not is_model(said, names):
        raise BadAnswerError(
            f"The server answered with the model {str(said)[:80]!r} instead of {sorted(names)[0]!r}"
            " (a name that is right can be listed in answers_as)."
        )
    choices = document.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, Mapping) else None
    if not isinstance(choice, Mapping) or not isinstance(message, Mapping):
        raise BadAnswerError("The server's answer holds no choice.")
    text, refusal = message.get("content"), message.get("refusal")
    finish = _FINISH.get(str(choice.get("finish_reason")), FinishReason.UNKNOWN)
    if refusal and not text:
        text, finish = refusal, FinishReason.REFUSAL
    if text is None and finish in (FinishReason.LENGTH, FinishReason.REFUSAL):
        text = ""  # all of it went into reasoning, or was filtered
    if not isinstance(text, str):
        raise BadAnswerError("The server's answer holds no text.")
    return Completion(
        request=request,
        text=text,
        finish=finish,
        usage=usage_of(document.get("usage")),
        latency_s=latency_s,
        log_probability=_log_probability(choice.get("logprobs")),
    )


def _log_probability(document: Any) -> float | None:
    """The sum over an answer's tokens; None unless every token's is known.

    Some servers report a token that was forced on the model slightly above 0.
    """
    content = document.get("content") if isinstance(document, Mapping) else None
    if not isinstance(content, list) or not content:
        return None
    total = 0.0
    for token in content:
        value = token.get("logprob") if isinstance(token, Mapping) else None
        if not isinstance(value, int | float) or isinstance(value, bool) or not value <= 1e-3:
            return None
        total += min(0.0, float(value))
    return total if math.isfinite(total) else None


def usage_of(document: Any) -> Usage:
    """Token classes from a ``usage`` object; what it does not tell is unknown.

    ``prompt_tokens`` contains the cached ones and ``completion_tokens`` the reasoning ones, so
    both are taken apart. A server that reports no details is taken at its word: the classes it
    does not name stay unknown.
    """
    if not isinstance(document, Mapping):
        return Usage()
    prompt = _count(document.get("prompt_tokens"))
    completion = _count(document.get("completion_tokens"))
    if prompt is None and completion is None:
        return Usage()
    inputs, outputs = (
        document.get("prompt_tokens_details"),
        document.get("completion_tokens_details"),
    )
    cached = _count(inputs.get("cached_tokens")) if isinstance(inputs, Mapping) else None
    written = _count(inputs.get("cache_write_tokens")) if isinstance(inputs, Mapping) else None
    reasoning = _count(outputs.get("reasoning_tokens")) if isinstance(outputs, Mapping) else None
    if prompt is not None:
        prompt = max(0, prompt - (cached or 0) - (written or 0))
    if completion is not None:
        completion = max(0, completion - (reasoning or 0))
    return Usage(
        input_tokens=prompt,
        cache_read_tokens=cached,
        # OpenAI's caches are written at the price of fresh tokens and not told apart.
        cache_write_tokens=written if written is not None else (0 if cached is not None else None),
        output_tokens=completion,
        reasoning_tokens=reasoning,
        source="reported",
    )


def is_model(said: object, names: Collection[str]) -> bool:
    """Whether a server's name for the model is one of ``names`` or a version of it.

    A path or owner before the name, a dated or numbered version after it and capitals do not
    matter: ``gpt-4o-2024-08-06`` answers for ``gpt-4o``, ``gpt-4o-mini`` does not.

    >>> is_model("gpt-4o-2024-08-06", ["gpt-4o"]), is_model("gpt-4o-mini", ["gpt-4o"])
    (True, False)
    """
    if not isinstance(said, str):
        return False
    got = _last(said)
    bare = _VERSION.sub("", got)
    return any(name in (got, bare) or name == f"{bare}-latest" for name in map(_last, names))


def _last(name: str) -> str:
    return name.replace("\\", "/").rstrip("/").rpartition("/")[2].lower()


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
