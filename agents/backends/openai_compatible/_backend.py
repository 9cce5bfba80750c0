"""The backend ``openai``."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import BaseModel

from agents.backends._loop_thread import LoopThread
from agents.backends._unscored import unscored
from agents.backends.openai_compatible._forms import forms_of
from agents.backends.openai_compatible._options import OpenAIOptions
from agents.backends.openai_compatible._probe import probe
from agents.backends.openai_compatible._session import Round, Session
from agents.backends.openai_compatible._wire import body_of, completion_of
from harness.protocols import (
    Capabilities,
    Completion,
    Failure,
    ModelIdentity,
    ProbeFinding,
    Request,
)

__all__ = ["OpenAIBackend"]


class OpenAIBackend:
    """Asks OpenAI-compatible servers, many requests at once.

    Nothing is imported, read from the environment or connected to before the first request, so
    that plans and batch files need neither the package nor a key. Rate limits and what was found
    out about the servers last as long as the backend.

    What comes back without an answer is a ``Failure``. One that would befall every other request
    too (a wrong key, an unknown model, nobody there) ends the round: the rest fails with it at
    once.
    """

    summary: ClassVar[str] = "OpenAI-compatible servers: OpenAI, vLLM, llama.cpp, one or a pool."
    source: ClassVar[str] = "calldistil"
    Options: ClassVar[type[BaseModel]] = OpenAIOptions
    batch_url: str = "/v1/chat/completions"

    def __init__(self, *, options: OpenAIOptions) -> None:
        self._options = options
        self._loop = LoopThread("openai")
        self._session: Session | None = None

    @classmethod
    def fingerprint(cls, *, options: OpenAIOptions) -> Mapping[str, str]:
        """The model and what changes its answers: no address, limit or key."""
        return {"model": options.model, **_deviations(options)}

    @property
    def model(self) -> ModelIdentity:
        """The model's name. Options that change its answers stand in for a hash of weights."""
        other = _deviations(self._options)
        if not other:
            return ModelIdentity(name=self._options.model)
        digest = hashlib.sha256(json.dumps(other, sort_keys=True).encode()).hexdigest()
        return ModelIdentity(name=self._options.model, weights=f"options:{digest}")

    @property
    def capabilities(self) -> Capabilities:
        """What is asked for; what a server makes of it, ``calldistil doctor`` finds out."""
        structured = self._options.structured
        return Capabilities(
            json_schema=structured in ("auto", "json_schema", "json_object"),
            grammar=structured in ("auto", "grammar"),
            log_probabilities=True,
            seed=True,
            usage=True,
            batching=True,
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found out about the servers on the way, for the run's records."""
        return () if self._session is None else tuple(self._session.notes)

    def complete(self, requests: Sequence[Request], /) -> Iterator[Completion | Failure]:
        """Yields an answer or a failure for each request, as they come.

        Closing the iterator cancels what is under way.

        Raises:
            MissingExtraError: When the package ``openai`` is not installed.
            BackendError: When there is no key and one is needed.
        """
        if not requests:
            return
        session = self._opened()
        deadline = self._options.deadline_s
        round_ = Round(None if deadline is None else time.monotonic() + deadline)
        yield from self._loop.each(
            requests,
            lambda request: session.answer(request, round_),
            # A few more than may be under way, so that one is ready when another is answered.
            workers=min(self._options.concurrency * 17 // 16, len(requests)),
        )

    def score_labels(self, requests: Sequence[Request], /) -> Iterator[Completion | Failure]:
        """Fails: chat completions give no scores of answers that the model did not choose."""
        return unscored(requests, backend="openai")

    def probe(self) -> Iterator[ProbeFinding]:
        """Finds out what each server offers, with a handful of short calls."""
        session = self._opened()
        yield from self._loop.run(probe(session))

    def batch_body(self, request: Request, /) -> Mapping[str, Any]:
        """The request's body, with a constraint in its strongest form."""
        form = forms_of(request.constraint, self._options.structured)[0]
        return body_of(request, self._options, form)

    def batch_answer(self, request: Request, body: Mapping[str, Any], /) -> Completion:
        """Reads an answer's body."""
        options = self._options
        return completion_of(request, body, names=(options.model, *options.answers_as))

    def close(self) -> None:
        """Closes connections and stops the event loop."""
        if self._session is not None:
            session, self._session = self._session, None
            self._loop.run(session.close())
        self._loop.close()

    def _opened(self) -> Session:
        if self._session is None:
            self._session = Session(self._options)
        return self._session


def _deviations(options: OpenAIOptions) -> dict[str, str]:
    """Options beyond the model's name that change its answers, where they are not the default."""
    found = {}
    if options.extra_body:
        found["extra_body"] = json.dumps(options.extra_body, sort_keys=True)
    if options.structured != "auto":
        found["structured"] = options.structured
    return found
