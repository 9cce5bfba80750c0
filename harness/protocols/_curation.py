"""What judges the rows of a training set: gates, with and without an LLM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeAlias, runtime_checkable

from pydantic import BaseModel

from harness.protocols._agents import AgentContext, Dialogue
from harness.relations import Example, Schema

__all__ = ["KEPT", "AskingGate", "Gate", "GateContext", "GateKind", "Judgement"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a gate says of one row.

    Attributes:
        reason: Typed reason for its rejection, e.g. ``near_duplicate``; None keeps it.
        detail: What a reader wants to know, such as the id of the row it repeats.
    """

    reason: str | None = None
    detail: str = ""

    @property
    def kept(self) -> bool:
        """Whether the row stays."""
        return self.reason is None


KEPT = Judgement()


@dataclass(frozen=True, slots=True)
class GateContext:
    """What a gate that asks no LLM is made with.

    Attributes:
        schema: The relation schema.
        test: The widest test set, for a gate that ``uses_test``; else empty.
    """

    schema: Schema
    test: tuple[Example, ...] = ()


@runtime_checkable
class Gate(Protocol):
    """A gate that asks no LLM. Made by ``cls(context=GateContext(...), options=...)``.

    ``uses_test`` says whether it compares rows with the test set. ``noise`` says, where the share
    of rows that it rejects is an estimate of label noise, how that estimate comes about.
    """

    summary: ClassVar[str]
    source: ClassVar[str]
    Options: ClassVar[type[BaseModel]]
    uses_test: ClassVar[bool]
    noise: ClassVar[str | None]

    def __init__(self, *, context: GateContext, options: Any) -> None: ...

    def judge(self, *, rows: Sequence[Example]) -> Sequence[Judgement]:
        """One judgement per row, in the rows' order; earlier rows go before later ones."""
        ...


@runtime_checkable
class AskingGate(Protocol):
    """A gate that asks an LLM about one row at a time, without doing any I/O.

    Made by ``cls(context=AgentContext(...), options=...)``.
    """

    summary: ClassVar[str]
    source: ClassVar[str]
    Options: ClassVar[type[BaseModel]]
    noise: ClassVar[str | None]

    def __init__(self, *, context: AgentContext, options: Any) -> None: ...

    @classmethod
    def shows_few_shot(cls, *, options: Any) -> bool:
        """Whether it shows few-shot examples, with these options."""
        ...

    def review(self, *, row: Example) -> Dialogue[Judgement]:
        """Asks about a row; its label is the one that was asked for."""
        ...


GateKind: TypeAlias = type[Gate] | type[AskingGate]
