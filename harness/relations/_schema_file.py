"""Schemas as YAML files, those that ship with the package among them."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import ConfigDict, Field, model_validator

from harness.documents import FileModel, load_document
from harness.errors import ConfigError, Problem
from harness.relations._schema import Markers, PromptWords, Relation, Schema

__all__ = ["builtin_schemas", "load_schema", "save_schema"]


class _MarkersModel(FileModel):
    head: str = Field(default="e1", pattern=r"^[A-Za-z][\w-]*$")
    tail: str = Field(default="e2", pattern=r"^[A-Za-z][\w-]*$")

    @model_validator(mode="after")
    def _differ(self) -> Self:
        if self.head == self.tail:
            raise ValueError("head and tail need different markers")
        return self


class _RelationModel(FileModel):
    description: str = ""
    arguments: tuple[str, str] | None = None
    head_types: tuple[str, ...] = ()
    tail_types: tuple[str, ...] = ()
    example_pair: tuple[str, str] | None = None


class _PromptModel(FileModel):
    noun: str | None = None
    marker_note: str | None = None
    direction_note: str | None = None
    sample_format: str | None = None
    na_request: str | None = None

    def words(self, usual: PromptWords) -> PromptWords:
        """What the file says, and the usual words for what it leaves out."""
        said = {name: value for name, value in self.model_dump().items() if value is not None}
        return replace(usual, **said)


class _SchemaModel(FileModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    title: str = ""
    na_label: str = Field(min_length=1)
    na_description: str = Schema.na_description
    directed: bool = False
    official_metric: str = Schema.official_metric
    markers: _MarkersModel = Field(default_factory=_MarkersModel)
    relations: dict[str, _RelationModel] = Field(min_length=1)
    prompt: _PromptModel = Field(default_factory=_PromptModel)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.na_label in self.relations:
            raise ValueError(f"the NA label {self.na_label!r} stands among the relations as well")
        for name in self.relations:
            if not name.strip() or name != name.strip():
                raise ValueError(f"the relation name {name!r} is empty or has outer white space")
        if self.directed:
            lacking = [n for n, r in self.relations.items() if r.arguments is None]
            if lacking:
                raise ValueError(
                    "a directed schema names both arguments of each relation;"
                    f" missing for: {', '.join(lacking)}"
                )
        return self

    def to_schema(self) -> Schema:
        markers = Markers(**self.markers.model_dump())
        return Schema(
            name=self.name,
            title=self.title,
            na_label=self.na_label,
            na_description=self.na_description,
            directed=self.directed,
            official_metric=self.official_metric,
            markers=markers,
            relations=tuple(
                Relation(name=name, **relation.model_dump())
                for name, relation in self.relations.items()
            ),
            prompt=self.prompt.words(PromptWords.usual(markers, directed=self.directed)),
        )


def builtin_schemas() -> tuple[str, ...]:
    """Names of the schemas that ship with the package, sorted."""
    folder = resources.files("harness.relations") / "schemas"
    return tuple(sorted(f.name.removesuffix(".yaml") for f in folder.iterdir()))


def load_schema(name_or_path: str | Path) -> Schema:
    """Loads a schema by the name of a built-in one or from a YAML file.

    Raises:
        ConfigError: With every problem of the file and its line.
    """
    if str(name_or_path) in builtin_schemas():
        source = resources.files("harness.relations") / "schemas" / f"{name_or_path}.yaml"
        with resources.as_file(source) as file:
            return load_document(file, _SchemaModel).to_schema()
    file = Path(name_or_path)
    if not file.suffix and not file.exists():
        raise ConfigError(
            [
                Problem(
                    f"{str(name_or_path)!r} is neither a built-in schema nor a file",
                    f"built-in: {', '.join(builtin_schemas())}",
                )
            ]
        )
    return load_document(file, _SchemaModel).to_schema()


class _Dumper(yaml.SafeDumper):
    """Writes Unicode's own line breaks escaped; PyYAML would read them back as spaces."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if any(break_ in text for break_ in "\x85\u2028\u2029") else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def save_schema(schema: Schema, file: Path) -> None:
    """Writes a schema as YAML that ``load_schema`` reads back equal."""

    def kept(relation: Relation) -> dict[str, Any]:
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key in ("description", "arguments", "head_types", "tail_types", "example_pair")
            if (value := getattr(relation, key))
        }

    words = schema.prompt
    document = {
        "name": schema.name,
        "title": schema.title,
        "na_label": schema.na_label,
        "na_description": schema.na_description,
        "directed": schema.directed,
        "official_metric": schema.official_metric,
        "markers": {"head": schema.markers.head, "tail": schema.markers.tail},
        "relations": {relation.name: kept(relation) for relation in schema.relations},
        "prompt": {name: getattr(words, name) for name in PromptWords.__slots__},
    }
    text = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    file.write_text(text, encoding="utf-8")
