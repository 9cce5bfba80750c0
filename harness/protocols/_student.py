"""What a small model is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from harness.relations import Example, Schema

__all__ = ["FitReport", "Progress", "Student"]

Progress: TypeAlias = Callable[[int, int], None]
"""Called with (done, total) units of work."""


@dataclass(frozen=True, slots=True)
class FitReport:
    """What training did.

    Attributes:
        examples: Number of training examples.
        steps: Optimiser steps (or solver iterations).
        seconds: Wall-clock seconds.
        losses: Mean training loss per epoch, where there are epochs.
        notes: Anything a reader of the table should know.
    """

    examples: int
    steps: int
    seconds: float
    losses: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()


@runtime_checkable
class Student(Protocol):
    """A small model. Made by ``cls(schema=..., options=Options(...))``.

    ``name`` is its registry name, which ``save`` writes so that ``load_student`` finds the
    class again.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]
    Options: ClassVar[type[BaseModel]]

    def __init__(self, *, schema: Schema, options: Any) -> None: ...

    @property
    def schema(self) -> Schema:
        """The schema it was made with."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """Label names in the order of the probabilities' columns: the schema's order."""
        ...

    def fit(
        self,
        *,
        examples: Sequence[Example],
        seed: int,
        dev: Sequence[Example] = (),
        progress: Progress | None = None,
    ) -> FitReport:
        """Trains on labelled examples. The same seed and data give the same model."""
        ...

    def predict_proba(
        self, *, examples: Sequence[Example], progress: Progress | None = None
    ) -> NDArray[np.float64]:
        """Probabilities of shape (examples, labels); rows sum to 1."""
        ...

    def save(self, *, folder: Path) -> None:
        """Writes the model into an existing, empty folder; safetensors and JSON only."""
        ...

    @classmethod
    def load(cls, *, folder: Path) -> Self:
        """Reads what ``save`` wrote."""
        ...
