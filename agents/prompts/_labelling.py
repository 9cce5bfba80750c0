"""The messages by which most extractors ask for a label: schema, demonstrations, sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from agents.prompts._label_line import label_line
from agents.prompts._render import render
from harness.protocols import Message
from harness.relations import Example, Schema, render_marked

__all__ = ["AnswerForm", "Demonstration", "labelling_messages", "shown_labels"]

AnswerForm: TypeAlias = Literal["json", "text", "reasoned"]
"""What an answer looks like: a JSON object, the bare label, or reasons and then the object."""


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A labelled sentence that is shown.

    Attributes:
        example: The sentence with its label.
        reasoning: Why it has it, shown before the label.
    """

    example: Example
    reasoning: str | None = None


def labelling_messages(
    *,
    schema: Schema,
    example: Example,
    labels: Sequence[str],
    definitions: bool = True,
    form: AnswerForm = "json",
    demonstrations: Sequence[Demonstration] = (),
) -> tuple[Message, ...]:
    """Asks for the label of one example; demonstrations are earlier turns of the chat.

    With all labels, definitions and JSON this gives the messages of ``extract.zero_shot.v1``.

    Args:
        schema: The relation schema.
        example: The sentence to label.
        labels: The labels that are offered, in this order.
        definitions: Whether a label is shown with what it means, or by its name alone.
        form: Form of the answer.
        demonstrations: Labelled sentences, in the order in which they are shown.

    Raises:
        ValueError: When a demonstration is not labelled.
    """
    system = render(
        "label.v1",
        schema=schema,
        label_lines=shown_labels(schema, labels, definitions=definitions),
        form=form,
    )
    return (
        Message(role="system", content=system),
        *_turns(demonstrations, schema, form),
        Message(role="user", content=render_marked(example, schema.markers)),
    )


def shown_labels(schema: Schema, labels: Sequence[str], *, definitions: bool) -> tuple[str, ...]:
    """One line per label, with or without what it means."""
    return tuple(label_line(schema, label) if definitions else label for label in labels)


def _turns(
    demonstrations: Sequence[Demonstration], schema: Schema, form: AnswerForm
) -> Iterator[Message]:
    for shown in demonstrations:
        if shown.example.relation is None:
            raise ValueError(f"the demonstration {shown.example.id!r} has no label")
        yield Message(role="user", content=render_marked(shown.example, schema.markers))
        yield Message(role="assistant", content=_answer(shown, form))


def _answer(shown: Demonstration, form: AnswerForm) -> str:
    label = shown.example.relation
    answer = str(label) if form == "text" else json.dumps({"relation": label}, ensure_ascii=False)
    return f"{shown.reasoning}\n{answer}" if shown.reasoning else answer
