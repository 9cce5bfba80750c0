"""What says why a labelled example has its label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel

from harness.protocols._agents import AgentContext, Dialogue
from harness.protocols._calls import Request
from harness.relations import Example, Outcome

__all__ = ["Explainer", "Explanation"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an example has its label, or that the LLM did not say.

    Attributes:
        example_id: Id of the example.
        label: The label that is explained.
        text: The explanation if ``outcome`` is ``PARSED``, else what was answered instead.
        request: The request whose answer it is.
        outcome: Whether the answer can be used.
    """

    example_id: str
    label: str
    text: str
    request: Request
    outcome: Outcome = Outcome.PARSED


@runtime_checkable
class Explainer(Protocol):
    """An agent that explains labels. Made by ``cls(context=..., options=...)``."""

    summary: ClassVar[str]
    source: ClassVar[str]
    Options: ClassVar[type[BaseModel]]

    def __init__(self, *, context: AgentContext, options: Any) -> None: ...

    def explain(self, *, example: Example) -> Dialogue[Explanation]:
        """Asks why a labelled example has its label."""
        ...
