"""A gate in an experiment file."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from harness.documents import FileModel

__all__ = ["GateEntry"]


class GateEntry(FileModel):
    """A gate that rows of a source go through.

    Attributes:
        gate: Registry name.
        options: Its options.
        backend: Name of the backend entry that it talks to, if it asks an LLM.
    """

    gate: str
    options: dict[str, Any] = Field(default_factory=dict)
    backend: str | None = None
