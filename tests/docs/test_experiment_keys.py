"""The table of an experiment file's keys is what the models say.

Run ``python tests/docs/test_experiment_keys.py`` to write it again.
"""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from harness.pipeline import Experiment

PAGE = Path(__file__).resolve().parents[2] / "docs" / "experiments.md"
BLOCK = re.compile(r"(?<=<!-- keys: begin -->\n).*(?=<!-- keys: end -->)", re.DOTALL)
WORDS = {
    str: "text", int: "whole number", float: "number", bool: "true or false", Path: "path",
    Any: "any value",
}  # fmt: skip


def is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def parts(annotation: Any) -> tuple[Any, ...]:
    """What a type is made of, without the wrappers that say nothing to a reader."""
    if typing.get_origin(annotation) is typing.Annotated:
        return parts(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return tuple(
            p for a in typing.get_args(annotation) for p in parts(a) if p is not type(None)
        )
    return (annotation,)


def kind_of(annotation: Any) -> str:
    """A type in words."""
    words = []
    for part in parts(annotation):
        origin, inner = typing.get_origin(part), typing.get_args(part)
        if origin is typing.Literal:
            words += [f"`{value}`" for value in inner]
        elif origin is tuple:
            words.append(f"list of {kind_of(inner[0])}")
        elif origin is dict:
            words.append(f"mapping of names to {kind_of(inner[1])}")
        else:
            words.append("mapping" if is_model(part) else WORDS.get(part) or part.__name__)
    return " or ".join(words)


def models_in(annotation: Any, path: str) -> Iterator[tuple[str, type[BaseModel]]]:
    """The models that a key's value holds, each with how its place is written."""
    for part in parts(annotation):
        origin, inner = typing.get_origin(part), typing.get_args(part)
        if is_model(part):
            yield path, part
        elif origin is tuple:
            yield from models_in(inner[0], f"{path}[]")
        elif origin is dict:
            yield from models_in(inner[1], f"{path}.NAME")


def meanings(model: type[BaseModel]) -> dict[str, str]:
    """Key -> meaning, from the docstring's attributes."""
    text = inspect.cleandoc(model.__doc__ or "").partition("Attributes:\n")[2].split("\n\n")[0]
    entries = re.findall(r"^    (\w+): (.*(?:\n        .*)*)", text, re.MULTILINE)
    return {
        name: re.sub(r"\s+", " ", said).replace("``", "`").replace("None:", "left out:")
        for name, said in entries
    }


def default_of(field: Any) -> str:
    if field.default_factory is not None:
        value = field.default_factory()
        return "" if isinstance(value, BaseModel) or not value else f"`{value}`"
    if field.default is PydanticUndefined:
        return "required"
    if field.default in (None, "", ()):
        return ""
    shown = list(field.default) if isinstance(field.default, tuple) else field.default
    return f"`{str(shown).lower() if isinstance(shown, bool) else shown}`"


def tables() -> Iterator[str]:
    """One table per mapping of the file, from the outside in."""
    waiting: list[tuple[str, type[BaseModel]]] = [("", Experiment)]
    places: dict[type[BaseModel], list[str]] = {}
    rows: dict[type[BaseModel], list[str]] = {}
    while waiting:
        path, model = waiting.pop(0)
        places.setdefault(model, []).append(path)
        if model in rows:
            continue
        told, rows[model] = meanings(model), []
        for name, field in model.model_fields.items():
            key = field.alias or name
            assert key in told, f"{model.__name__} does not say what {key} means"
            annotation = typing.get_type_hints(model, include_extras=True)[name]
            rows[model].append(
                f"| `{key}` | {kind_of(annotation)} | {default_of(field)} | {told[key]} |"
            )
            waiting += models_in(annotation, f"{path}.{key}".lstrip("."))
    for model, lines in rows.items():
        yield "### " + (", ".join(f"`{path}`" for path in places[model] if path) or "The file")
        yield "\n| key | value | default | meaning |\n|---|---|---|---|"
        yield from [*lines, ""]


def generated() -> str:
    return "\n" + "\n".join(tables())


def test_the_table_of_keys_is_what_the_models_say() -> None:
    found = BLOCK.search(PAGE.read_text(encoding="utf-8"))
    assert found is not None
    assert found[0] == generated(), f"write it again: python {Path(__file__).name}"


if __name__ == "__main__":
    PAGE.write_text(
        BLOCK.sub(lambda _: generated(), PAGE.read_text(encoding="utf-8")), encoding="utf-8"
    )
