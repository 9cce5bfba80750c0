"""Self-consistency: several sampled answers, a vote, and their agreement as confidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

from pydantic import BaseModel, Field

from agents.extractors._explain_then_label import reasons_of
from agents.extractors._label_extractor import ExtractorOptions, LabelExtractor
from agents.prompts import labelling_messages
from harness.protocols import Dialogue
from harness.relations import Example, Prediction

__all__ = ["SelfConsistencyExtractor", "SelfConsistencyOptions"]


class SelfConsistencyOptions(ExtractorOptions):
    """Options of ``self_consistency.v1``.

    Attributes:
        samples: Answers per sentence.
        reasoning: Whether each answer gives its reasons first, as published.
        definitions: Whether labels are shown with what they mean.
    """

    samples: int = Field(default=5, ge=2)
    reasoning: bool = True
    definitions: bool = True


class SelfConsistencyExtractor(LabelExtractor[SelfConsistencyOptions]):
    """One round of samples of the same request, told apart by their repeat numbers.

    The backend must sample (a temperature above 0): greedy answers agree with themselves.
    """

    summary: ClassVar[str] = "Several sampled answers per sentence; their vote, and its share."
    source: ClassVar[str] = "Wang et al. 2023, Self-Consistency (arXiv 2203.11171)"
    Options: ClassVar[type[BaseModel]] = SelfConsistencyOptions

    def extract(self, *, example: Example) -> Dialogue[Prediction]:
        """Asks for all samples at once and counts the labels that could be read."""
        count = self._options.samples
        request = self._request(
            *labelling_messages(
                schema=self._schema,
                example=example,
                labels=self._offered(example),
                definitions=self._options.definitions,
                form="reasoned" if self._options.reasoning else "json",
            )
        )
        completions = yield [self._sampled(request, i, count) for i in range(count)]
        answers = [self._read(example, completion) for completion in completions]
        return _vote(example, answers)


def _vote(example: Example, answers: Sequence[Prediction]) -> Prediction:
    """The label most answers give; of equals the one given first.

    A label's probability is its share of all answers, those that could not be read among them.
    Without any label the commonest fault is the outcome.
    """
    votes = Counter(answer.label for answer in answers if answer.label is not None)
    if not votes:
        fault = Counter(answer.outcome for answer in answers).most_common(1)[0][0]
        return Prediction(example.id, None, fault, answer=answers[0].answer)
    winner = votes.most_common(1)[0][0]
    chosen = next(answer for answer in answers if answer.label == winner)
    return Prediction(
        example.id,
        winner,
        answer=chosen.answer,
        probabilities={label: votes[label] / len(answers) for label in votes},
        evidence=reasons_of(chosen.answer or ""),
    )
