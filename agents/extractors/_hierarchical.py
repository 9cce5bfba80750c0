"""Supervisor and specialists: a sentence is routed to those who know a group of relations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from pydantic import BaseModel, Field

from agents.extractors._answer_text import first_object, strings
from agents.extractors._explain_then_label import reasons_of
from agents.extractors._label_extractor import ExtractorOptions, LabelExtractor
from agents.prompts import labelling_messages, render, shown_labels
from harness.errors import ConfigError, Problem
from harness.protocols import (
    AgentContext,
    Completion,
    Dialogue,
    Message,
    PlannedRound,
    Request,
)
from harness.relations import Example, Prediction, Schema, render_marked

__all__ = ["HierarchicalExtractor", "HierarchicalOptions"]


class HierarchicalOptions(ExtractorOptions):
    """Options of ``hierarchical.v1``.

    Attributes:
        groups: Name of a specialist to the relations it knows, each relation once; without it
            ``group_size`` relations at a time, in the schema's order.
        group_size: Relations per specialist where no groups are given.
        routes: Specialists asked per sentence at most.
        definitions: Whether labels are shown with what they mean.
    """

    groups: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    group_size: int = Field(default=3, ge=1)
    routes: int = Field(default=2, ge=1)
    definitions: bool = True


@dataclass(frozen=True, slots=True)
class Group:
    """A specialist's relations, as the supervisor is told of them."""

    name: str
    labels: tuple[str, ...]
    label_lines: tuple[str, ...]


class HierarchicalExtractor(LabelExtractor[HierarchicalOptions]):
    """Route, ask the specialists at once, and decide where they disagree."""

    summary: ClassVar[str] = "A supervisor routes each sentence to specialists and decides."
    source: ClassVar[str] = "Berijanian, Singh and Sehati 2025 (arXiv 2506.02426)"
    Options: ClassVar[type[BaseModel]] = HierarchicalOptions

    def __init__(self, *, context: AgentContext, options: HierarchicalOptions) -> None:
        super().__init__(context=context, options=options)
        self._groups = _groups(context.schema, options)

    def later_rounds(self, *, example: Example) -> tuple[PlannedRound, ...]:
        """Specialists: none where no group fits, all where the route is unreadable; a decision."""
        groups = len(self._groups_for(example))
        routed = min(self._options.routes, groups)
        return PlannedRound(0, routed, groups), PlannedRound(0, 0.5 if groups > 1 else 0, 1)

    def extract(self, *, example: Example) -> Dialogue[Prediction]:
        """One round where no group fits, two where the specialists agree, else three."""
        groups = self._groups_for(example)
        sentence = render_marked(example, self._schema.markers)
        asked = render(
            "hierarchical.route.v1",
            schema=self._schema,
            groups=list(groups.values()),
            sentence=sentence,
            routes=self._options.routes,
        )
        (route,) = yield [self._request(Message(role="user", content=asked))]
        routed = self._routed(route, groups)
        na = self._schema.na_label
        if not routed:
            return Prediction(example.id, na, answer=route.text)
        completions = yield [self._specialist(example, group) for group in routed]
        answers = [self._read(example, completion) for completion in completions]
        positive = [a for a in answers if a.label is not None and a.label != na]
        if len({answer.label for answer in positive}) > 1:
            (completion,) = yield [self._decision(sentence, routed, answers)]
            return self._read(example, completion)
        read = [answer for answer in answers if answer.label is not None]
        chosen = (positive or read or answers)[0]
        return replace(chosen, evidence=reasons_of(chosen.answer or ""))

    def _groups_for(self, example: Example) -> Mapping[str, Group]:
        """The groups that hold a label offered for the example."""
        offered = set(self._offered(example))
        found = {}
        for name, labels in self._groups.items():
            if kept := tuple(label for label in labels if label in offered):
                lines = shown_labels(self._schema, kept, definitions=self._options.definitions)
                found[name] = Group(name, kept, lines)
        return found

    def _routed(self, route: Completion, groups: Mapping[str, Group]) -> list[Group]:
        """The groups that are named; all of them where the answer names none that exists."""
        found = first_object(route)
        named = strings(found.get("groups", []))
        if not named and isinstance(found.get("groups"), list) and not found["groups"]:
            return []
        by_name = {name.casefold(): group for name, group in groups.items()}
        known = [by_name[n.casefold()] for n in dict.fromkeys(named) if n.casefold() in by_name]
        return known[: self._options.routes] or list(groups.values())

    def _specialist(self, example: Example, group: Group) -> Request:
        return self._request(
            *labelling_messages(
                schema=self._schema,
                example=example,
                labels=(*group.labels, self._schema.na_label),
                definitions=self._options.definitions,
                form="reasoned",
            )
        )

    def _decision(
        self,
        sentence: str,
        routed: list[Group],
        answers: list[Prediction],
    ) -> Request:
        na = self._schema.na_label
        proposals = [
            f"{group.name}: {answer.label}. {reasons_of(answer.answer or '') or ''}".strip()
            for group, answer in zip(routed, answers, strict=True)
            if answer.label is not None
        ]
        labels = list(dict.fromkeys(a.label for a in answers if a.label is not None))
        if na not in labels:
            labels.append(na)
        content = render(
            "hierarchical.decide.v1",
            schema=self._schema,
            sentence=sentence,
            proposals=proposals,
            label_lines=shown_labels(self._schema, labels, definitions=self._options.definitions),
        )
        return self._request(Message(role="user", content=content))


def _groups(schema: Schema, options: HierarchicalOptions) -> dict[str, tuple[str, ...]]:
    """Name to labels of each group.

    Raises:
        ConfigError: When a relation is unknown, stands twice or is in no group.
    """
    names = [relation.name for relation in schema.relations]
    given = options.groups or {
        f"group {number}": tuple(names[start : start + options.group_size])
        for number, start in enumerate(range(0, len(names), options.group_size), start=1)
    }
    listed = [name for members in given.values() for name in members]
    fix = "put every relation of the schema into one group"
    problems = [
        Problem(f"hierarchical.v1: {name!r} is not a relation of the schema", fix)
        for name in dict.fromkeys(listed)
        if name not in names
    ]
    problems += [
        Problem(f"hierarchical.v1: {name!r} is in {listed.count(name)} groups", fix)
        for name in names
        if listed.count(name) != 1
    ]
    if problems:
        raise ConfigError(problems)
    return {
        group: tuple(label.name for label in schema.labels if label.relation in members)
        for group, members in given.items()
    }
