"""What a chat model raised, as a typed error without the keys that it may echo."""

from __future__ import annotations

import os
from typing import Any

from harness.errors import BackendError

__all__ = ["error_of", "secrets_of"]

_AGAIN = frozenset({408, 409, 425, 429})
_PASSING = ("timeout", "connection", "ratelimit", "overloaded", "unavailable", "internalserver")
_LONGEST = 300
_KEY_NAMES = ("_API_KEY", "_KEY", "_TOKEN", "_SECRET", "_SECRET_ACCESS_KEY")
_SHORTEST_KEY = 8


def secrets_of(model: Any) -> tuple[str, ...]:
    """Keys that must not leave: those of the model object, and those of the environment."""
    found: set[str] = {value for name, value in os.environ.items() if name.endswith(_KEY_NAMES)}
    for name in getattr(type(model), "model_fields", ()):  # none before the model is made
        value: Any = getattr(model, name, None)
        if hasattr(value, "get_secret_value"):
            found.add(str(value.get_secret_value()))
    return tuple(sorted((v for v in found if len(v) >= _SHORTEST_KEY), key=len, reverse=True))


def error_of(error: BaseException, secrets: tuple[str, ...]) -> BackendError:
    """Reads an exception of a provider's client."""
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    status = status if isinstance(status, int) else None
    kind = type(error).__name__
    said = str(error).strip() or kind
    for secret in secrets:
        said = said.replace(secret, "[key]")
    passing = any(word in kind.lower() for word in _PASSING)
    again = status in _AGAIN or status >= 500 if status is not None else passing
    hint = "Check the model's name, its parameters and the prompt."
    if status in (401, 403):
        hint = "Check the environment variable that the provider's package reads its key from."
    elif again:
        hint = "Run again: what was answered is kept."
    return BackendError(
        f"{kind}: {said[:_LONGEST]}",
        retryable=again,
        status=status,
        retry_after=_retry_after(error),
        hint=hint,
    )


def _retry_after(error: BaseException) -> float | None:
    headers = getattr(getattr(error, "response", None), "headers", None)
    try:
        return float(headers["retry-after"]) if headers is not None else None
    except (KeyError, TypeError, ValueError):
        return None
