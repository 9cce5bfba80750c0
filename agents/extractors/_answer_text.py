"""Which kind of fault an answer has from which nothing could be read."""

from __future__ import annotations

from agents.answers import first_object, strings, visible
from agents.extractors._free_text import is_refusal
from agents.reasoning import visible_answer
from harness.protocols import Completion, FinishReason
from harness.relations import Outcome

__all__ = ["fault_of", "first_object", "strings", "visible"]


def fault_of(completion: Completion) -> Outcome:
    """Which kind of fault an answer has from which nothing could be read."""
    if completion.finish is FinishReason.REFUSAL:
        return Outcome.REFUSED
    if completion.finish is FinishReason.LENGTH:
        return Outcome.CUT_OFF
    found = visible_answer(completion.text)
    if not found.reasoning_ended:
        return Outcome.CUT_OFF
    if not found.text.strip():
        return Outcome.EMPTY
    return Outcome.REFUSED if is_refusal(found.text) else Outcome.INVALID_LABEL
