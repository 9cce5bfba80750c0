"""YAML files checked by pydantic models, with every problem told at once and by its line."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, ValidationInfo

from harness.errors import ConfigError, Problem

__all__ = [
    "FileModel",
    "LocatedYaml",
    "ResolvedPath",
    "fingerprint",
    "line_of",
    "load_document",
    "problems_of",
    "read_yaml",
    "validate_document",
]

Location: TypeAlias = tuple[int | str, ...]
M = TypeVar("M", bound=BaseModel)


_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


def _resolve(path: Path, info: ValidationInfo) -> Path:
    """Fills in ``${NAME:-default}`` and reads a relative path from the file that names it."""
    missing: list[str] = []

    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match[1]) or match[2]
        if found is None:
            missing.append(match[1])
        return found or ""

    filled = Path(_VARIABLE.sub(value, str(path)))
    if missing:
        raise ValueError(f"the environment variable {missing[0]} is not set; set it to a folder")
    base = (info.context or {}).get("base")
    return filled if base is None or filled.is_absolute() else Path(base) / filled


ResolvedPath = Annotated[Path, AfterValidator(_resolve)]
"""A path in a file: ``${NAME:-default}`` is filled in, and it is relative to that file."""


class FileModel(BaseModel):
    """Base of the models of files and wires: frozen, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LocatedYaml:
    """A parsed YAML document that knows the line of each of its keys and items."""

    def __init__(self, file: Path, value: Any, lines: dict[Location, int]) -> None:
        self.file = file
        self.value = value
        self.lines = lines


_DEEPEST = 100


class _UniqueKeyLoader(yaml.SafeLoader):
    """A safe loader to which a repeated key is an error, and so is nesting without end."""

    def fetch_flow_collection_start(self, TokenClass: Any) -> None:  # noqa: N803 (PyYAML's name)
        # PyYAML's scanner takes time in the square of the depth.
        if self.flow_level >= _DEEPEST:
            raise yaml.scanner.ScannerError(
                None, None, f"nested deeper than {_DEEPEST} levels", self.get_mark()
            )
        super().fetch_flow_collection_start(TokenClass)

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        # Checked here and not when values are made, where merges (<<) have added keys.
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag.endswith(":merge"):
                continue
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", key_node.start_mark
                )
            seen.add(key)
        return node


def read_yaml(file: Path) -> LocatedYaml:
    """Reads one YAML document.

    Raises:
        ConfigError: When the file is absent, is not UTF-8 or is not YAML.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError([Problem("the file does not exist", "check the path", file)]) from None
    except IsADirectoryError:
        raise ConfigError([Problem("this is a folder, not a file", "name a file", file)]) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            [Problem(f"not UTF-8 text: {error.reason}", "save the file as UTF-8", file)]
        ) from None
    except OSError as error:
        raise ConfigError(
            [Problem(f"cannot be read: {error.strerror or error}", "check the path", file)]
        ) from None
    try:
        loader = _UniqueKeyLoader(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(
            [Problem(f"not valid YAML: {error.reason}", "remove the character", file, line)]
        ) from None
    try:
        node = loader.get_single_node()
        value = loader.construct_document(node) if node is not None else None
        lines = dict(_lines(node, (), set())) if node is not None else {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or str(error) or type(error).__name__
        raise ConfigError(
            [
                Problem(
                    f"not valid YAML: {what}",
                    "mend the syntax at this line",
                    file,
                    mark.line + 1 if mark is not None else None,
                )
            ]
        ) from None
    finally:
        loader.dispose()
    return LocatedYaml(file, value, lines)


def line_of(document: LocatedYaml, location: Location) -> int | None:
    """Returns the line of a location, or of its nearest parent that stands in the file."""
    for length in range(len(location), -1, -1):
        if (line := document.lines.get(location[:length])) is not None:
            return line
    return None


def problems_of(error: ValidationError, document: LocatedYaml) -> list[Problem]:
    """Turns pydantic's errors into problems with lines."""
    problems = []
    for detail in error.errors(include_url=False):
        location = tuple(detail["loc"])
        dotted = ".".join(str(part) for part in location) or "the document"
        message = detail["msg"].removeprefix("Value error, ")
        fix = ""
        if detail["type"] == "extra_forbidden":
            message, fix = "is not a known key", "remove it or correct its spelling"
        elif detail["type"] == "missing":
            message, fix = "is missing", "add it"
        problems.append(
            Problem(f"{dotted}: {message}", fix, document.file, line_of(document, location))
        )
    return problems


def validate_document(document: LocatedYaml, model: type[M], *, base: Path | None = None) -> M:
    """Checks a parsed document against ``model``; ``base`` is what its paths are relative to.

    Raises:
        ConfigError: With all problems of the document and their lines.
    """
    if not isinstance(document.value, dict):
        raise ConfigError(
            [Problem("it must hold a mapping of keys to values", "see the docs", document.file, 1)]
        )
    context = {"base": base or document.file.parent}
    try:
        return model.model_validate(document.value, context=context)
    except ValidationError as error:
        raise ConfigError(problems_of(error, document)) from None


def load_document(file: Path, model: type[M]) -> M:
    """Reads a YAML file as ``model``.

    Raises:
        ConfigError: With all problems of the file and their lines.
    """
    return validate_document(read_yaml(file), model)


def _lines(node: yaml.Node, location: Location, seen: set[int]) -> Iterator[tuple[Location, int]]:
    yield location, node.start_mark.line + 1
    if id(node) in seen:  # an alias: its content was listed where it was defined
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            if isinstance(key_node, yaml.ScalarNode):
                here = (*location, key_node.value)
                yield from _lines(value_node, here, seen)
                yield here, key_node.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _lines(item, (*location, index), seen)


def fingerprint(model: BaseModel) -> dict[str, Any]:
    """A model's fields as JSON values, each file by the hash of its content.

    Two models with equal fingerprints say the same, wherever their files lie. An absent file
    counts by its name, so that the error comes where it is read. Fields that a class lists in
    ``ADDED`` came after artefacts had been made: at their defaults, which keep what was, they do
    not count, so that those artefacts are still found.
    """
    added: frozenset[str] = getattr(type(model), "ADDED", frozenset())

    def stand_in(value: Any) -> Any:
        if isinstance(value, Path):
            if value.is_file():
                return {"sha256": hashlib.sha256(value.read_bytes()).hexdigest()}
            return {"absent": value.name}
        if isinstance(value, BaseModel):
            return fingerprint(value)
        if isinstance(value, Mapping):
            return {str(key): stand_in(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [stand_in(item) for item in value]
        return value

    return {
        name: stand_in(getattr(model, name))
        for name, field in type(model).model_fields.items()
        if name not in added or getattr(model, name) != field.get_default(call_default_factory=True)
    }
