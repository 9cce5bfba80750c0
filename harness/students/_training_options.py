"""Options that all neural students share."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from harness.documents import FileModel
from harness.students._backbone import DEFAULT_BACKBONE
from harness.students._pretrain_options import PretrainOptions
from harness.students._probabilities import ProbabilityOptions

__all__ = ["NeuralOptions", "Pooling", "Precision", "TrainingOptions"]

Precision: TypeAlias = Literal["auto", "fp32", "bf16"]
Pooling: TypeAlias = Literal["start_markers", "cls", "mean_span", "joined"]


class TrainingOptions(FileModel):
    """How a neural student is trained.

    Attributes:
        epochs: Passes over the data, at least.
        min_steps: Optimiser steps, at least: a small set is passed over more often.
        batch_size: Rows per step.
        pad_to_multiple_of: Batches are padded to a multiple of so many tokens. Above 1 there are
            fewer shapes of batches, each of which has its kernels prepared and kept: on thousands
            of rows that is faster and takes less memory.
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
        r_drop: Weight of the divergence between two passes with other dropout (Liang et al. 2021,
            arXiv 2106.14448, equation 4); doubles the cost of a step. 0 is off.
        average: Decay of a moving average of all weights, which is what is kept; 0 is off.
        soup: Trainings from the same start, each with its own order and dropout, whose weights
            are averaged into one model (Wortsman et al. 2022, arXiv 2203.05482, uniform soup);
            1 is a single training. Costs as many trainings, and nothing at prediction.
    """

    epochs: int = Field(default=6, ge=1)
    min_steps: int = Field(default=300, ge=0)
    batch_size: int = Field(default=8, ge=1)
    pad_to_multiple_of: int = Field(default=1, ge=1, le=128)
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
    r_drop: float = Field(default=0.0, ge=0)
    average: float = Field(default=0.0, ge=0, lt=1)
    soup: int = Field(default=1, ge=1, le=32)


class NeuralOptions(TrainingOptions, ProbabilityOptions):
    """What every student with a fine-tuned backbone can be told.

    Attributes:
        backbone: The default, a folder, or the name of a model on the hub.
        max_length: Upper bound on a sentence's tokens; context far from the mentions is cut.
        batch_tokens: Upper bound on a batch's tokens at prediction.
        pretrain: A TKRE pretraining before the student's own training.
    """

    backbone: str = Field(default=DEFAULT_BACKBONE, min_length=1)
    max_length: int = Field(default=128, ge=32)
    batch_tokens: int = Field(default=2048, ge=32)
    pretrain: PretrainOptions | None = None
