"""What the client raised, as a typed error: may it be sent again, when, and to whom."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agents.backends.openai_compatible._secrets import Secret
from harness.errors import BackendError

__all__ = ["Fault", "fault_of", "retry_after_of"]

_AGAIN = frozenset({408, 409, 425, 429})
_OVERLOAD = frozenset({408, 429, 502, 503, 504, 529})
_LONGEST_MESSAGE = 300


@dataclass(frozen=True, slots=True)
class Fault:
    """One attempt that failed.

    Attributes:
        error: What is told about it.
        fatal: Whether every other request would fail in the same way.
        overload: Whether fewer requests at once may help.
        lost: Whether the server could not be reached or hung up.
        filtered: Whether the provider refused the prompt itself, which is an answer.
    """

    error: BackendError
    fatal: bool = False
    overload: bool = False
    lost: bool = False
    filtered: bool = False


def fault_of(error: Exception, *, place: str, secret: Secret) -> Fault:
    """Reads an exception of the ``openai`` client, or a timeout of ours."""
    import openai

    if isinstance(error, BackendError):
        return Fault(error)
    if _timed_out(error):
        hint = "Raise timeout_s, lower concurrency, or look at the server."
        told = BackendError(f"No answer from {place} in time.", retryable=True, hint=hint)
        return Fault(told, overload=True)
    if isinstance(error, openai.APIStatusError):
        return _of_status(error, place, secret)
    if isinstance(error, openai.APIConnectionError):
        told = BackendError(
            f"The connection to {place} failed: {_cause(error, secret)}.",
            retryable=True,
            hint="Start the server or check base_url; then run again: answers are kept.",
        )
        return Fault(told, lost=True)
    return Fault(BackendError(secret.hide(f"{type(error).__name__}: {error}"), retryable=True))


def _of_status(error: Any, place: str, secret: Secret) -> Fault:
    status: int = error.status_code
    body = error.body if isinstance(error.body, Mapping) else {}
    code = str(body.get("code") or body.get("type") or "")
    said = str(body.get("message") or error.message or "")[:_LONGEST_MESSAGE]
    said = secret.hide(said)
    hint, fatal = "", False
    again = status in _AGAIN or status >= 500
    if status in (401, 403):
        hint = "Check the key in the environment variable that api_key_env names."
        fatal = True
    elif status == 404 or code in ("model_not_found", "invalid_model"):
        hint = "Check model and base_url; `calldistil doctor EXPERIMENT` lists the server's models."
        fatal = True
    elif code in ("insufficient_quota", "billing_hard_limit_reached"):
        hint, fatal, again = "Check the account's quota, then run again.", True, False
    elif status == 400 and code in ("content_filter", "content_policy_violation"):
        return Fault(BackendError(said, status=status), filtered=True)
    elif not again:
        hint = "The server refuses the request itself: check sampling and extra_body."
    told = BackendError(
        f"HTTP {status} from {place}: {said or 'no message'}",
        retryable=again,
        status=status,
        retry_after=retry_after_of(error.response.headers),
        hint=hint,
    )
    return Fault(told, fatal=fatal, overload=status in _OVERLOAD)


def retry_after_of(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait, from ``retry-after-ms`` or ``retry-after``.

    >>> retry_after_of({"retry-after": "2"}), retry_after_of({"retry-after": "soon"})
    (2.0, None)
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        try:
            return max(0.0, float(value) * unit)
        except ValueError:
            pass
        moment = email.utils.parsedate_tz(value)
        if moment is not None:
            return max(0.0, email.utils.mktime_tz(moment) - time.time())
    return None


def _timed_out(error: BaseException) -> bool:
    """Whether time ran out, by the first cause: over aiohttp, the client calls a lost connection
    a timeout as well."""
    if isinstance(error, TimeoutError):
        return True
    first = error
    while first.__cause__ is not None:
        first = first.__cause__
    return isinstance(first, TimeoutError) or "Timeout" in type(first).__name__


def _cause(error: BaseException, secret: Secret) -> str:
    found = error.__cause__ or error
    text = str(found).strip() or type(found).__name__
    return secret.hide(text[:_LONGEST_MESSAGE])
