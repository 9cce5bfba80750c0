"""What the neural students share of a network: an encoder, its states, a classifier."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import torch
from torch import Tensor, nn

from harness.students._batches import Batch
from harness.students._bert_forward import ByteDropout, LeanBert, is_lean
from harness.students._training_options import Pooling

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["Criterion", "MarkerClassifier", "Network", "span_means"]

Criterion: TypeAlias = Callable[[Tensor], Tensor]
"""From logits of a batch, shape (batch, labels), to the loss against its labels."""

_PARTS = {"start_markers": 2, "cls": 1, "mean_span": 2, "joined": 5}


class Network(nn.Module, ABC):
    """An encoder and what reads a relation from its states.

    Attributes:
        encoder: The backbone.
        classifier: Everything that is not the backbone: it has a rate and a file of its own.
        out_features: Number of labels.
        read_positions: How many ``starts`` a batch has per row.
    """

    classifier: nn.Module
    out_features: int
    read_positions: ClassVar[int] = 2

    def __init__(self, encoder: PreTrainedModel) -> None:
        super().__init__()
        self.encoder = encoder
        self._lean = LeanBert(encoder) if is_lean(encoder) else None

    @abstractmethod
    def forward(self, batch: Batch, dropout: ByteDropout) -> Tensor:
        """Logits of shape (batch, labels)."""

    def objective(
        self, batch: Batch, dropout: ByteDropout, criterion: Criterion, targets: Tensor
    ) -> Tensor:
        """The loss of a training step; ``criterion`` is the cross-entropy with ``targets``."""
        del targets
        return criterion(self(batch, dropout))

    def states(self, batch: Batch, wanted: Tensor | None, dropout: ByteDropout) -> Tensor:
        """Last states at the positions ``wanted``, shape (batch, n); None for all of them."""
        if self._lean is not None:
            return self._lean(batch.ids, batch.mask, wanted, dropout)
        mask = torch.ones_like(batch.ids) if batch.mask is None else batch.mask.long()
        states: Tensor = self.encoder(input_ids=batch.ids, attention_mask=mask).last_hidden_state
        if wanted is not None:
            states = states.gather(1, wanted[:, :, None].expand(-1, -1, states.shape[2]))
        return states


class MarkerClassifier(Network):
    """A classifier on pooled states of an encoder.

    Args:
        encoder: The backbone.
        pooling: ``start_markers`` joins the states of both start markers (Zhou and Chen 2022,
            equation 1), ``mean_span`` the means over both mentions, ``cls`` takes the first,
            ``joined`` joins all five.
        labels: Number of labels.
        hidden: Whether a layer with a ReLU stands before the linear one, as in the released code.
    """

    def __init__(
        self, encoder: PreTrainedModel, *, pooling: Pooling, labels: int, hidden: bool = False
    ) -> None:
        super().__init__(encoder)
        self.pooling = pooling
        self.out_features = labels
        size = int(encoder.config.hidden_size)
        width = _PARTS[pooling] * size
        linear = nn.Linear(size if hidden else width, labels)
        nn.init.normal_(linear.weight, std=0.02)
        nn.init.zeros_(linear.bias)
        self.classifier = (
            nn.Sequential(nn.Linear(width, size), nn.ReLU(), linear) if hidden else linear
        )

    def forward(self, batch: Batch, dropout: ByteDropout) -> Tensor:
        """Logits of shape (batch, labels)."""
        return self.classifier(dropout(self._pooled(batch, dropout)))  # type: ignore[no-any-return]

    def _pooled(self, batch: Batch, dropout: ByteDropout) -> Tensor:
        if self.pooling == "start_markers":
            return self.states(batch, batch.starts, dropout).flatten(1)
        first = torch.zeros_like(batch.starts[:, :1])
        if self.pooling == "cls":
            return self.states(batch, first, dropout).flatten(1)
        states = self.states(batch, None, dropout)
        means = span_means(states, batch.spans).flatten(1)
        if self.pooling == "mean_span":
            return means
        read = torch.cat([first, batch.starts], dim=1)[:, :, None]
        return torch.cat(
            [states.gather(1, read.expand(-1, -1, states.shape[2])).flatten(1), means], dim=1
        )


def span_means(states: Tensor, spans: Tensor) -> Tensor:
    """Means of states over spans.

    Args:
        states: Shape (batch, length, hidden).
        spans: Half-open, shape (batch, spans, 2).

    Returns:
        Shape (batch, spans, hidden); 0 where a span is empty.
    """
    places = torch.arange(states.shape[1])
    inside = (places >= spans[:, :, :1]) & (places < spans[:, :, 1:])
    share = inside.to(states.dtype)
    return share @ states / share.sum(-1, keepdim=True).clamp(min=1)
