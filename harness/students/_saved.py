"""What lies beside a student's weights: ``student.json`` and ``schema.yaml``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError

from harness.documents import FileModel
from harness.errors import ArtefactError, ConfigError
from harness.relations import Schema, load_schema, save_schema

__all__ = ["FORMAT", "SAVE_AGAIN", "SavedStudent", "options_of", "read_saved", "write_saved"]

FORMAT = 1
SAVE_AGAIN = "Train and save the student again, or copy the whole folder again."
O = TypeVar("O", bound=BaseModel)  # noqa: E741


class _StudentFile(FileModel):
    """``student.json``.

    Attributes:
        format: Version of this layout.
        student: Registry name of the class.
        labels: Label names in the order of the probabilities' columns.
        options: The options it was made with, defaults written out.
        fitted: What training settled that the options leave open.
    """

    format: int
    student: str
    labels: tuple[str, ...] = Field(min_length=1)
    options: dict[str, Any]
    fitted: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SavedStudent:
    """A saved student without its weights."""

    name: str
    schema: Schema
    options: Mapping[str, Any]
    fitted: Mapping[str, Any]


def write_saved(
    folder: Path, *, name: str, schema: Schema, options: BaseModel, fitted: Any
) -> None:
    """Writes ``student.json`` and ``schema.yaml``; the same student gives the same bytes."""
    file = _StudentFile(
        format=FORMAT,
        student=name,
        labels=schema.label_names,
        options=options.model_dump(mode="json"),
        fitted=fitted,
    )
    text = json.dumps(file.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"
    (folder / "student.json").write_text(text, encoding="utf-8")
    save_schema(schema, folder / "schema.yaml")


def read_saved(folder: Path) -> SavedStudent:
    """Reads what ``write_saved`` wrote.

    Raises:
        ArtefactError: When a file is absent or broken, or the two do not fit.
    """
    file = folder / "student.json"
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ArtefactError(
            f"{folder} holds no saved student: there is no student.json.",
            hint="Name the folder that a training wrote.",
        ) from None
    except (OSError, ValueError) as error:
        raise ArtefactError(f"{file} cannot be read: {error}", hint=SAVE_AGAIN) from None
    version = raw.get("format") if isinstance(raw, dict) else None
    if version != FORMAT:
        raise ArtefactError(
            f"{file} has format {version!r}; this version of calldistil reads format {FORMAT}.",
            hint="Use the version that wrote it, or train the student again.",
        )
    try:
        found = _StudentFile.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ArtefactError(
            f"{file} is not a student's description: {place}: {first['msg']}", hint=SAVE_AGAIN
        ) from None
    try:
        schema = load_schema(folder / "schema.yaml")
    except ConfigError as error:
        raise ArtefactError(f"The student's schema is broken: {error}", hint=SAVE_AGAIN) from None
    if found.labels != schema.label_names:
        raise ArtefactError(
            f"The labels in {file} are not those of schema.yaml beside it.", hint=SAVE_AGAIN
        )
    return SavedStudent(
        name=found.student, schema=schema, options=found.options, fitted=found.fitted
    )


def options_of(saved: SavedStudent, model: type[O], *, folder: Path) -> O:
    """The saved options as ``model``.

    Raises:
        ArtefactError: When they are not valid.
    """
    try:
        return model.model_validate(dict(saved.options))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ArtefactError(
            f"{folder / 'student.json'}: options.{place}: {first['msg']}", hint=SAVE_AGAIN
        ) from None
