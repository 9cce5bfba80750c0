"""KnowPrompt's network: virtual answer words read at the mask, and the knowledge constraint."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from harness.students._batches import Batch
from harness.students._bert_forward import ByteDropout
from harness.students._mlm import MlmTransform
from harness.students._network import Criterion, Network, span_means

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["AnswerHead", "PromptNetwork", "knowledge_loss", "random_spans"]

_LONGEST = 5  # tokens of a random span, as in the released code


class AnswerHead(nn.Module):
    """Virtual answer words behind a masked-LM transform.

    Args:
        transform: The masked-LM head's.
        answers: Embedding of each label's answer word, shape (labels, hidden).
    """

    def __init__(self, transform: MlmTransform, answers: Tensor) -> None:
        super().__init__()
        self.transform = transform
        self.answers = nn.Parameter(answers)
        self.bias = nn.Parameter(torch.zeros(len(answers)))

    def forward(self, states: Tensor) -> Tensor:
        """Logits of shape (batch, labels) from mask states of shape (batch, hidden)."""
        return F.linear(self.transform(states), self.answers, self.bias)


class PromptNetwork(Network):
    """A backbone that fills a mask with virtual answer words.

    Args:
        encoder: The backbone.
        head: Answer words and transform.
        constraint: Weight of the knowledge constraint (lambda); 0 leaves it out.
        margin: Its margin (gamma).
        seed: Seed of the negative spans.
    """

    classifier: AnswerHead
    read_positions: ClassVar[int] = 1

    def __init__(
        self,
        encoder: PreTrainedModel,
        head: AnswerHead,
        *,
        constraint: float,
        margin: float,
        seed: int,
    ) -> None:
        super().__init__(encoder)
        self.classifier = head
        self.out_features = len(head.answers)
        self._constraint, self._margin = constraint, margin
        self._generator = np.random.default_rng(seed)

    def forward(self, batch: Batch, dropout: ByteDropout) -> Tensor:
        """Logits of shape (batch, labels)."""
        logits: Tensor = self.classifier(dropout(self.mask_states(batch, dropout)))
        return logits

    def mask_states(self, batch: Batch, dropout: ByteDropout) -> Tensor:
        """Last states at the mask, shape (batch, hidden)."""
        return self.states(batch, batch.starts, dropout)[:, 0]

    def objective(
        self, batch: Batch, dropout: ByteDropout, criterion: Criterion, targets: Tensor
    ) -> Tensor:
        """Cross-entropy plus lambda times the knowledge constraint (equation 11)."""
        if not self._constraint:
            return criterion(self(batch, dropout))
        states = self.states(batch, None, dropout)
        at_mask = states[torch.arange(len(states)), batch.starts[:, 0]]
        loss = criterion(self.classifier(dropout(at_mask)))
        lengths = (
            np.full(len(states), states.shape[1])
            if batch.mask is None
            else batch.mask.sum(1).numpy()
        )
        false = torch.from_numpy(random_spans(lengths, self._generator.integers))
        true = span_means(states.float(), batch.spans)
        wrong = span_means(states.float(), false)
        constraint = knowledge_loss(
            true, wrong, self.classifier.answers[targets], margin=self._margin
        )
        return loss + self._constraint * constraint


def knowledge_loss(true: Tensor, false: Tensor, relations: Tensor, *, margin: float) -> Tensor:
    """The knowledge constraint of Chen et al. 2022 (KnowPrompt), equations 9 and 10, n = 1.

    ``-log sigmoid(margin - d(true)) - log sigmoid(d(false) - margin)`` with the translation
    distance ``d(s, o) = ||s + r - o||``, mean over the batch.

    Args:
        true: Head and tail, shape (batch, 2, hidden).
        false: Random spans in their places, same shape.
        relations: Embedding of the true relation, shape (batch, hidden).
        margin: Gamma.

    >>> true = torch.tensor([[[0.0, 0.0], [1.0, 0.0]]])
    >>> false = torch.tensor([[[0.0, 0.0], [0.0, 0.0]]])
    >>> loss = knowledge_loss(true, false, torch.tensor([[1.0, 0.0]]), margin=0.3)
    >>> round(float(loss), 4)  # -log sigmoid(0.3) - log sigmoid(0.7)
    0.9575
    """
    near = torch.linalg.vector_norm(true[:, 0] + relations - true[:, 1], dim=-1)
    far = torch.linalg.vector_norm(false[:, 0] + relations - false[:, 1], dim=-1)
    return (-F.logsigmoid(margin - near) - F.logsigmoid(far - margin)).mean()


def random_spans(lengths: np.ndarray, integers: Callable[[int, int], int]) -> np.ndarray:
    """Two spans of 1 to 5 tokens per row, inside it and not its first token.

    Args:
        lengths: Tokens of each row, shape (batch,).
        integers: Draws from a half-open range.

    Returns:
        Half-open spans, shape (batch, 2, 2).
    """
    spans = np.zeros((len(lengths), 2, 2), dtype=np.int64)
    for i, length in enumerate(lengths):
        for side in range(2):
            size = int(integers(1, min(_LONGEST, max(1, int(length) - 2)) + 1))
            start = int(integers(1, max(2, int(length) - size)))
            spans[i, side] = (start, start + size)
    return spans
