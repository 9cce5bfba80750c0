"""One stored call, and one failed attempt at a call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from harness.protocols import Completion, FinishReason, ModelIdentity, Request, Usage
from harness.store._keys import request_json, request_key

__all__ = ["CallFailure", "StoredCall"]


@dataclass(frozen=True, slots=True)
class StoredCall:
    """A completed answer, as the call store keeps it.

    Attributes:
        key: ``request_key`` of the model and the request.
        model: Which model answered.
        request: The request as canonical JSON.
        text: The answer, as given.
        finish: Why it ended.
        usage: Tokens of the call that paid for it.
        latency_s: Seconds it took that call; None where unknown.
        recorded: Whether it came from a recording, so that no run of ours paid for it.
        run: Id of the run that asked for it. A resumed run finds its own id here and counts
            the call as paid now.
        created_at: When it was stored, in UTC.
        log_probability: Natural logarithm of the whole answer's probability, where known.
    """

    key: str
    model: ModelIdentity
    request: str
    text: str
    finish: FinishReason
    usage: Usage
    latency_s: float | None
    recorded: bool
    run: str
    created_at: datetime
    log_probability: float | None = None

    @classmethod
    def of(
        cls,
        *,
        model: ModelIdentity,
        completion: Completion,
        run: str,
        created_at: datetime | None = None,
        key: str | None = None,
    ) -> StoredCall:
        """Makes the record of a completion.

        ``created_at`` defaults to now, ``key`` to the ``request_key``.
        """
        return cls(
            key=key or request_key(model, completion.request),
            model=model,
            request=request_json(completion.request),
            text=completion.text,
            finish=completion.finish,
            usage=completion.usage,
            latency_s=completion.latency_s,
            recorded=completion.recorded,
            run=run,
            created_at=created_at or datetime.now(UTC),
            log_probability=completion.log_probability,
        )

    def completion(self, request: Request) -> Completion:
        """The answer as a completion of ``request``, with its first usage and latency."""
        return Completion(
            request=request,
            text=self.text,
            finish=self.finish,
            usage=self.usage,
            latency_s=self.latency_s,
            recorded=self.recorded,
            log_probability=self.log_probability,
        )

    def paid_by(self, run: str) -> bool:
        """Whether ``run`` paid for this call: it asked first, and no recording answered."""
        return not self.recorded and self.run == run


@dataclass(frozen=True, slots=True)
class CallFailure:
    """An attempt that came back without an answer.

    Attributes:
        key: ``request_key`` of the call.
        error: What went wrong.
        at: When, in UTC.
    """

    key: str
    error: str
    at: datetime
