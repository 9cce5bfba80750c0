"""The one door to a system in a folder: a trained student, or anything that was exported."""

from __future__ import annotations

from pathlib import Path

from harness.errors import ArtefactError, ConfigError, Problem
from harness.protocols import Labeller
from harness.relations import load_schema
from harness.shipping._cascade_system import CascadeSystem
from harness.shipping._direct_system import DirectSystem
from harness.shipping._student_system import StudentSystem
from harness.shipping._system import Runtime, System, SystemFile, read_system_file
from harness.students import load_exported, load_student

__all__ = ["DIRECT", "STUDENT", "load_system"]

STUDENT = "student"
DIRECT = "direct"
"""Folders of a cascade's parts."""


def load_system(
    folder: Path, *, runtime: Runtime | None = None, calls: Path | None = None
) -> System:
    """Reads a system: an exported folder, or one that a student's training wrote.

    Args:
        folder: The folder.
        runtime: What a student runs on: ``torch`` (its weights), ``onnx``, ``int8`` or
            ``openvino`` (its exported graph); left out, what the folder says.
        calls: Where a direct system stores its calls; left out, they are not kept.

    Raises:
        ArtefactError: When the folder holds no system, or part of it is broken.
        ConfigError: When the runtime does not go with the system.
        MissingExtraError: When it needs a package that is not installed.
    """
    folder = Path(folder)
    about = read_system_file(folder)
    if about is None:
        if not (folder / "student.json").is_file():
            raise ArtefactError(
                f"{folder} holds no system: it has neither system.json nor student.json.",
                hint="Name a folder of `calldistil export`, or the model that a training wrote.",
            )
        return StudentSystem(_labeller(folder, runtime or "torch"), name=folder.name)
    if about.kind == "student":
        return _student(folder, about, runtime)
    if about.kind == "direct":
        if runtime is not None:
            raise ConfigError(
                [Problem(f"the runtime {runtime!r} is for students", "leave --runtime out")]
            )
        return _direct(folder, about, calls)
    if about.threshold is None:
        raise ArtefactError(f"{folder}: the cascade has no threshold.", hint="Export it again.")
    student = load_system(folder / STUDENT, runtime=runtime)
    direct = load_system(folder / DIRECT, calls=calls)
    return CascadeSystem(student, direct, threshold=about.threshold, name=about.name)


def _student(folder: Path, about: SystemFile, runtime: Runtime | None) -> StudentSystem:
    return StudentSystem(
        _labeller(folder, runtime or about.runtime),
        name=about.name,
        type_constraints=about.type_constraints,
    )


def _direct(folder: Path, about: SystemFile, calls: Path | None) -> DirectSystem:
    if about.direct is None:
        raise ArtefactError(
            f"{folder}: the direct system has no extractor.", hint="Export it again."
        )
    try:
        schema = load_schema(folder / "schema.yaml")
    except ConfigError as error:
        raise ArtefactError(
            f"The system's schema is broken: {error}", hint="Export it again."
        ) from None
    return DirectSystem(about.direct, folder=folder, schema=schema, name=about.name, calls=calls)


def _labeller(folder: Path, runtime: Runtime) -> Labeller:
    return load_student(folder) if runtime == "torch" else load_exported(folder, runtime)
