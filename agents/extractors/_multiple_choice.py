"""QA4RE: relation extraction as a multiple-choice question."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import ClassVar

from pydantic import BaseModel, Field

from agents.extractors._answer_text import fault_of, visible
from agents.extractors._label_extractor import ExtractorOptions, LabelExtractor
from agents.prompts import bracketed, label_statement, render
from harness.protocols import Completion, Dialogue, FinishReason, Message
from harness.relations import Example, Outcome, Prediction

__all__ = ["MultipleChoiceExtractor", "MultipleChoiceOptions"]

_STATED = re.compile(r"\b(?i:option|answer|choice)s?\b(?:\s+(?:is|be))?[\s:=]*\(?([A-Z]{1,2})\b\)?")
_LEADING = re.compile(r"\(?([A-Za-z]{1,2})\)?(?:[.):]|\s*$)")


class MultipleChoiceOptions(ExtractorOptions):
    """Options of ``multiple_choice.v1``.

    Attributes:
        type_constraints: On by default, as published.
        statements: Label to its wording with ``{head}`` and ``{tail}``; a label without one is
            put by the schema's roles and descriptions.
    """

    type_constraints: bool = True
    statements: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Option:
    """One choice.

    Attributes:
        letter: ``A``, ``B``, ... and after ``Z`` ``AA``.
        label: The label it stands for.
        statement: The label as a statement about head and tail.
    """

    letter: str
    label: str
    statement: str


class MultipleChoiceExtractor(LabelExtractor[MultipleChoiceOptions]):
    """One round; the answer is the letter of an option."""

    summary: ClassVar[str] = "One call per sentence: which of the worded options can be inferred?"
    source: ClassVar[str] = "Zhang, Gutierrez and Su 2023, QA4RE (arXiv 2305.11159)"
    Options: ClassVar[type[BaseModel]] = MultipleChoiceOptions

    def extract(self, *, example: Example) -> Dialogue[Prediction]:
        """Asks once and reads the letter; what cannot be read is a typed outcome."""
        choices = list(self._choices(example))
        content = render("multiple_choice.v1", sentence=bracketed(example), options=choices)
        (completion,) = yield [self._request(Message(role="user", content=content))]
        label, outcome = _read_choice(completion, choices)
        prediction = Prediction(example.id, label, outcome, answer=completion.text)
        return self._checked(example, prediction)

    def _choices(self, example: Example) -> Iterator[Option]:
        head, tail = f"[{example.head.surface}]", f"[{example.tail.surface}]"
        for letter, label in zip(_letters(), self._offered(example), strict=False):
            statement = label_statement(self._schema, label, head, tail, self._options.statements)
            yield Option(letter, label, statement)


def _letters() -> Iterator[str]:
    yield from string.ascii_uppercase
    for first, second in product(string.ascii_uppercase, repeat=2):
        yield first + second


def _read_choice(completion: Completion, choices: Sequence[Option]) -> tuple[str | None, Outcome]:
    """The label of the one option that is chosen: by its letter, or by its whole statement."""
    text = visible(completion).strip("*`\"' ")
    if completion.finish is FinishReason.REFUSAL or not text:
        return None, fault_of(completion)
    stated = {letter for line in text.splitlines() for letter in _STATED.findall(line)}
    if (leading := _LEADING.match(text)) is not None:
        stated.add(leading[1].upper())
    if not stated:
        folded = text.casefold()
        stated = {c.letter for c in choices if c.statement.casefold() in folded}
    by_letter = {choice.letter: choice.label for choice in choices}
    if len(stated) > 1:
        return None, Outcome.AMBIGUOUS
    label = by_letter.get(next(iter(stated), ""))
    return (label, Outcome.PARSED) if label is not None else (None, fault_of(completion))
