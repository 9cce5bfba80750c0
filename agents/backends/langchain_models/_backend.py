"""The backend ``langchain``."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, ClassVar

from pydantic import BaseModel

from agents.backends._unscored import unscored
from agents.backends.langchain_models._faults import error_of, secrets_of
from agents.backends.langchain_models._messages import Asked, completion_of
from agents.backends.langchain_models._options import LangChainOptions
from harness.errors import BackendError, MissingExtraError
from harness.protocols import Capabilities, Completion, Failure, ModelIdentity, Request

__all__ = ["LangChainBackend"]

_NO_MATTER = frozenset({"base_url", "timeout", "request_timeout", "max_retries", "rate_limiter"})
_CHUNK = 8  # times the concurrency: what a stop leaves unasked has not been queued either


class LangChainBackend:
    """Asks any chat model of LangChain, many requests at once.

    In an experiment file the model is named as ``provider:model``; from Python any
    ``BaseChatModel`` can be handed over. Retries are the chat model's own (``max_retries``).
    A sampling parameter that the model's class has no field for is left out, and the run's notes
    say so; answers are read as they are, without ``with_structured_output``.

    Args:
        options: The keys of an experiment file.
        chat_model: A chat model to ask instead of the one that the options name; ``options.model``
            is then what it is called.
    """

    summary: ClassVar[str] = "Any LangChain chat model, named provider:model."
    source: ClassVar[str] = "https://github.com/langchain-ai/langchain"
    Options: ClassVar[type[BaseModel]] = LangChainOptions

    def __init__(self, *, options: LangChainOptions, chat_model: Any = None) -> None:
        self._options = options
        self._model: Any = chat_model
        self._asked: Asked | None = None
        self._secrets: tuple[str, ...] = ()

    @classmethod
    def fingerprint(cls, *, options: LangChainOptions) -> Mapping[str, str]:
        """Provider, model and parameters."""
        return {"model": options.model_name, "provider": options.model, **_deviations(options)}

    @property
    def model(self) -> ModelIdentity:
        """The model's name; provider and parameters stand in for a hash of weights."""
        other = {"provider": self._options.model, **_deviations(self._options)}
        digest = hashlib.sha256(json.dumps(other, sort_keys=True).encode()).hexdigest()
        return ModelIdentity(name=self._options.model_name, weights=f"options:{digest}")

    @property
    def capabilities(self) -> Capabilities:
        """What the interface carries; what the model does not heed is told in the notes."""
        return Capabilities(
            json_schema=self._options.constraint != "none",
            log_probabilities=True,
            seed=True,
            usage=True,
            batching=True,
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What the model could not be asked for."""
        return () if self._asked is None else tuple(self._asked.notes)

    def complete(self, requests: Sequence[Request], /) -> Iterator[Completion | Failure]:
        """Yields an answer or a failure for each request, as they come.

        Closing the iterator cancels what has not been sent.

        Raises:
            MissingExtraError: When LangChain is not installed.
            BackendError: When the chat model cannot be made.
        """
        if not requests:
            return
        asked = self._opened()
        groups: dict[str, list[Request]] = {}
        for request in requests:
            groups.setdefault(repr(asked.arguments(request)), []).append(request)
        size = _CHUNK * self._options.max_concurrency
        for group in groups.values():
            for start in range(0, len(group), size):
                yield from self._chunk(group[start : start + size], asked)

    def score_labels(self, requests: Sequence[Request], /) -> Iterator[Completion | Failure]:
        """Fails: chat models give no scores of answers that they did not choose."""
        return unscored(requests, backend="langchain")

    def close(self) -> None:
        """Does nothing: chat models close their own connections."""

    def _chunk(self, requests: Sequence[Request], asked: Asked) -> Iterator[Completion | Failure]:
        from langchain_core.runnables import RunnableLambda

        bound = self._model.bind(**asked.arguments(requests[0]))

        def ask(messages: Any) -> tuple[Any, float]:
            began = time.perf_counter()
            return bound.invoke(messages), time.perf_counter() - began

        batch = RunnableLambda(ask).batch_as_completed(
            [asked.messages(request) for request in requests],
            {"max_concurrency": self._options.max_concurrency},
            return_exceptions=True,
        )
        with closing(batch) as outcomes:  # type: ignore[type-var]
            for index, outcome in outcomes:
                request = requests[index]
                if isinstance(outcome, BaseException):
                    error = error_of(outcome, self._secrets)
                    yield Failure(request=request, error=error)
                    continue
                message, seconds = outcome
                yield completion_of(request, message, latency_s=seconds)

    def _opened(self) -> Asked:
        if self._asked is None:
            if self._model is None:
                self._model = _made(self._options)
            self._secrets = secrets_of(self._model)
            self._asked = Asked(self._model, self._options.constraint)
        return self._asked


def _made(options: LangChainOptions) -> Any:
    for package in ("langchain_core", "langchain"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(
                package=package, extra="langchain", feature="The backend langchain"
            )
    from langchain.chat_models import init_chat_model

    try:
        return init_chat_model(options.model, **options.parameters)
    except ImportError as error:
        raise BackendError(
            f"The provider of {options.model!r} needs another package: {error}",
            hint="Install the provider's package, e.g. pip install langchain-openai",
        ) from None
    except Exception as error:  # each provider has its own
        told = error_of(error, secrets_of(None))
        raise BackendError(
            f"The chat model {options.model!r} cannot be made: {told.message}",
            hint="Check provider, parameters and the provider's environment variable for its key.",
        ) from None


def _deviations(options: LangChainOptions) -> dict[str, str]:
    """Options beyond the model that change its answers."""
    found = {}
    parameters = {k: v for k, v in options.parameters.items() if k not in _NO_MATTER}
    if parameters:
        found["parameters"] = json.dumps(parameters, sort_keys=True)
    if options.constraint != "auto":
        found["constraint"] = options.constraint
    return found
