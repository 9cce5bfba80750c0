"""Options that all neural students share."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from harness.documents import FileModel

__all__ = ["Pooling", "Precision", "TrainingOptions"]

Precision: TypeAlias = Literal["auto", "fp32", "bf16"]
Pooling: TypeAlias = Literal["start_markers", "cls", "mean_span"]


class TrainingOptions(FileModel):
    """How a neural student is trained.

    Attributes:
        epochs: Passes over the data, at least.
        min_steps: Optimiser steps, at least: a small set is passed over more often.
        batch_size: Rows per step.
        learning_rate: Peak rate of the encoder.
        head_learning_rate: Peak rate of the classifier.
        layer_decay: Factor on the rate from one layer to the one below; 1 is the same for all.
        warmup: Share of the steps in which the rate rises; then it falls linearly to 0.
        weight_decay: Decoupled decay of weight matrices; embeddings and vectors have none.
        max_gradient: Norm to which a step's gradient is cut; null never cuts.
        dropout: On embeddings, both outputs of each layer and the pooled states; in steps of
            1/256. An architecture without the lean forward pass keeps its own dropout.
        label_smoothing: Share of the target spread evenly over all labels.
        train_embeddings: Whether word embeddings are trained.
        patience: Epochs without a better dev accuracy after which training stops, and the best
            epoch is kept; null trains to the end and leaves the dev set alone.
        precision: ``bf16`` runs matrix products in bfloat16, ``auto`` where the CPU has it in
            hardware. Weights, sums of gradients and the optimiser are always fp32.
    """

    epochs: int = Field(default=6, ge=1)
    min_steps: int = Field(default=300, ge=0)
    batch_size: int = Field(default=8, ge=1)
    learning_rate: float = Field(default=2e-4, gt=0)
    head_learning_rate: float = Field(default=3e-4, gt=0)
    layer_decay: float = Field(default=1.0, gt=0, le=1)
    warmup: float = Field(default=0.1, ge=0, lt=1)
    weight_decay: float = Field(default=0.01, ge=0)
    max_gradient: float | None = Field(default=1.0, gt=0)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    train_embeddings: bool = True
    patience: int | None = Field(default=None, ge=1)
    precision: Precision = "auto"
