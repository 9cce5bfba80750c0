"""SUMASK: summarise, ask a yes/no question per relation, and choose the least uncertain yes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from typing import ClassVar, Literal

from pydantic import BaseModel, Field

from agents.extractors._answer_text import fault_of, visible
from agents.extractors._label_extractor import ExtractorOptions, LabelExtractor
from agents.prompts import label_statement, render
from harness.protocols import Completion, Dialogue, Message, PlannedRound, Request
from harness.relations import Example, Prediction, render_marked

__all__ = ["SummarizeAskExtractor", "SummarizeAskOptions"]

_YES_NO = re.compile(r"\b(yes|no)\b", re.IGNORECASE)


class SummarizeAskOptions(ExtractorOptions):
    """Options of ``summarize_ask.v1``.

    Attributes:
        samples: Chains of summary, question and answer per relation (``k`` of the paper).
        question: ``generated`` by the LLM from a statement of the relation, as published, or the
            ``statement`` itself with "Is it true that", which saves a round.
        statements: Label to its wording with ``{head}`` and ``{tail}``.
    """

    samples: int = Field(default=3, ge=1)
    question: Literal["generated", "statement"] = "generated"
    statements: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chains:
    """What the chains of one relation came to.

    Attributes:
        label: The relation's label.
        yes: Share of its readable answers that are yes.
        uncertainty: 0 (the chains say the same) to 1.
    """

    label: str
    yes: float
    uncertainty: float


class SummarizeAskExtractor(LabelExtractor[SummarizeAskOptions]):
    """Three rounds: ``k`` summaries; ``k`` questions per label; ``k`` answers per label."""

    summary: ClassVar[str] = "A summary, then a yes/no question per relation; the surest yes wins."
    source: ClassVar[str] = "Li, Wang and Ke 2023, SUMASK (arXiv 2310.05028)"
    Options: ClassVar[type[BaseModel]] = SummarizeAskOptions

    def later_rounds(self, *, example: Example) -> tuple[PlannedRound, ...]:
        """``k`` answers per label, and before them ``k`` questions where they are generated."""
        labels = sum(label != self._schema.na_label for label in self._offered(example))
        one = PlannedRound.exactly(labels * self._options.samples)
        return (one, one) if self._options.question == "generated" else (one,)

    def extract(self, *, example: Example) -> Dialogue[Prediction]:
        """Asks about every label but NA, which is the answer where no question is answered yes."""
        count = self._options.samples
        sentence = render_marked(example, self._schema.markers)
        head, tail = example.head.surface, example.tail.surface
        labels = [label for label in self._offered(example) if label != self._schema.na_label]
        summaries = yield self._samples(
            render("summarize_ask.summary.v1", sentence=sentence, head=head, tail=tail)
        )
        questions: dict[str, list[str]] = {}
        statements = {
            label: label_statement(
                self._schema, label, f'"{head}"', f'"{tail}"', self._options.statements
            )
            for label in labels
        }
        if self._options.question == "generated":
            written = yield [
                request
                for label in labels
                for request in self._samples(
                    render("summarize_ask.question.v1", statement=statements[label])
                )
            ]
            for place, label in enumerate(labels):
                of_label = written[place * count : (place + 1) * count]
                questions[label] = [visible(question) for question in of_label]
        else:
            for label in labels:
                questions[label] = [f"Is it true that {statements[label]}?"] * count
        answers = yield [
            self._sampled(
                self._user(
                    render(
                        "summarize_ask.answer.v1",
                        sentence=sentence,
                        summary=visible(summaries[i]),
                        question=questions[label][i],
                    )
                ),
                i,
                count,
            )
            for label in labels
            for i in range(count)
        ]
        by_label = {
            label: answers[place * count : (place + 1) * count]
            for place, label in enumerate(labels)
        }
        texts = [visible(summary) for summary in summaries]
        return self._decided(example, by_label, questions, texts)

    def _user(self, content: str) -> Request:
        return self._request(Message(role="user", content=content))

    def _samples(self, content: str) -> list[Request]:
        count = self._options.samples
        return [self._sampled(self._user(content), i, count) for i in range(count)]

    def _decided(
        self,
        example: Example,
        answers: Mapping[str, Sequence[Completion]],
        questions: Mapping[str, Sequence[str]],
        summaries: Sequence[str],
    ) -> Prediction:
        chains = []
        for label, given in answers.items():
            said = [word for answer in given if (word := _yes_or_no(answer)) is not None]
            if not said:
                continue
            yes = said.count("yes") / len(said)
            spread = (dispersion(summaries), dispersion(questions[label]), 1 - abs(2 * yes - 1))
            chains.append(Chains(label, yes, fmean(spread)))
        if answers and not chains:
            first = next(iter(answers.values()))[0]
            return Prediction(example.id, None, fault_of(first), answer=first.text)
        held = [chain for chain in chains if chain.yes > 0.5]
        evidence = "\n".join(dict.fromkeys(summaries)) or None
        if not held:
            most = max((chain.yes for chain in chains), default=0.0)
            label, probability = self._schema.na_label, 1 - most
        else:
            best = min(held, key=lambda chain: chain.uncertainty)  # of equals the first
            label, probability = best.label, best.yes * (1 - best.uncertainty)
        return Prediction(example.id, label, probabilities={label: probability}, evidence=evidence)


def dispersion(texts: Sequence[str]) -> float:
    """How much texts differ: 1 minus the mean overlap of two texts' words (Jaccard), 0 to 1.

    >>> dispersion(["fire causes smoke", "fire causes smoke"])
    0.0
    >>> dispersion(["fire causes smoke", "no relation"])
    1.0
    """
    words = [frozenset(re.findall(r"\w+", text.casefold())) for text in texts]
    pairs = list(combinations(words, 2))
    if not pairs:
        return 0.0
    return 1 - fmean(len(a & b) / len(a | b) if a | b else 1.0 for a, b in pairs)


def _yes_or_no(completion: Completion) -> str | None:
    """The first yes or no of an answer."""
    found = _YES_NO.search(visible(completion))
    return found[1].casefold() if found is not None else None
