"""Encoder, pooling and classifier of the entity-marker student."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from harness.students._batches import Batch
from harness.students._bert_forward import ByteDropout, LeanBert, is_lean
from harness.students._training_options import Pooling

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["MarkerClassifier"]

_PARTS = {"start_markers": 2, "cls": 1, "mean_span": 2}


class MarkerClassifier(nn.Module):
    """A linear classifier on pooled states of an encoder.

    Args:
        encoder: The backbone.
        pooling: ``start_markers`` joins the states of both start markers (Zhou and Chen 2022,
            equation 1), ``mean_span`` the means over both mentions, ``cls`` takes the first.
        labels: Number of labels.
    """

    def __init__(self, encoder: PreTrainedModel, *, pooling: Pooling, labels: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.pooling = pooling
        hidden = int(encoder.config.hidden_size)
        self.classifier = nn.Linear(_PARTS[pooling] * hidden, labels)
        nn.init.normal_(self.classifier.weight, std=0.02)
        nn.init.zeros_(self.classifier.bias)
        self._lean = LeanBert(encoder) if is_lean(encoder) else None

    def forward(self, batch: Batch, dropout: ByteDropout) -> Tensor:
        """Logits of shape (batch, labels)."""
        return self.classifier(dropout(self._pooled(batch, dropout)))  # type: ignore[no-any-return]

    def _pooled(self, batch: Batch, dropout: ByteDropout) -> Tensor:
        wanted = None
        if self.pooling == "start_markers":
            wanted = batch.starts
        elif self.pooling == "cls":
            wanted = torch.zeros_like(batch.starts[:, :1])
        if self._lean is not None:
            states = self._lean(batch.ids, batch.mask, wanted, dropout)
        else:
            mask = torch.ones_like(batch.ids) if batch.mask is None else batch.mask.long()
            states = self.encoder(input_ids=batch.ids, attention_mask=mask).last_hidden_state
            if wanted is not None:
                states = states.gather(1, wanted[:, :, None].expand(-1, -1, states.shape[2]))
        if self.pooling == "mean_span":
            places = torch.arange(states.shape[1])
            inside = (places >= batch.spans[:, :, :1]) & (places < batch.spans[:, :, 1:])
            share = inside.to(states.dtype)
            states = share @ states / share.sum(-1, keepdim=True)
        return states.flatten(1)
