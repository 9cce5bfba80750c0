"""What talks to an LLM without doing any I/O: extractors and generators."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeAlias, TypeVar, runtime_checkable

from pydantic import BaseModel

from harness.protocols._calls import Completion, Request, Sampling
from harness.protocols._neighbours import Neighbour
from harness.relations import Example, Prediction, Schema

__all__ = [
    "AgentContext",
    "Dialogue",
    "Extractor",
    "GeneratedRow",
    "GeneratedSet",
    "GenerationItem",
    "Reject",
    "RowGenerator",
]

T = TypeVar("T")

Dialogue: TypeAlias = Generator[Sequence[Request], Sequence[Completion], T]
"""Yields the requests of a round, is sent their completions in order, returns its result."""


@dataclass(frozen=True, slots=True)
class AgentContext:
    """What an agent is made with.

    Attributes:
        schema: The relation schema.
        few_shot: The few-shot set of the split's seed, in file order.
        sampling: Decoding parameters for its requests.
        repeat: Repeat number of its requests (the generation seed).
        neighbours: Example id to its neighbours, nearest first, for an extractor that
            ``SearchesNeighbours``.
    """

    schema: Schema
    few_shot: tuple[Example, ...] = ()
    sampling: Sampling = field(default_factory=Sampling)
    repeat: int = 0
    neighbours: Mapping[str, tuple[Neighbour, ...]] = field(default_factory=dict, hash=False)


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
        facts: What else tells the item apart, such as the kind of NA row; its rows carry them.
    """

    label: str
    demonstrations: tuple[Example, ...]
    count: int
    facts: Mapping[str, str] = field(default_factory=dict, hash=False)


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
    """An agent that writes training examples. Made by ``cls(context=..., options=...)``.

    A class attribute ``needs_few_shot`` that is true says that it has nothing to do without
    few-shot examples.
    """

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
