"""Examples made for the sentence at hand: written, checked, and then labelled with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pydantic import BaseModel, Field

from agents.extractors._answer_text import first_object, strings
from agents.extractors._label_extractor import ExtractorOptions, LabelExtractor
from agents.extractors._label_forms import label_forms
from agents.prompts import label_line, labelling_messages, render, shown_labels
from harness.protocols import Completion, Dialogue, Message, PlannedRound, Request
from harness.relations import Example, MarkedTextError, Prediction, parse_marked, render_marked

__all__ = ["DynamicExamplesExtractor", "DynamicExamplesOptions"]


class DynamicExamplesOptions(ExtractorOptions):
    """Options of ``dynamic_examples.v1``.

    Attributes:
        candidates: Labels for which examples are written.
        examples: Positive and negative examples per label, each.
        definitions: Whether labels are shown with what they mean.
    """

    candidates: int = Field(default=2, ge=1)
    examples: int = Field(default=2, ge=1)
    definitions: bool = True


@dataclass(frozen=True, slots=True)
class Written:
    """An example that an agent wrote.

    Attributes:
        sentence: The marked sentence.
        label: The label it was written for.
        positive: Whether the label is meant to hold in it.
    """

    sentence: str
    label: str
    positive: bool


class DynamicExamplesExtractor(LabelExtractor[DynamicExamplesOptions]):
    """Four rounds: candidate labels, examples of each, a check of each, the label."""

    summary: ClassVar[str] = "Agents write and check examples for the sentence before labelling it."
    source: ClassVar[str] = "Berijanian, Singh and Sehati 2025 (arXiv 2506.02426)"
    Options: ClassVar[type[BaseModel]] = DynamicExamplesOptions

    def later_rounds(self, *, example: Example) -> tuple[PlannedRound, ...]:
        """Examples and checks per candidate, and the label; the first two may not come."""
        most = min(self._options.candidates, len(self._offered(example)))
        each = PlannedRound(0, most, most)
        return each, each, PlannedRound.exactly(1)

    def extract(self, *, example: Example) -> Dialogue[Prediction]:
        """Asks for the label after examples that a second agent let pass."""
        sentence = render_marked(example, self._schema.markers)
        (proposed,) = yield [self._candidates(example, sentence)]
        labels = self._named(example, proposed)
        kept: list[Written] = []
        if labels:
            answers = yield [self._write(label, sentence) for label in labels]
            written = [self._sound(a, lb) for a, lb in zip(answers, labels, strict=True)]
            written = [items for items in written if items]
            if written:
                checks = yield [self._check(items) for items in written]
                for items, check in zip(written, checks, strict=True):
                    kept += _passed(items, check)
        messages = labelling_messages(
            schema=self._schema,
            example=example,
            labels=self._offered(example),
            definitions=self._options.definitions,
        )
        if kept:
            content = render("dynamic_examples.label.v1", items=kept, sentence=sentence)
            messages = (*messages[:-1], Message(role="user", content=content))
        (completion,) = yield [self._request(*messages)]
        return self._read(example, completion)

    def _candidates(self, example: Example, sentence: str) -> Request:
        labels = self._offered(example)
        return self._asked(
            "dynamic_examples.candidates.v1",
            schema=self._schema,
            label_lines=shown_labels(self._schema, labels, definitions=self._options.definitions),
            sentence=sentence,
            count=self._options.candidates,
        )

    def _named(self, example: Example, proposed: Completion) -> list[str]:
        """The candidates that are labels offered for the example."""
        forms = label_forms(self._schema)
        named = [forms.label(text) for text in strings(first_object(proposed).get("candidates"))]
        offered = set(self._offered(example))
        known = [label for label in dict.fromkeys(named) if label is not None and label in offered]
        return known[: self._options.candidates]

    def _write(self, label: str, sentence: str) -> Request:
        return self._asked(
            "dynamic_examples.write.v1",
            schema=self._schema,
            label_line=label_line(self._schema, label),
            sentence=sentence,
            count=self._options.examples,
        )

    def _sound(self, answer: Completion, label: str) -> list[Written]:
        """The written examples in which one head and one tail are marked, no more than asked."""
        found = first_object(answer)
        written = []
        for key, positive in (("positive", True), ("negative", False)):
            for text in strings(found.get(key, []))[: self._options.examples]:
                try:
                    parse_marked(text, self._schema.markers)
                except MarkedTextError:
                    continue
                written.append(Written(" ".join(text.split()), label, positive))
        return written

    def _check(self, items: Sequence[Written]) -> Request:
        return self._asked(
            "dynamic_examples.check.v1",
            schema=self._schema,
            label_line=label_line(self._schema, items[0].label),
            items=items,
        )

    def _asked(self, template: str, **values: object) -> Request:
        return self._request(Message(role="user", content=render(template, **values)))


def _passed(items: Sequence[Written], check: Completion) -> list[Written]:
    """The examples whose numbers the check names; none where it cannot be read."""
    named = first_object(check).get("keep")
    numbers = {n for n in named if isinstance(n, int)} if isinstance(named, list) else set()
    return [item for number, item in enumerate(items, start=1) if number in numbers]
