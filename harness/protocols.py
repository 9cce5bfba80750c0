"""The seams: what a backend, an extractor, a generator and a student are.

Agents do no I/O. An extractor or generator is a coroutine over rounds (a ``Dialogue``): it
yields a list of requests, is sent their completions in the same order, and at last returns
its result. One driver (``harness.pipeline``) advances all dialogues round by round through the
call store to ``Backend.complete``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, Self, TypeAlias, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from harness.errors import BackendError
from harness.relations import Example, Prediction, Schema

__all__ = [
    "AgentContext",
    "Backend",
    "Capabilities",
    "Completion",
    "Constraint",
    "Dialogue",
    "Extractor",
    "Failure",
    "FinishReason",
    "FitReport",
    "GeneratedRow",
    "GeneratedSet",
    "GenerationItem",
    "Message",
    "ModelIdentity",
    "Progress",
    "Reject",
    "Request",
    "RowGenerator",
    "Sampling",
    "Student",
    "Usage",
]

T = TypeVar("T")

Dialogue: TypeAlias = Generator[Sequence["Request"], Sequence["Completion"], T]
"""Yields the requests of a round, is sent their completions in order, returns its result."""

Progress: TypeAlias = Callable[[int, int], None]
"""Called with (done, total) units of work."""


# -- requests and answers ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """Decoding parameters; None leaves the choice to the backend.

    Attributes:
        max_tokens: Upper bound on generated tokens.
        temperature: Softmax temperature; 0 is greedy.
        top_p: Nucleus mass.
        top_k: Number of candidates kept.
        repetition_penalty: Factor on repeated tokens' logits (1 is none).
        seed: Seed of the sampler.
        stop: Strings that end the answer.
    """

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    repetition_penalty: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Constraint:
    """What form an answer must have.

    Attributes:
        kind: ``json_schema`` (``text`` is a JSON schema) or ``grammar`` (GBNF).
        text: The schema or grammar.
    """

    kind: Literal["json_schema", "grammar"]
    text: str


@dataclass(frozen=True, slots=True)
class Request:
    """One call to an LLM. The repeat number tells apart calls made again on purpose."""

    messages: tuple[Message, ...]
    sampling: Sampling = Sampling()
    constraint: Constraint | None = None
    repeat: int = 0


class FinishReason(StrEnum):
    """Why an answer ended."""

    STOP = "stop"
    LENGTH = "length"
    REFUSAL = "refusal"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call by class; None is unknown, never 0.

    Attributes:
        input_tokens: Fresh prompt tokens (not read from a cache).
        cache_read_tokens: Prompt tokens read from the provider's prefix cache.
        cache_write_tokens: Prompt tokens written to it.
        output_tokens: Generated tokens, reasoning left out.
        reasoning_tokens: Hidden reasoning tokens.
        source: ``reported`` by the backend, ``counted`` with ``tokenizer``, or ``unknown``.
        tokenizer: Name of the tokenizer that counted.
    """

    input_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    source: Literal["reported", "counted", "unknown"] = "unknown"
    tokenizer: str | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """A completed answer; a refusal or a stop for length is one as well.

    Attributes:
        request: The request it answers.
        text: The answer, as given.
        finish: Why it ended.
        usage: Tokens of the call.
        latency_s: Seconds from request to answer; None where unknown.
        recorded: Whether it comes from a recording, so that nothing was paid now.
    """

    request: Request
    text: str
    finish: FinishReason = FinishReason.STOP
    usage: Usage = field(default_factory=Usage)
    latency_s: float | None = None
    recorded: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that came back without an answer. Never stored as one."""

    request: Request
    error: BackendError


# -- backends ------------------------------------------------------------------------------


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


# -- agents --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AgentContext:
    """What an agent is made with.

    Attributes:
        schema: The relation schema.
        few_shot: The few-shot set of the split's seed, in file order.
        sampling: Decoding parameters for its requests.
        repeat: Repeat number of its requests (the generation seed).
    """

    schema: Schema
    few_shot: tuple[Example, ...] = ()
    sampling: Sampling = Sampling()
    repeat: int = 0


@runtime_checkable
class Extractor(Protocol):
    """An agent that labels an example directly. Made by ``cls(context=..., options=...)``."""

    summary: ClassVar[str]
    source: ClassVar[str]
    Options: ClassVar[type[BaseModel]]
    uses_few_shot: ClassVar[bool]

    def __init__(self, *, context: AgentContext, options: Any) -> None: ...

    def extract(self, *, example: Example) -> Dialogue[Prediction]:
        """Asks for the relation of ``example``."""
        ...


@dataclass(frozen=True, slots=True)
class GenerationItem:
    """One unit of generation, such as "32 samples of this label".

    Attributes:
        label: The label that is asked for.
        demonstrations: Few-shot examples shown, in order.
        count: How many samples are asked for.
    """

    label: str
    demonstrations: tuple[Example, ...]
    count: int


@dataclass(frozen=True, slots=True)
class GeneratedRow:
    """A generated sample that could be read.

    Attributes:
        example: The sample as an example, labelled with what was asked for.
        request: The request whose answer holds it.
        position: Its index among the answer's samples, from 0.
    """

    example: Example
    request: Request
    position: int


@dataclass(frozen=True, slots=True)
class Reject:
    """A written sample that was not kept.

    Attributes:
        reason: Typed reason, e.g. ``marker_missing``.
        text: The sample as written.
        label: The label that was asked for.
        request: The request whose answer holds it.
        position: Its index among the answer's samples, from 0.
    """

    reason: str
    text: str
    label: str
    request: Request
    position: int


@dataclass(frozen=True, slots=True)
class GeneratedSet:
    """What came of one item; ``len(rows) + len(rejects)`` samples were written."""

    rows: tuple[GeneratedRow, ...]
    rejects: tuple[Reject, ...] = ()


@runtime_checkable
class RowGenerator(Protocol):
    """An agent that writes training examples. Made by ``cls(context=..., options=...)``."""

    summary: ClassVar[str]
    source: ClassVar[str]
    Options: ClassVar[type[BaseModel]]
    uses_few_shot: ClassVar[bool]

    def __init__(self, *, context: AgentContext, options: Any) -> None: ...

    def items(self) -> Sequence[GenerationItem]:
        """The units of work, each advanced as a dialogue of its own."""
        ...

    def generate(self, *, item: GenerationItem) -> Dialogue[GeneratedSet]:
        """Asks for the samples of one item."""
        ...


# -- students ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FitReport:
    """What training did.

    Attributes:
        examples: Number of training examples.
        steps: Optimiser steps (or solver iterations).
        seconds: Wall-clock seconds.
        losses: Mean training loss per epoch, where there are epochs.
        notes: Anything a reader of the table should know.
    """

    examples: int
    steps: int
    seconds: float
    losses: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()


@runtime_checkable
class Student(Protocol):
    """A small model. Made by ``cls(schema=..., options=Options(...))``.

    ``name`` is its registry name, which ``save`` writes so that ``load_student`` finds the
    class again.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]
    Options: ClassVar[type[BaseModel]]

    def __init__(self, *, schema: Schema, options: Any) -> None: ...

    @property
    def labels(self) -> tuple[str, ...]:
        """Label names in the order of the probabilities' columns: the schema's order."""
        ...

    def fit(
        self,
        *,
        examples: Sequence[Example],
        seed: int,
        dev: Sequence[Example] = (),
        progress: Progress | None = None,
    ) -> FitReport:
        """Trains on labelled examples. The same seed and data give the same model."""
        ...

    def predict_proba(
        self, *, examples: Sequence[Example], progress: Progress | None = None
    ) -> NDArray[np.float64]:
        """Probabilities of shape (examples, labels); rows sum to 1."""
        ...

    def save(self, *, folder: Path) -> None:
        """Writes the model into an existing, empty folder; safetensors and JSON only."""
        ...

    @classmethod
    def load(cls, *, folder: Path) -> Self:
        """Reads what ``save`` wrote."""
        ...
