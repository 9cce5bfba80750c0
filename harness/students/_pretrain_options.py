"""Options of the TKRE pretraining."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, field_serializer, model_validator

from harness.documents import FileModel, ResolvedPath

__all__ = ["PretrainOptions"]


class PretrainOptions(FileModel):
    """A pretraining on explanations, before a student's own training.

    Guo et al. 2025 (IJCAI, arXiv 2505.12236): stage 1 restores masked spans of explanations,
    stage 2 does so on the training rows and contrasts spans.

    Attributes:
        explanations: JSONL of explanations, ``{"example_id": ..., "explanation": ...}`` a line;
            those of rows that are not trained on are left out.
        templates: Write an explanation from gold by template for every row that has none.
        contrast: Whether stage 2 follows.
        restart: Begin stage 2 from the backbone's own weights, as the released script does; the
            paper goes on from stage 1. Stage 1 then leaves no trace.
        epochs: Passes of each stage.
        batch_size: Rows per step.
        learning_rate: Peak rate; the paper's is for roberta-large.
        mask_between: Probability that a token between the entities is masked.
        mask_entities: That a token of an entity is.
        mask_elsewhere: That any other token is.
        temperature: Of the contrast.
        mslm_weight: Weight of masked span language modelling in stage 2 (lambda 1).
        scl_weight: Weight of span-level contrastive learning (lambda 2).
        max_length: Upper bound on tokens.
    """

    explanations: ResolvedPath | None = None
    templates: bool = False
    contrast: bool = True
    restart: bool = False
    epochs: int = Field(default=5, ge=1)
    batch_size: int = Field(default=16, ge=1)
    learning_rate: float = Field(default=2e-5, gt=0)
    mask_between: float = Field(default=0.8, ge=0, le=1)
    mask_entities: float = Field(default=0.5, ge=0, le=1)
    mask_elsewhere: float = Field(default=0.2, ge=0, le=1)
    temperature: float = Field(default=0.1, gt=0)
    mslm_weight: float = Field(default=1.0, ge=0)
    scl_weight: float = Field(default=1.0, ge=0)
    max_length: int = Field(default=128, ge=32)

    @field_serializer("explanations")
    def _without_its_folder(self, file: Path | None) -> str | None:
        """A saved student is the same wherever it was trained."""
        return None if file is None else file.name

    @model_validator(mode="after")
    def _has_something_to_read(self) -> Self:
        if self.explanations is None and not self.templates and not self.contrast:
            raise ValueError("it needs explanations, templates: true or contrast: true")
        if self.restart and not self.contrast:
            raise ValueError("restart says where stage 2 begins, and contrast: false leaves it out")
        return self
