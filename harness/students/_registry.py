"""The students by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.errors import ArtefactError, ConfigError, Problem
from harness.protocols import Exportable, Labeller, Student
from harness.registry import Registry
from harness.relations import Schema
from harness.students._onnx_network import ExportedRuntime, open_network
from harness.students._saved import read_saved

__all__ = ["load_exported", "load_student", "make_student", "students"]

students: Registry[type[Student]] = Registry("student", group="calldistil.students")
students.add_lazy("linear.v1", "harness.students._linear:LinearStudent")
students.add_lazy("entity_marker.v1", "harness.students._entity_marker:EntityMarkerStudent")
students.add_lazy("frozen_encoder.v1", "harness.students._frozen_encoder:FrozenEncoderStudent")
students.add_lazy("knowprompt.v1", "harness.students._knowprompt:KnowPromptStudent")
students.add_lazy("retrieval_re.v1", "harness.students._retrieval_re:RetrievalReStudent")


def make_student(name: str, *, schema: Schema, options: Mapping[str, Any]) -> Student:
    """Makes an untrained student from its registry name and the keys of an experiment file.

    Raises:
        ConfigError: When the name is unknown or an option is not valid; tells all at once.
        MissingExtraError: When the student needs a package that is not installed.
    """
    cls: Any = students.get(name)
    try:
        checked = cls.Options.model_validate(dict(options))
    except ValidationError as error:
        raise ConfigError(option_problems(name, error)) from None
    student: Student = cls(schema=schema, options=checked)
    return student


def option_problems(name: str, error: ValidationError) -> list[Problem]:
    """Turns pydantic's errors into problems that name the student and the option."""
    problems = []
    for detail in error.errors(include_url=False):
        place = ".".join(str(part) for part in detail["loc"]) or "options"
        message, fix = detail["msg"].removeprefix("Value error, "), ""
        if detail["type"] == "extra_forbidden":
            message, fix = "is not a known option", "remove it or correct its spelling"
        problems.append(Problem(f"{name}: {place}: {message}", fix))
    return problems


def load_student(folder: Path) -> Student:
    """Reads a student of any kind from the folder that its ``save`` wrote.

    Raises:
        ArtefactError: When the folder is not a saved student, or part of it is broken.
        MissingExtraError: When the student needs a package that is not installed.
    """
    folder = Path(folder)
    saved = read_saved(folder)
    try:
        cls = students.get(saved.name)
    except ConfigError as error:
        raise ArtefactError(
            f"{folder} holds a student that is not known here: {error.problems[0]}",
            hint="Install the package that brings it.",
        ) from None
    return cls.load(folder=folder)


def load_exported(folder: Path, runtime: ExportedRuntime) -> Labeller:
    """Reads a student whose network is the ONNX graph beside it; needs no torch.

    Raises:
        ArtefactError: When the folder is not a saved student, or has no such graph.
        MissingExtraError: When the runtime is not installed.
    """
    folder = Path(folder)
    cls: object = students.get(read_saved(folder).name)
    if not isinstance(cls, Exportable):
        raise ArtefactError(
            f"{folder} holds a student that has no exported network.",
            hint="Use --runtime torch.",
        )
    return cls.load_exported(folder=folder, network=open_network(folder, runtime))
