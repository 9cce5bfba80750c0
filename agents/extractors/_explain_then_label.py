"""Reasons first, then the label: in one answer, or as evidence from a call of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import BaseModel

from agents.extractors._answer_text import visible
from agents.extractors._label_extractor import ExtractorOptions, LabelExtractor
from agents.prompts import labelling_messages, render
from harness.protocols import Dialogue, Message, PlannedRound
from harness.relations import Example, Prediction, render_marked

__all__ = ["ExplainThenLabelExtractor", "ExplainThenLabelOptions", "reasons_of"]


class ExplainThenLabelOptions(ExtractorOptions):
    """Options of ``explain_then_label.v1``.

    Attributes:
        evidence: ``same_call`` (the answer gives reasons and ends with the label) or
            ``first_call`` (a first call quotes the evidence, a second one labels with it).
        definitions: Whether labels are shown with what they mean.
    """

    evidence: Literal["same_call", "first_call"] = "same_call"
    definitions: bool = True


class ExplainThenLabelExtractor(LabelExtractor[ExplainThenLabelOptions]):
    """One round or two; the prediction carries the reasons as its evidence."""

    summary: ClassVar[str] = "Reasons before the label: in one call, or as evidence from a first."
    source: ClassVar[str] = (
        "Wei et al. 2022, chain of thought (arXiv 2201.11903); Ma et al. 2023 (arXiv 2311.05922)"
    )
    Options: ClassVar[type[BaseModel]] = ExplainThenLabelOptions

    def later_rounds(self, *, example: Example) -> tuple[PlannedRound, ...]:
        """With evidence from a first call the label is asked for in a second round."""
        return (PlannedRound.exactly(1),) if self._options.evidence == "first_call" else ()

    def extract(self, *, example: Example) -> Dialogue[Prediction]:
        """Asks for the reasons and the label."""
        if self._options.evidence == "same_call":
            messages = self._labelling(example, "reasoned")
            (completion,) = yield [self._request(*messages)]
            return replace(self._read(example, completion), evidence=reasons_of(completion.text))
        sentence = render_marked(example, self._schema.markers)
        asked = render(
            "explain_then_label.evidence.v1",
            sentence=sentence,
            head=example.head.surface,
            tail=example.tail.surface,
        )
        (found,) = yield [self._request(Message(role="user", content=asked))]
        evidence = visible(found)
        messages = self._labelling(example, "json")
        content = render("explain_then_label.label.v1", sentence=sentence, evidence=evidence)
        last = Message(role="user", content=content)
        (completion,) = yield [self._request(*messages[:-1], last)]
        return replace(self._read(example, completion), evidence=evidence or None)

    def _labelling(
        self, example: Example, form: Literal["json", "reasoned"]
    ) -> tuple[Message, ...]:
        return labelling_messages(
            schema=self._schema,
            example=example,
            labels=self._offered(example),
            definitions=self._options.definitions,
            form=form,
        )


def reasons_of(answer: str) -> str | None:
    """What stands before the last JSON object of an answer; None where nothing does."""
    before = answer.rpartition("{")[0].replace("```json", "").replace("```", "").strip()
    return before or None
