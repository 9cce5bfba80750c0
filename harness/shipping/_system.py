"""What a shipped system is, and the file that says how to run it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

from pydantic import Field, ValidationError

from harness.documents import FileModel
from harness.errors import ArtefactError
from harness.protocols import Progress, Sampling
from harness.relations import Example, Prediction, Schema

__all__ = [
    "SYSTEM_FILE",
    "DirectPart",
    "Runtime",
    "SeedsRecord",
    "System",
    "SystemFile",
    "SystemPart",
    "read_system_file",
]

SYSTEM_FILE = "system.json"
SystemPart: TypeAlias = Literal["student", "direct", "cascade"]
Runtime: TypeAlias = Literal["torch", "onnx", "int8", "openvino"]


@runtime_checkable
class System(Protocol):
    """A system that labels new examples, whatever is behind it."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def kind(self) -> SystemPart:
        """What it is."""
        ...

    @property
    def schema(self) -> Schema:
        """The schema whose labels it gives."""
        ...

    def answer(
        self, examples: Sequence[Example], /, *, progress: Progress | None = None
    ) -> Sequence[Prediction]:
        """Labels examples, one prediction each in their order; labels that they carry are not read.

        Ids tell answers apart within one call; they need not be unique over calls.
        """
        ...

    def close(self) -> None:
        """Lets go of models, sockets and files."""
        ...


class SeedsRecord(FileModel):
    """The repetition of the run that was exported; None where the system has no such seed."""

    split: int | None = None
    generation: int | None = None
    training: int | None = None


class DirectPart(FileModel):
    """An extractor on a backend. Paths among the options are relative to the folder.

    Attributes:
        extractor: Full registry name.
        options: Its options.
        backend: Full registry name of the backend.
        backend_options: Its options. Keys are read from the environment and stand nowhere.
        sampling: Decoding parameters.
        tokenizer: Named tokenizer that counts tokens where the backend reports none.
    """

    extractor: str
    options: dict[str, Any] = Field(default_factory=dict)
    backend: str
    backend_options: dict[str, Any] = Field(default_factory=dict)
    sampling: dict[str, Any] = Field(default_factory=dict)
    tokenizer: str | None = None

    @classmethod
    def sampling_of(cls, sampling: Sampling) -> dict[str, Any]:
        """Decoding parameters that are not left to the backend."""
        found = {name: getattr(sampling, name) for name in Sampling.__slots__}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in found.items()
            if value not in (None, ())
        }


class SystemFile(FileModel):
    """``system.json`` of an exported folder.

    Attributes:
        format: Version of this form.
        calldistil: Version that wrote it.
        name: Name of the system in its experiment.
        experiment: Name of the experiment.
        kind: What it is.
        seeds: Which repetition it is.
        runtime: What a student runs on unless told otherwise.
        type_constraints: Whether labels that the argument types exclude get no probability.
        direct: The extractor and backend of a direct system.
        threshold: Of a cascade: confidence under which ``direct`` is asked.
    """

    format: Literal[1] = 1
    calldistil: str
    name: str
    experiment: str
    kind: SystemPart
    seeds: SeedsRecord = Field(default_factory=SeedsRecord)
    runtime: Runtime = "torch"
    type_constraints: bool = False
    direct: DirectPart | None = None
    threshold: float | None = None


def read_system_file(folder: Path) -> SystemFile | None:
    """Reads ``system.json``; None where there is none.

    Raises:
        ArtefactError: When it is broken or of another version.
    """
    file = folder / SYSTEM_FILE
    try:
        return SystemFile.model_validate_json(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        said = str(error)
        if isinstance(error, ValidationError):
            first = error.errors(include_url=False)[0]
            said = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise ArtefactError(
            f"{file} is not an exported system's file: {said}.",
            hint="Export the system again, or copy the whole folder again.",
        ) from None
