"""Generator and reflection: one role labels, a second criticises, the first revises."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from pydantic import BaseModel, Field

from agents.extractors._answer_text import first_object, visible
from agents.extractors._label_extractor import ExtractorOptions, LabelExtractor
from agents.prompts import labelling_messages, render, shown_labels
from harness.protocols import Completion, Dialogue, Message, PlannedRound
from harness.relations import Example, Prediction, render_marked

__all__ = ["ReflectiveExtractor", "ReflectiveOptions"]


class ReflectiveOptions(ExtractorOptions):
    """Options of ``reflective.v1``.

    Attributes:
        turns: Critiques at most; each may be followed by a revision.
        definitions: Whether labels are shown with what they mean.
    """

    turns: int = Field(default=3, ge=1)
    definitions: bool = True


class ReflectiveExtractor(LabelExtractor[ReflectiveOptions]):
    """A label, and then critique and revision in turns until the critic accepts."""

    summary: ClassVar[str] = "A second role criticises the label and the first revises it."
    source: ClassVar[str] = "Berijanian, Singh and Sehati 2025 (arXiv 2506.02426)"
    Options: ClassVar[type[BaseModel]] = ReflectiveOptions

    def later_rounds(self, *, example: Example) -> tuple[PlannedRound, ...]:
        """A critique for sure; likely one sentence in four is revised once and accepted then."""
        rounds = [PlannedRound.exactly(1)]
        likely = 1.0
        for turn in range(self._options.turns):
            likely /= 4
            rounds.append(PlannedRound(0, likely, 1))
            if turn + 1 < self._options.turns:
                rounds.append(PlannedRound(0, likely, 1))
        return tuple(rounds)

    def extract(self, *, example: Example) -> Dialogue[Prediction]:
        """Two rounds at least (label, critique), 1 + 2 * turns at most."""
        messages = labelling_messages(
            schema=self._schema,
            example=example,
            labels=self._offered(example),
            definitions=self._options.definitions,
            form="reasoned",
        )
        (completion,) = yield [self._request(*messages)]
        critiques: list[str] = []
        for _ in range(self._options.turns):
            (review,) = yield [self._request(self._review(example, completion))]
            critique = _critique(review)
            if critique is None:
                break
            critiques.append(critique)
            messages = (
                *messages,
                Message(role="assistant", content=visible(completion)),
                Message(role="user", content=render("reflective.revise.v1", critique=critique)),
            )
            (completion,) = yield [self._request(*messages)]
        evidence = "\n".join(critiques) or None
        return replace(self._read(example, completion), evidence=evidence)

    def _review(self, example: Example, answer: Completion) -> Message:
        labels = self._offered(example)
        content = render(
            "reflective.critic.v1",
            schema=self._schema,
            label_lines=shown_labels(self._schema, labels, definitions=self._options.definitions),
            sentence=render_marked(example, self._schema.markers),
            answer=visible(answer),
        )
        return Message(role="user", content=content)


def _critique(review: Completion) -> str | None:
    """What the critic objects to; None where it accepts.

    A review without a readable verdict is an objection if it says anything at all.
    """
    found = first_object(review)
    verdict = found.get("verdict")
    if isinstance(verdict, str) and verdict.strip().casefold().startswith("accept"):
        return None
    critique = found.get("critique")
    if isinstance(critique, str) and critique.strip():
        return critique.strip()
    text = visible(review)
    return text or None
