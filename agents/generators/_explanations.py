"""Why gold sentences have their labels, in an LLM's words."""

from __future__ import annotations

import re
from typing import ClassVar

from pydantic import BaseModel

from agents.prompts import explain_messages
from agents.reasoning import visible_answer
from harness.documents import FileModel
from harness.protocols import (
    AgentContext,
    Completion,
    Dialogue,
    Explanation,
    FinishReason,
    Request,
)
from harness.relations import Example, Outcome

__all__ = ["Explanations", "ExplanationsOptions"]

# At the beginning alone: further on the words may be the sentence's own.
_REFUSES = re.compile(
    r"^\W*(?:(?:I['’]m|I am)\s+(?:very\s+)?(?:sorry|unable|not\s+able)"
    r"|I\s+(?:cannot|can\s*not|can['’]t|won['’]t)|(?:sorry|unfortunately)\b.{0,20}\bI\b"
    r"|as\s+an?\s+(?:AI|language\s+model))\b",
    re.IGNORECASE,
)


class ExplanationsOptions(FileModel):
    """``explanations.v1`` takes no options."""


class Explanations:
    """One call per gold sentence; white space in an explanation is made single.

    The request is that of the paper's idea in our own words (template ``explain.v1``): text, head,
    tail, label, and what the label means.
    """

    name: ClassVar[str] = "explanations.v1"
    summary: ClassVar[str] = "Why the head of a gold sentence has its relation to the tail."
    source: ClassVar[str] = "Guo et al. 2025, TKRE (arXiv 2505.12236)"
    Options: ClassVar[type[BaseModel]] = ExplanationsOptions

    def __init__(self, *, context: AgentContext, options: ExplanationsOptions) -> None:
        self._context = context

    def explain(self, *, example: Example) -> Dialogue[Explanation]:
        """Asks once.

        Raises:
            ValueError: When the example is not labelled.
        """
        request = Request(
            messages=explain_messages(schema=self._context.schema, example=example),
            sampling=self._context.sampling,
            repeat=self._context.repeat,
        )
        (completion,) = yield [request]
        text = " ".join(visible_answer(completion.text).text.split())
        outcome = _outcome(completion, text)
        return Explanation(
            example_id=example.id,
            label=example.relation or "",
            text=text if outcome is Outcome.PARSED else completion.text,
            request=request,
            outcome=outcome,
        )


def _outcome(completion: Completion, text: str) -> Outcome:
    if completion.finish is FinishReason.REFUSAL:
        return Outcome.REFUSED
    if completion.finish is FinishReason.LENGTH:
        return Outcome.CUT_OFF
    if not text:
        ended = visible_answer(completion.text).reasoning_ended
        return Outcome.EMPTY if ended else Outcome.CUT_OFF
    return Outcome.REFUSED if _REFUSES.match(text) else Outcome.PARSED
