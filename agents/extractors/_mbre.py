"""M-BRe: a question per group of dissimilar labels, then yes or no about each that is named."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import ClassVar, Literal

from pydantic import BaseModel, Field

from agents.answers import first_object, visible
from agents.extractors._label_extractor import ExtractorOptions, LabelExtractor
from agents.prompts import label_line, labelling_messages, render
from harness.errors import ConfigError, Problem
from harness.protocols import (
    AgentContext,
    Completion,
    Dialogue,
    Message,
    PlannedRound,
    Request,
)
from harness.relations import Example, Outcome, Prediction, Schema, render_marked

__all__ = ["MBreExtractor", "MBreOptions", "dissimilar_groups"]


class MBreOptions(ExtractorOptions):
    """Options of ``mbre.v1``.

    Attributes:
        groups: The labels of each group, every label but NA once; left out, dissimilar labels are
            put together.
        group_size: Labels per group where no groups are given, as far as they divide evenly.
        threshold: Least confidence of a label that is kept.
        votes: Times that each yes-or-no question is asked, under repeat numbers of their own; the
            confidence is the mean.
        undecided: What becomes of a sentence of whose named labels none is sure enough: it gets no
            label, so that it becomes no training row, or NA.
    """

    groups: tuple[tuple[str, ...], ...] = ()
    group_size: int = Field(default=6, ge=1)
    threshold: float = Field(default=0.8, ge=0, le=1)
    votes: int = Field(default=1, ge=1)
    undecided: Literal["leave_out", "na"] = "leave_out"


class MBreExtractor(LabelExtractor[MBreOptions]):
    """Two rounds: one call per group of labels, one per label that a group's answer names.

    No gold label is read: neither the groups nor the threshold come from labelled sentences.
    """

    summary: ClassVar[str] = (
        "One call per group of dissimilar labels, and yes or no for each named."
    )
    source: ClassVar[str] = "Li, Dai and Li 2025, M-BRe (arXiv 2509.07730)"
    Options: ClassVar[type[BaseModel]] = MBreOptions

    def __init__(self, *, context: AgentContext, options: MBreOptions) -> None:
        super().__init__(context=context, options=options)
        _check_groups(options.groups, context.schema)

    @cached_property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """The labels of each group, NA left out."""
        return self._options.groups or dissimilar_groups(self._schema, self._options.group_size)

    def later_rounds(self, *, example: Example) -> tuple[PlannedRound, ...]:
        """A yes-or-no question per named label; likely one label is named."""
        votes = self._options.votes
        return (PlannedRound(0, votes, len(self._asked(example)) * votes),)

    def extract(self, *, example: Example) -> Dialogue[Prediction]:
        """Asks each group for its label, and about each named label whether it holds."""
        na = self._schema.na_label
        groups = self._asked(example)
        answers = yield [self._choice(example, labels) for labels in groups]
        read = [
            self._within(group, self._read(example, answer))
            for group, answer in zip(groups, answers, strict=True)
        ]
        named = [r.label for r in read if r.label is not None and r.label != na]
        candidates = tuple(dict.fromkeys(named))
        if not candidates:
            fault = next((r for r in read if r.label is None), None)
            return fault or Prediction(example.id, na, answer=answers[0].text if answers else None)
        votes = self._options.votes
        completions = yield [
            self._sampled(self._question(example, label), vote, votes)
            for label in candidates
            for vote in range(votes)
        ]
        sure = {
            label: statistics.fmean(map(_confidence, completions[at * votes : (at + 1) * votes]))
            for at, label in enumerate(candidates)
        }
        return self._decided(example, sure, completions)

    def _asked(self, example: Example) -> list[tuple[str, ...]]:
        """The groups as far as their labels are offered for the example."""
        offered = set(self._offered(example))
        kept = (tuple(label for label in group if label in offered) for group in self.groups)
        return [group for group in kept if group]

    def _within(self, group: Sequence[str], read: Prediction) -> Prediction:
        """Turns a label that the group did not offer into an invalid one."""
        if read.label is None or read.label in (*group, self._schema.na_label):
            return read
        return replace(read, label=None, outcome=Outcome.INVALID_LABEL)

    def _choice(self, example: Example, labels: Sequence[str]) -> Request:
        return self._request(
            *labelling_messages(
                schema=self._schema, example=example, labels=(*labels, self._schema.na_label)
            )
        )

    def _question(self, example: Example, label: str) -> Request:
        content = render(
            "mbre.binary.v1",
            label_line=label_line(self._schema, label),
            sentence=render_marked(example, self._schema.markers),
            head=example.head.surface,
            tail=example.tail.surface,
        )
        return self._request(Message(role="user", content=content))

    def _decided(
        self, example: Example, sure: dict[str, float], completions: Sequence[Completion]
    ) -> Prediction:
        evidence = "; ".join(f"{label}: {value:.2f}" for label, value in sure.items())
        answer = completions[-1].text
        top = max(sure.values())
        best = [label for label, value in sure.items() if value == top]
        if top < self._options.threshold and self._options.undecided == "na":
            return Prediction(example.id, self._schema.na_label, answer=answer, evidence=evidence)
        if top < self._options.threshold or len(best) > 1:
            return Prediction(example.id, None, Outcome.AMBIGUOUS, answer=answer, evidence=evidence)
        return Prediction(example.id, best[0], answer=answer, evidence=evidence)


def _confidence(completion: Completion) -> float:
    """How sure an answer is that the relation holds; 0 where it does not or cannot be read."""
    found = first_object(completion)
    holds = found.get("holds", visible(completion))
    said = str(holds).strip().casefold().strip("\"'`*.")
    if holds is not True and not said.startswith(("yes", "true")):
        return 0.0
    sure = found.get("confidence", 1.0)
    if isinstance(sure, bool) or not isinstance(sure, int | float):
        return 1.0
    return min(1.0, max(0.0, sure / 100 if sure > 1 else float(sure)))


def dissimilar_groups(schema: Schema, size: int) -> tuple[tuple[str, ...], ...]:
    """Puts labels together whose descriptions have little in common.

    There are ``labels // size`` groups, at least one, as even as can be. The labels go in the
    schema's order, each to the group with room whose most similar member is least similar to it,
    by the cosine of the TF-IDF vectors of their descriptions.
    """
    from sklearn.feature_extraction.text import (  # type: ignore[import-untyped]
        TfidfVectorizer,
    )

    labels = schema.positive_labels
    count = max(1, len(labels) // size)
    vectors = TfidfVectorizer().fit_transform([label_line(schema, label) for label in labels])
    similar = (vectors @ vectors.T).toarray()
    most = -(-len(labels) // count)
    groups: list[list[int]] = [[] for _ in range(count)]
    for place in range(len(labels)):
        open_groups = (group for group in groups if len(group) < most)
        best = min(
            open_groups,
            key=lambda g: (max((float(similar[place, other]) for other in g), default=0.0), len(g)),
        )
        best.append(place)
    return tuple(tuple(labels[place] for place in group) for group in groups if group)


def _check_groups(groups: Sequence[Sequence[str]], schema: Schema) -> None:
    """Every label but NA stands in one group.

    Raises:
        ConfigError: With every label that does not.
    """
    if groups and (problems := list(_misplaced(groups, schema))):
        raise ConfigError(problems)


def _misplaced(groups: Sequence[Sequence[str]], schema: Schema) -> Iterator[Problem]:
    listed = [label for group in groups for label in group]
    fix = f"put every label but {schema.na_label} into one group"
    for label in dict.fromkeys(listed):
        if label not in schema.positive_labels:
            yield Problem(f"mbre.v1: {label!r} is no label for a group", fix)
    for label in schema.positive_labels:
        if listed.count(label) != 1:
            yield Problem(f"mbre.v1: {label!r} is in {listed.count(label)} groups", fix)
