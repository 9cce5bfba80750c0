"""One generic registry for everything that an experiment file names."""

from __future__ import annotations

import difflib
import importlib
import re
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import TYPE_CHECKING, Generic, TypeVar

from harness.errors import CalldistilError, ConfigError, Problem

if TYPE_CHECKING:
    from harness.protocols import (
        Backend,
        Explainer,
        Extractor,
        GateKind,
        RowGenerator,
        Tuner,
    )

__all__ = ["Registry", "backends", "explainers", "extractors", "gates", "generators", "tuners"]

_VERSIONED = re.compile(r"^(?P<base>.+)\.v(?P<version>\d+)$")
T = TypeVar("T")


class Registry(Generic[T]):
    """Maps names to objects, which may be imported late.

    A name carries a version where behaviour is part of a result (``zero_shot.v1``); asking
    for the bare name gives the highest version. Objects come from the decorator, from
    ``add_lazy`` and from the entry points of installed distributions, and all are equal.

    Args:
        kind: What the registry holds, in the singular, for messages ("extractor").
        group: The entry point group to read, e.g. ``calldistil.extractors``.
    """

    def __init__(self, kind: str, *, group: str | None = None) -> None:
        self.kind = kind
        self.group = group
        self._objects: dict[str, T] = {}
        self._lazy: dict[str, str] = {}
        self._discovered = group is None

    def register(self, name: str) -> Callable[[T], T]:
        """Decorates an object with its name.

        Raises:
            CalldistilError: When the name is taken.
        """

        def add(value: T) -> T:
            self._refuse_duplicate(name)
            self._objects[name] = value
            return value

        return add

    def add_lazy(self, name: str, target: str) -> None:
        """Adds ``"module:Attribute"``, imported when first asked for."""
        self._refuse_duplicate(name)
        self._lazy[name] = target

    def resolve(self, name: str) -> str:
        """Returns the full, versioned name that ``name`` stands for.

        Raises:
            ConfigError: When there is none; names the nearest ones.
        """
        known = self.names()
        if name in known:
            return name
        versions = [n for n in known if (m := _VERSIONED.match(n)) and m["base"] == name]
        if versions:
            return max(versions, key=lambda n: int(n.rpartition(".v")[2]))
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        guess = f"did you mean {near[0]!r}? " if near else ""
        raise ConfigError(
            [
                Problem(
                    f"{name!r} is not a known {self.kind}",
                    f"{guess}must be one of: {', '.join(known) or 'none are installed'}",
                )
            ]
        )

    def get(self, name: str) -> T:
        """Returns the object called ``name``, importing it if need be.

        Raises:
            ConfigError: When the name is unknown.
            CalldistilError: When it cannot be imported.
        """
        full = self.resolve(name)
        if full not in self._objects:
            module, _, attribute = self._lazy[full].partition(":")
            try:
                self._objects[full] = getattr(importlib.import_module(module), attribute)
            except (ImportError, AttributeError) as error:
                raise CalldistilError(
                    f"The {self.kind} {full!r} ({self._lazy[full]}) cannot be loaded: {error}.",
                    hint="Check the installation with: calldistil doctor",
                ) from error
        return self._objects[full]

    def names(self) -> tuple[str, ...]:
        """All names, sorted."""
        self._discover()
        return tuple(sorted({*self._objects, *self._lazy}))

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def _discover(self) -> None:
        if self._discovered:
            return
        self._discovered = True
        for entry in metadata.entry_points(group=self.group or ""):
            if self._lazy.get(entry.name) != entry.value:
                self.add_lazy(entry.name, entry.value)

    def _refuse_duplicate(self, name: str) -> None:
        if name in self._objects or name in self._lazy:
            raise CalldistilError(
                f"Two things are registered as the {self.kind} {name!r}.",
                hint="Give one of them another name or version.",
            )


backends: Registry[type[Backend]] = Registry("backend", group="calldistil.backends")
extractors: Registry[type[Extractor]] = Registry("extractor", group="calldistil.extractors")
generators: Registry[type[RowGenerator]] = Registry("generator", group="calldistil.generators")
gates: Registry[GateKind] = Registry("gate", group="calldistil.gates")
explainers: Registry[type[Explainer]] = Registry("explainer", group="calldistil.explainers")
tuners: Registry[type[Tuner]] = Registry("tuner", group="calldistil.tuners")
