"""What backends may offer besides answering, and what an agent may need of its backend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from harness.protocols._calls import Completion, Request

__all__ = [
    "AdapterFile",
    "Batchable",
    "ExportsAdapters",
    "NeedsCapabilities",
    "ProbeFinding",
    "Probeable",
]


@runtime_checkable
class NeedsCapabilities(Protocol):
    """An agent's class that asks more of a backend than answers, as scores of labels."""

    @classmethod
    def needs(cls, *, options: Any) -> frozenset[str]:
        """Names of the ``Capabilities`` without which these options cannot work."""
        ...


@runtime_checkable
class Batchable(Protocol):
    """A backend whose calls can travel as a batch file and come back as one.

    Attributes:
        batch_url: Path that each line of the file is for.
    """

    batch_url: str

    def batch_body(self, request: Request, /) -> Mapping[str, Any]:
        """The body of a request."""
        ...

    def batch_answer(self, request: Request, body: Mapping[str, Any], /) -> Completion:
        """Reads the body of an answer to ``request``.

        Raises:
            BackendError: When it is not an answer to it, as from another model.
        """
        ...


@dataclass(frozen=True, slots=True)
class ProbeFinding:
    """One thing that was found out about a server.

    Attributes:
        state: ``ok``, ``note`` (not offered), ``warning`` or ``error``.
        about: What was tried.
        said: What came of it.
        fix: What to do about it.
    """

    state: Literal["ok", "note", "warning", "error"]
    about: str
    said: str
    fix: str = ""


@runtime_checkable
class Probeable(Protocol):
    """A backend that can find out what its servers offer, with a few short calls."""

    def probe(self) -> Iterator[ProbeFinding]:
        """Tries each thing once."""
        ...


@dataclass(frozen=True, slots=True)
class AdapterFile:
    """An adapter in a backend's own format.

    Attributes:
        file: Where it lies.
        layers: Number of layers that it changes.
        parameters: Number of its weights.
        size: Bytes of the file.
    """

    file: Path
    layers: int
    parameters: int
    size: int


@runtime_checkable
class ExportsAdapters(Protocol):
    """A backend's class that reads adapters in a format of its own."""

    @classmethod
    def export_adapter(
        cls, *, adapter: Path, file: Path, model: str | None = None, dtype: str = "f32"
    ) -> AdapterFile:
        """Writes a PEFT adapter in that format.

        Args:
            adapter: The adapter's folder.
            file: The file to write; it must not be there.
            model: Folder or hub name of the model that the adapter was trained on; left out, the
                one that it names.
            dtype: Type of the weights in the file.

        Raises:
            CalldistilError: When the adapter cannot be exported.
        """
        ...
