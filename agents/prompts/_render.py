"""Requests' messages, rendered from versioned template files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from agents.prompts._label_line import label_line, label_lines, requested_label_line
from harness.protocols import Message
from harness.relations import Example, Schema, render_marked

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = [
    "explain_messages",
    "extract_messages",
    "generate_messages",
    "render",
    "template_names",
]

_FOLDER = "templates"
_SUFFIX = ".jinja"


def template_names() -> tuple[str, ...]:
    """Names of the templates that ship with the package, sorted."""
    folder = resources.files("agents.prompts") / _FOLDER
    return tuple(
        sorted(f.name.removesuffix(_SUFFIX) for f in folder.iterdir() if f.name.endswith(_SUFFIX))
    )


def extract_messages(
    *, schema: Schema, example: Example, template: str = "extract.zero_shot.v1"
) -> tuple[Message, ...]:
    """Asks for the label of one example: the schema as system message, the marked sentence."""
    system = render(template, schema=schema, label_lines=label_lines(schema))
    return (
        Message(role="system", content=system),
        Message(role="user", content=render_marked(example, schema.markers)),
    )


def generate_messages(
    *,
    schema: Schema,
    label: str,
    demonstrations: Sequence[Example],
    n: int,
    template: str,
    na_kind: str | None = None,
    **values: object,
) -> tuple[Message, ...]:
    """Asks for ``n`` samples of a label after the demonstrations, in one user message.

    Args:
        schema: The relation schema.
        label: The label.
        demonstrations: Samples that are shown, in order.
        n: How many more are asked for.
        template: Name of the template.
        na_kind: Kind of NA row, for the NA label; the schema's own request if left out.
        values: What else the template takes.
    """
    content = render(
        template,
        schema=schema,
        label=label,
        label_line=requested_label_line(schema, label, na_kind=na_kind),
        demonstrations=[render_marked(example, schema.markers) for example in demonstrations],
        n=n,
        **values,
    )
    return (Message(role="user", content=content),)


def explain_messages(
    *, schema: Schema, example: Example, template: str = "explain.v1"
) -> tuple[Message, ...]:
    """Asks why a labelled example has its label, in one user message.

    Raises:
        ValueError: When the example is not labelled.
    """
    if example.relation is None:
        raise ValueError(f"the example {example.id!r} has no label to explain")
    content = render(
        template,
        head=example.head.surface,
        tail=example.tail.surface,
        label=example.relation,
        label_line=label_line(schema, example.relation),
        sentence=render_marked(example, schema.markers),
    )
    return (Message(role="user", content=content),)


@cache
def _environment() -> Environment:
    # Imported late: listing the agents must not load jinja2. Prompts are plain text, so nothing
    # is escaped; what a page shows is escaped where the page is made.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("agents.prompts", _FOLDER),
        undefined=StrictUndefined,
        autoescape=False,
    )


def render(template: str, **values: object) -> str:
    """Fills in a template by its name, ``extract.zero_shot.v1``.

    Raises:
        jinja2.UndefinedError: When the template asks for a value that is not given.
    """
    return _environment().get_template(template + _SUFFIX).render(**values)
