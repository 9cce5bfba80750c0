"""Adapters that an experiment trains, as entries of its file."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from harness.documents import FileModel

__all__ = ["TunedEntry"]


class TunedEntry(FileModel):
    """Adapters of an LLM, trained on human labels; a backend's ``adapter: {tuned: NAME}`` is one.

    Attributes:
        tuner: Registry name: ``sft`` or ``dpo``.
        options: Its options; the model is that of the backends that use the adapter.
        train_on: The ``few_shot`` set, or all of ``data.train``.
        seed: Seed of the training.
    """

    tuner: str
    options: dict[str, Any] = Field(default_factory=dict)
    train_on: Literal["few_shot", "train"] = "train"
    seed: int = Field(default=1, ge=0)
