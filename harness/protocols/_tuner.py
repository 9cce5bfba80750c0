"""What fine-tunes an LLM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel, Field

from harness.documents import FileModel
from harness.protocols._student import Progress
from harness.relations import Example, Schema

__all__ = ["TuneReport", "TunedAdapter", "Tuner"]


class TunedAdapter(FileModel):
    """An adapter that an experiment trains itself, as a value of a backend's option.

    Attributes:
        tuned: Name of the entry under ``tuned``.
        part: Which of its adapters: ``adapter`` of ``sft``, ``first`` or ``second`` of ``dpo``.
    """

    tuned: str = Field(min_length=1)
    part: str = Field(default="adapter", pattern=r"^[a-z_]+$")


@dataclass(frozen=True, slots=True)
class TuneReport:
    """What tuning did.

    Attributes:
        examples: Number of training items (labelled sentences, or preference pairs).
        steps: Optimiser steps, over all parts.
        seconds: Wall-clock seconds of training, earlier sittings included.
        parts: Name of each adapter's folder to the labels that it was tuned on.
        figures: What was logged on the way, name to its values in order; a part's begin with its
            name where there are several.
        notes: Anything a reader should know.
    """

    examples: int
    steps: int
    seconds: float
    parts: Mapping[str, tuple[str, ...]]
    figures: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@runtime_checkable
class Tuner(Protocol):
    """Trains adapters of an LLM. Made by ``cls(schema=..., options=Options(...))``."""

    summary: ClassVar[str]
    source: ClassVar[str]
    Options: ClassVar[type[BaseModel]]

    def __init__(self, *, schema: Schema, options: Any) -> None: ...

    @classmethod
    def fingerprint(cls, *, options: Any) -> Mapping[str, str]:
        """What of the options decides the adapters; the model counts by its weights."""
        ...

    def tune(
        self,
        *,
        examples: Sequence[Example],
        seed: int,
        folder: Path,
        checkpoints: Path,
        progress: Progress | None = None,
    ) -> TuneReport:
        """Trains on labelled examples and writes each adapter into a folder of its own.

        Args:
            examples: Labelled examples.
            seed: Seed of everything random.
            folder: An existing, empty folder for the adapters.
            checkpoints: A folder that outlives an interruption; training goes on from what it
                finds there.
            progress: Told of (done, total) steps.
        """
        ...
