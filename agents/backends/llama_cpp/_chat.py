"""A chat as the text that a model has learnt to read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NoReturn

from harness.errors import BackendError
from harness.protocols import Message

__all__ = ["ChatTemplate"]


class ChatTemplate:
    """A Jinja chat template, as GGUF files and the hub's tokenizers carry it.

    Args:
        text: The template.
        bos: Text of the token that begins a text.
        eos: Text of the token that ends one.

    Raises:
        BackendError: When it is not Jinja.
    """

    def __init__(self, text: str, *, bos: str, eos: str) -> None:
        # Jinja is among the core's packages; templates come with models, so they are sandboxed.
        from jinja2 import TemplateError, nodes
        from jinja2.ext import Extension, loopcontrols
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        class Generation(Extension):
            """Reads over ``{% generation %}``, with which trainers mark the answer."""

            tags = {"generation"}  # noqa: RUF012 (jinja2's declaration)

            def parse(self, parser: Any) -> list[nodes.Node]:
                parser.stream.skip(1)
                body: list[nodes.Node] = parser.parse_statements(
                    ("name:endgeneration",), drop_needle=True
                )
                return body

        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, Generation]
        )
        environment.filters["tojson"] = _to_json
        self._errors = TemplateError
        self._given = {
            "bos_token": bos,
            "eos_token": eos,
            "raise_exception": _refuse,
            "strftime_now": lambda form: datetime.now().strftime(form),
        }
        try:
            self._template = environment.from_string(text)
        except TemplateError as error:
            raise BackendError(
                f"The model's chat template cannot be read: {error}",
                hint="Name a file with another Jinja template: chat_template: FILE",
            ) from None

    def render(self, messages: Sequence[Message]) -> str:
        """The chat, ready for the assistant's turn.

        Raises:
            BackendError: When the template refuses the messages.
        """
        said = [{"role": message.role, "content": message.content} for message in messages]
        try:
            return self._template.render(messages=said, add_generation_prompt=True, **self._given)
        except (self._errors, TypeError, ValueError) as error:
            roles = ", ".join(message.role for message in messages) or "none"
            raise BackendError(
                f"The model's chat template refuses these messages (roles: {roles}): {error}",
                hint="Name a file with a Jinja template that takes them: chat_template: FILE",
            ) from None


def _refuse(message: str) -> NoReturn:
    raise ValueError(message)


def _to_json(value: Any, indent: int | None = None, **_: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)
