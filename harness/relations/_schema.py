"""A relation schema: the labels, what they mean, and the declared NA label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from harness.relations._label import Label

__all__ = ["Markers", "PromptWords", "Relation", "Schema"]


@dataclass(frozen=True, slots=True)
class Markers:
    """Tag names around the arguments: ``<head>...</head>``, written without brackets."""

    head: str = "e1"
    tail: str = "e2"


@dataclass(frozen=True, slots=True)
class Relation:
    """One relation of a schema.

    Attributes:
        name: Name without direction.
        description: What holds between head and tail, as prompts say it.
        arguments: Roles of the two arguments ("cause", "effect"), for directed schemas.
        head_types: Entity types the head may have; empty means any.
        tail_types: Entity types the tail may have; empty means any.
        example_pair: Two words that stand in the relation.
    """

    name: str
    description: str = ""
    arguments: tuple[str, str] | None = None
    head_types: tuple[str, ...] = ()
    tail_types: tuple[str, ...] = ()
    example_pair: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class PromptWords:
    """What the shared prompt templates say differently for a schema."""

    noun: str = "entities"
    marker_note: str = ""
    direction_note: str = ""
    sample_format: str = ""
    na_request: str = ""

    @classmethod
    def usual(cls, markers: Markers, *, directed: bool) -> PromptWords:
        """The wording for a schema that brings none of its own."""
        head, tail = f"<{markers.head}>", f"<{markers.tail}>"
        marked = f"the head with {head}...</{markers.head}> and the tail with"
        order = " (in either order)"
        where = "from the head to the tail"
        if directed:
            marked, order = f"{head}...</{markers.head}> and", f", {markers.head} first"
            where = "between them"
        return cls(
            noun="entities",
            marker_note=f"The head is marked with {head}</{markers.head}> and the tail with"
            f" {tail}</{markers.tail}>.",
            direction_note="the order of the arguments matters"
            if directed
            else "a label holds from the head to the tail",
            sample_format="A sample is one natural English sentence in which two entities are"
            f" marked, {marked} {tail}...</{markers.tail}>{order}, and in which the sentence"
            f" expresses the given relation {where}.",
            na_request="; write pairs for which one of these relations might be expected, though it"
            " does not hold: {relations}",
        )


@dataclass(frozen=True)
class Schema:
    """The relations of a task.

    A directed schema has two labels per relation, ``NAME(e1,e2)`` and ``NAME(e2,e1)``
    (with its own marker names); an undirected one has one label per relation, read from
    head to tail. The NA label is declared and never guessed from a name.

    Attributes:
        name: Short name, also that of the task.
        na_label: The label that says that no relation holds.
        relations: In the order in which prompts list them.
        directed: Whether a label carries the order of its arguments.
        title: One line for people.
        na_description: What the NA label means, as prompts say it.
        official_metric: Name of the task's own metric.
        markers: Tag names around head and tail.
        prompt: Wording of the shared templates.
    """

    name: str
    na_label: str
    relations: tuple[Relation, ...]
    directed: bool = False
    title: str = ""
    na_description: str = "none of the relations above holds"
    official_metric: str = "micro_f1"
    markers: Markers = field(default_factory=Markers)
    prompt: PromptWords = field(default_factory=PromptWords)

    def __post_init__(self) -> None:
        names = [label.name for label in self.labels]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"labels stand twice in the schema: {', '.join(twice)}")
        if not self.relations:
            raise ValueError("a schema needs at least one relation")

    @cached_property
    def labels(self) -> tuple[Label, ...]:
        """All labels in the schema's order, the NA label last."""
        labels: list[Label] = []
        for relation in self.relations:
            if self.directed:
                head, tail = self.markers.head, self.markers.tail
                labels.append(Label(f"{relation.name}({head},{tail})", relation.name))
                labels.append(Label(f"{relation.name}({tail},{head})", relation.name, True))
            else:
                labels.append(Label(relation.name, relation.name))
        return (*labels, Label(self.na_label, None))

    @cached_property
    def label_names(self) -> tuple[str, ...]:
        """Names of all labels, the NA label last; students' class order."""
        return tuple(label.name for label in self.labels)

    @cached_property
    def positive_labels(self) -> tuple[str, ...]:
        """Names of all labels but the NA label."""
        return self.label_names[:-1]

    @cached_property
    def _by_name(self) -> Mapping[str, Label]:
        return {label.name: label for label in self.labels}

    @cached_property
    def _relations_by_name(self) -> Mapping[str, Relation]:
        return {relation.name: relation for relation in self.relations}

    @cached_property
    def entity_types(self) -> tuple[str, ...]:
        """Every entity type an argument may have, sorted; empty for an untyped schema."""
        found = {t for r in self.relations for t in (*r.head_types, *r.tail_types)}
        return tuple(sorted(found))

    def __contains__(self, label: object) -> bool:
        return label in self._by_name

    def label(self, name: str) -> Label:
        """The label called ``name``.

        Raises:
            KeyError: When the schema has no such label.
        """
        return self._by_name[name]

    def relation_of(self, label: str) -> Relation | None:
        """The relation behind a label name; None for the NA label."""
        relation = self._by_name[label].relation
        return None if relation is None else self._relations_by_name[relation]

    def reverse(self, label: str) -> str | None:
        """The label with the arguments the other way round; None if there is none."""
        found = self._by_name[label]
        if found.relation is None or not self.directed:
            return None
        return next(
            other.name
            for other in self.labels
            if other.relation == found.relation and other.reversed != found.reversed
        )
