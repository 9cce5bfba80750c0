"""What both tuners are told."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from agents.backends.hugging_face import HuggingFaceOptions, weights_hash
from harness.documents import FileModel, fingerprint

__all__ = ["TuningOptions", "tuning_fingerprint"]

# What only decides how fast it goes, or what the model is called.
_NO_MATTER = frozenset({"name", "model", "revision", "device", "checkpoint_steps"})


class TuningOptions(FileModel):
    """Options of every tuner.

    Attributes:
        model: A folder with the model, or its name on the hub, as of the backend ``hf``.
        name: What the model is called; left out, the folder's or hub name.
        revision: Branch, tag or commit on the hub.
        device: As of the backend ``hf``; of several processes each takes its own GPU.
        dtype: As of the backend ``hf``.
        quantize: ``4bit`` trains the adapter on weights of 4 bits (QLoRA, Dettmers et al. 2023).
        template: As of the backend ``hf``.
        template_options: As of the backend ``hf``.
        rank: Rank of the adapter's matrices (LoRA, Hu et al. 2021).
        alpha: Its scale is ``alpha / rank``.
        dropout: Dropout before the adapter.
        targets: Names of the layers that get one; left out, every linear layer but the last.
        epochs: Passes over the data.
        max_steps: Optimiser steps, instead of whole passes.
        learning_rate: Peak, after a linear warm-up over the first tenth; then it falls linearly.
        batch_size: Items per process and step.
        accumulation: Batches whose gradients make one optimiser step.
        max_length: Most tokens of prompt and answer; what is longer is cut.
        gradient_checkpointing: Trades a third more time for much less memory.
        checkpoint_steps: Steps between checkpoints, from which an interrupted call goes on.
    """

    model: str = Field(min_length=1)
    name: str | None = None
    revision: str = "main"
    device: str = Field(default="auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    quantize: Literal["none", "8bit", "4bit"] = "none"
    template: Literal["auto", "chat", "plain"] = "auto"
    template_options: dict[str, Any] = Field(default_factory=dict)
    rank: int = Field(default=16, ge=1)
    alpha: float = Field(default=32.0, gt=0)
    dropout: float = Field(default=0.05, ge=0, lt=1)
    targets: tuple[str, ...] = ()
    epochs: float = Field(default=3.0, gt=0)
    max_steps: int | None = Field(default=None, ge=1)
    learning_rate: float = Field(default=2e-4, gt=0)
    batch_size: int = Field(default=8, ge=1)
    accumulation: int = Field(default=1, ge=1)
    max_length: int = Field(default=2048, ge=16)
    gradient_checkpointing: bool = False
    checkpoint_steps: int = Field(default=100, ge=1)

    @field_validator("model")
    @classmethod
    def _folder_or_hub_name(cls, value: str, info: ValidationInfo) -> str:
        """As the backend reads it."""
        return HuggingFaceOptions.model_validate({"model": value}, context=info.context).model

    def to_backend(self) -> HuggingFaceOptions:
        """The same model as options of the backend ``hf``."""
        device, rank = self.device, os.environ.get("LOCAL_RANK")
        if device == "auto" and rank is not None and self._cuda():
            device = f"cuda:{rank}"
        return HuggingFaceOptions(
            model=self.model,
            name=self.name,
            revision=self.revision,
            device=device,
            dtype=self.dtype,
            quantize=self.quantize,
            template=self.template,
            template_options=self.template_options,
        )

    @staticmethod
    def _cuda() -> bool:
        import torch

        return torch.cuda.is_available()


def tuning_fingerprint(options: TuningOptions) -> Mapping[str, str]:
    """The model by its weights, and every option that decides the adapter."""
    kept = {k: str(v) for k, v in fingerprint(options).items() if k not in _NO_MATTER}
    return {"weights": weights_hash(options.to_backend()), **kept}
