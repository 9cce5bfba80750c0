"""Samples with attributes drawn from lists that the LLM proposes once."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from pydantic import BaseModel, Field

from agents.answers import first_object, strings
from agents.generators._label_generator import GeneratorOptions, LabelGenerator
from agents.generators._na_policy import NA_KIND
from agents.generators._reader import argument_types, samples_of
from agents.generators._rejects import RejectReason
from agents.prompts import generate_messages, label_line, render
from harness.protocols import (
    Completion,
    Dialogue,
    GeneratedSet,
    GenerationItem,
    Message,
    PlannedRound,
    PlannedSamples,
    Request,
)

__all__ = ["Attributed", "AttributedOptions"]

_PROPOSAL = 8.0  # an answer with proposals is about as long as so many samples


class AttributedOptions(GeneratorOptions):
    """Options of ``attributed.v1``.

    Attributes:
        demonstrations: Few-shot examples shown with each request.
        topics: Topics that the LLM is asked for.
        registers: Registers that it is asked for.
        kinds: Kinds of head and of tail that it is asked for, per label whose argument types the
            schema does not declare.
        lengths: Lengths that are drawn from.
    """

    demonstrations: int = Field(default=3, ge=0)
    topics: int = Field(default=12, ge=1)
    registers: int = Field(default=8, ge=1)
    kinds: int = Field(default=8, ge=1)
    lengths: tuple[str, ...] = Field(
        default=("under 12 words", "12 to 25 words", "more than 25 words"), min_length=1
    )


@dataclass
class _Lists:
    """What attributes are drawn from; an empty list gives no attribute."""

    values: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def draws(self, count: int, random_: random.Random) -> list[Mapping[str, str]]:
        """Attributes of ``count`` samples, each value of a list about as often as another."""
        columns = {name: _spread(v, count, random_) for name, v in self.values.items() if v}
        return [{name: column[place] for name, column in columns.items()} for place in range(count)]


class Attributed(LabelGenerator[AttributedOptions]):
    """Two rounds: attribute lists, which all labels share, and then one call per sample.

    A row's meta holds the attributes that its request asked for.
    """

    name: ClassVar[str] = "attributed.v1"
    summary: ClassVar[str] = "One call per sample, with topic, register, length, order and types."
    source: ClassVar[str] = "after Yu et al. 2023, AttrPrompt (arXiv 2306.15895)"
    Options: ClassVar[type[BaseModel]] = AttributedOptions

    def rounds(self, *, item: GenerationItem) -> tuple[PlannedSamples, ...]:
        """The lists, and one call per sample."""
        lists = len(self._proposals(item))
        return (
            PlannedSamples(PlannedRound.exactly(lists), _PROPOSAL),
            PlannedSamples(PlannedRound.exactly(item.count), 1, len(item.demonstrations)),
        )

    def generate(self, *, item: GenerationItem) -> Dialogue[GeneratedSet]:
        """Asks for lists and then for each sample with attributes of its own."""
        written = self._set(item)
        asked = self._proposals(item)
        answers = yield list(asked.values())
        lists = self._declared(item)
        for (names, _), answer in zip(asked.items(), answers, strict=True):
            found = first_object(answer)
            for key, name in names:
                lists.values[name] = strings(found.get(key, []))
            if not any(lists.values[name] for _, name in names):
                written.reject(answer, answer.text, RejectReason.ATTRIBUTES_UNREADABLE)
        # A string as the seed gives the same draws in every process.
        seed = f"{item.label} {item.facts.get(NA_KIND, '')} {self._context.repeat}"
        draws = lists.draws(item.count, random.Random(seed))
        requests = self._requests(item, draws)
        completions: Sequence[Completion] = yield requests
        for completion, attributes in zip(completions, draws, strict=True):
            facts = {name.replace(" ", "_"): value for name, value in attributes.items()}
            written.take(
                completion,
                samples_of(completion),
                self._read_as(item.label),
                most=1,
                facts=facts,
            )
        return written.result()

    def _proposals(self, item: GenerationItem) -> dict[tuple[tuple[str, str], ...], Request]:
        """(key of the answer, name of the attribute) to the request that proposes its values."""
        shared = render(
            "attributed.attributes.v1",
            schema=self._schema,
            relations=[relation.name for relation in self._schema.relations],
            topics=self._options.topics,
            registers=self._options.registers,
        )
        found: dict[tuple[tuple[str, str], ...], Request] = {
            (("topics", "topic"), ("registers", "register")): self._user(shared)
        }
        names = {"head": "the head", "tail": "the tail"}
        if self._schema.directed:
            names = {"head": self._schema.markers.head, "tail": self._schema.markers.tail}
        open_sides = [side for side in names if not self._types(item)[side == "tail"]]
        if open_sides:
            line = label_line(self._schema, item.label)
            content = render(
                "attributed.types.v1", label_line=line, count=self._options.kinds, **names
            )
            keys = tuple((side, f"{side} kind") for side in open_sides)
            found[keys] = self._user(content)
        return found

    def _types(self, item: GenerationItem) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What the schema says about the kinds of head and tail."""
        if self._schema.label(item.label).is_na:
            return self._schema.entity_types, self._schema.entity_types
        return argument_types(self._schema, item.label)

    def _declared(self, item: GenerationItem) -> _Lists:
        """The lists that are not asked for."""
        markers = self._schema.markers
        orders = [f"<{markers.head}> before <{markers.tail}>"]
        if not self._schema.directed:  # a label with a direction counts on the reading order
            orders.append(f"<{markers.tail}> before <{markers.head}>")
        head, tail = self._types(item)
        return _Lists(
            {
                "length": self._options.lengths,
                "argument order": tuple(orders),
                "head kind": head,
                "tail kind": tail,
            }
        )

    def _requests(self, item: GenerationItem, draws: Sequence[Mapping[str, str]]) -> list[Request]:
        """One request per sample; equal ones get repeat numbers of their own."""
        times: Counter[tuple[Message, ...]] = Counter()
        found = []
        for attributes in draws:
            messages = generate_messages(
                schema=self._schema,
                label=item.label,
                demonstrations=item.demonstrations,
                n=1,
                template=f"generate.{self.name}",
                na_kind=item.facts.get(NA_KIND),
                attributes=attributes,
            )
            found.append(self._request(*messages, time=times[messages], times=item.count))
            times[messages] += 1
        return found

    def _user(self, content: str) -> Request:
        return self._request(Message(role="user", content=content))


def _spread(values: Sequence[str], count: int, random_: random.Random) -> list[str]:
    """``count`` values, the list being gone through in a new order each time."""
    found: list[str] = []
    while len(found) < count:
        round_ = list(dict.fromkeys(values))
        random_.shuffle(round_)
        found += round_
    return found[:count]
