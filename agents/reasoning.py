"""Reasoning that a model writes before its answer: ``<think>...</think>``."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["VisibleAnswer", "visible_answer"]

_OPEN = re.compile(r"<(think|thinking|reasoning)>", re.IGNORECASE)
_CLOSE = re.compile(r"</(think|thinking|reasoning)>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class VisibleAnswer:
    """What a model answers once its reasoning is left out.

    Attributes:
        text: The answer; empty where the reasoning never ended.
        reasoning_ended: False where a reasoning block was opened and not closed.
    """

    text: str
    reasoning_ended: bool = True


def visible_answer(text: str) -> VisibleAnswer:
    """Leaves out the reasoning: labels and samples weighed there are not the answer.

    A block that is closed but not opened counts as reasoning from the start: some chat
    templates write the opening tag themselves.

    >>> visible_answer("<think>Other?</think> Cause-Effect(e1,e2)").text
    ' Cause-Effect(e1,e2)'
    """
    after_last_close = max((m.end() for m in _CLOSE.finditer(text)), default=0)
    rest = text[after_last_close:]
    if _OPEN.match(rest.lstrip()):
        return VisibleAnswer(text="", reasoning_ended=False)
    return VisibleAnswer(text=rest)
