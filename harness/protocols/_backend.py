"""What completes prompts."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel

from harness.protocols._calls import Completion, Failure, Request

__all__ = ["Backend", "Capabilities", "ModelIdentity", "answers_of"]


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which model answers; part of every request's key.

    Attributes:
        name: Name of the model, e.g. ``gpt-4o-mini-2024-07-18``.
        weights: Hash of the weights, where they are at hand.
    """

    name: str
    weights: str | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a backend can do, declared up front.

    Attributes:
        json_schema: Constrains answers by a JSON schema.
        grammar: Constrains answers by a GBNF grammar.
        label_scoring: Scores labels (``score_labels``).
        log_probabilities: Gives the log-probability of an answer that asks for it.
        seed: Heeds ``Sampling.seed``.
        usage: Reports the tokens of a call.
        batching: Works on many requests at once.
        prefix_cache: Evaluates a prefix that requests share only once.
    """

    json_schema: bool = False
    grammar: bool = False
    label_scoring: bool = False
    log_probabilities: bool = False
    seed: bool = False
    usage: bool = False
    batching: bool = False
    prefix_cache: bool = False


@runtime_checkable
class Backend(Protocol):
    """Something that completes prompts.

    Class attributes ``summary`` (one line), ``source`` (where it comes from) and ``Options``
    (a pydantic model of its keys in an experiment file) describe it to ``calldistil list``.
    It is made by ``cls(options=Options(...))``.
    """

    summary: ClassVar[str]
    source: ClassVar[str]
    Options: ClassVar[type[BaseModel]]

    def __init__(self, *, options: Any) -> None: ...

    @classmethod
    def fingerprint(cls, *, options: Any) -> Mapping[str, str]:
        """What of the options decides the answers, for the keys of stages.

        Files count by the hash of their content, never by their path; keys of services,
        addresses and limits do not count.
        """
        ...

    @property
    def model(self) -> ModelIdentity:
        """Which model answers."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What the backend can do."""
        ...

    def complete(self, requests: Sequence[Request], /) -> Iterator[Completion | Failure]:
        """Answers each request once, in any order, as answers come in."""
        ...

    def score_labels(self, requests: Sequence[Request], /) -> Iterator[Completion | Failure]:
        """Scores the ``labels`` of each request, likewise.

        The completion's text is the ``scores_text`` of a ``LabelScore`` per label. A backend
        without the capability ``label_scoring`` fails each request.
        """
        ...

    def close(self) -> None:
        """Lets go of models, sockets and files."""
        ...


def answers_of(
    backend: Backend, requests: Sequence[Request]
) -> Generator[Completion | Failure, None, None]:
    """Asks for what each request wants, an answer or scores of its labels."""
    if scored := [request for request in requests if request.labels]:
        yield from backend.score_labels(scored)
    if written := [request for request in requests if not request.labels]:
        yield from backend.complete(written)
