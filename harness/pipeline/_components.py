"""Components that an experiment names, with their options checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from harness.errors import ConfigError, Problem
from harness.registry import Registry

__all__ = ["Component", "checked_component"]

T = TypeVar("T")


@dataclass(frozen=True)
class Component(Generic[T]):
    """A registered thing with its checked options.

    Attributes:
        name: Full, versioned registry name.
        kind: The class.
        options: Its options.
    """

    name: str
    kind: T
    options: BaseModel


def checked_component(
    registry: Registry[T], name: str, options: Mapping[str, Any], base: Path
) -> Component[T]:
    """Looks a component up and checks its options.

    Raises:
        ConfigError: When the name is unknown or an option is wrong.
    """
    full = registry.resolve(name)
    kind = registry.get(full)
    model: type[BaseModel] = kind.Options  # type: ignore[attr-defined]
    try:
        checked = model.model_validate(dict(options), context={"base": base})
    except ValidationError as error:
        known = ", ".join(model.model_fields) or "it takes none"
        raise ConfigError(
            [
                Problem(
                    f"option {'.'.join(map(str, d['loc'])) or '?'} of {full}: "
                    + d["msg"].removeprefix("Value error, "),
                    f"options: {known}",
                )
                for d in error.errors(include_url=False)
            ]
        ) from None
    return Component(full, kind, checked)
