"""What completes prompts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel

from harness.protocols._calls import Completion, Failure, Request

__all__ = ["Backend", "Capabilities", "ModelIdentity"]


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
    """What a backend can do, declared up front."""

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

    def close(self) -> None:
        """Lets go of models, sockets and files."""
        ...
