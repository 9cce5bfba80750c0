"""The objectives of TKRE: masked span language modelling and span-level contrast.

Guo et al. 2025, "Bridging Generative and Discriminative Learning", IJCAI, arXiv 2505.12236.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from harness.students._pretrain_options import PretrainOptions

__all__ = [
    "Contrast",
    "Spans",
    "contrastive_loss",
    "mask_probabilities",
    "masked_lm_loss",
    "negative_span",
]

Spans = tuple[tuple[int, int], tuple[int, int]]
_LONGEST = 3  # tokens of a negative span, as in the released code


def between(spans: Spans) -> tuple[int, int]:
    """The half-open span between two mentions; empty where they touch or overlap.

    >>> between(((1, 3), (6, 7)))
    (3, 6)
    """
    start = min(spans[0][1], spans[1][1])
    return start, max(start, max(spans[0][0], spans[1][0]))


def mask_probabilities(
    length: int, spans: Spans | None, special: NDArray[np.bool_], options: PretrainOptions
) -> NDArray[np.float64]:
    """Probability that each token is masked (equation 3), shape (length,).

    Args:
        length: Number of tokens.
        spans: Token spans of head and tail; None where the text does not name both.
        special: True at the model's own tokens, which are never masked.
        options: The three probabilities.

    >>> special = np.array([True, False, False, False, False, True])
    >>> mask_probabilities(6, ((1, 2), (3, 4)), special, PretrainOptions()).tolist()
    [0.0, 0.5, 0.8, 0.5, 0.2, 0.0]
    """
    chances = np.full(length, options.mask_elsewhere)
    if spans is not None:
        start, end = between(spans)
        chances[start:end] = options.mask_between
        for first, last in spans:
            chances[first:last] = options.mask_entities
    chances[special] = 0.0
    return chances


def negative_span(
    length: int, spans: Spans, special: NDArray[np.bool_], generator: np.random.Generator
) -> tuple[int, int] | None:
    """A random span of 1 to 3 tokens outside the mentions and the span between them.

    Returns:
        A half-open span; None where there is no such token.
    """
    allowed = ~special[:length]
    for first, last in (*spans, between(spans)):
        allowed[first:last] = False
    places = np.flatnonzero(allowed)
    if not len(places):
        return None
    start = int(generator.choice(places))
    end = start + 1
    wanted = start + int(generator.integers(1, _LONGEST + 1))
    while end < min(wanted, length) and allowed[end]:
        end += 1
    return start, end


def masked_lm_loss(logits: Tensor, words: Tensor) -> Tensor:
    """Mean cross-entropy of the masked tokens (equation 4).

    Args:
        logits: Over all words, shape (masked tokens, words).
        words: The tokens that were masked, shape (masked tokens,).
    """
    return F.cross_entropy(logits.float(), words)


class Contrast(nn.Module):
    """Relation embeddings, and the projection that the released code puts before the cosine.

    Args:
        labels: Number of relations.
        size: The encoder's hidden size.
    """

    def __init__(self, labels: int, size: int) -> None:
        super().__init__()
        self.relations = nn.Embedding(labels, size)
        self.project = nn.Sequential(nn.Linear(size, size), nn.ReLU(), nn.Linear(size, size))

    def forward(
        self, targets: Tensor, positive: Tensor, negative: Tensor, *, temperature: float
    ) -> Tensor:
        """The loss of a batch.

        Args:
            targets: Relation of each row, shape (batch,).
            positive: Mean state of the span between the entities, shape (batch, hidden).
            negative: Mean state of another span, same shape.
            temperature: Tau.
        """
        return contrastive_loss(
            self.project(self.relations(targets)),
            self.project(positive),
            self.project(negative),
            temperature=temperature,
        )


def contrastive_loss(
    anchor: Tensor, positive: Tensor, negative: Tensor, *, temperature: float
) -> Tensor:
    """``-log exp(s(a, p) / tau) / (exp(s(a, p) / tau) + exp(s(a, n) / tau))`` with the cosine s
    (equation 6), mean over the batch.

    Args:
        anchor: Shape (batch, hidden).
        positive: Same shape.
        negative: Same shape.
        temperature: Tau.

    >>> import torch
    >>> a, n = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 2.0]])
    >>> round(float(contrastive_loss(a, 3 * a, n, temperature=1.0)), 4)  # log(1 + exp(-1))
    0.3133
    """
    near = F.cosine_similarity(anchor, positive, dim=-1) / temperature
    far = F.cosine_similarity(anchor, negative, dim=-1) / temperature
    return F.softplus(far - near).mean()
