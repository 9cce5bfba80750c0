"""Model soup: one model from several trainings (Wortsman et al. 2022, arXiv 2203.05482)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["Soup"]


class Soup:
    """The mean of the weights of several trainings from one start; of one, its own weights."""

    def __init__(self, model: nn.Module, members: int) -> None:
        self._trained = [p for p in model.parameters() if p.requires_grad]
        self._share = 1 / members
        self._start = self._copy() if members > 1 else []
        self._mean: list[Tensor] = []

    def begin(self) -> None:
        """Puts the model back to the start."""
        self._put(self._start)

    def add(self) -> None:
        """Takes the model's weights in."""
        if not self._start:
            return
        if not self._mean:
            self._mean = [torch.zeros_like(p) for p in self._trained]
        torch._foreach_add_(self._mean, self._copy(), alpha=self._share)

    def pour(self) -> None:
        """Gives the model the mean."""
        self._put(self._mean)

    def _copy(self) -> list[Tensor]:
        return [p.detach().clone() for p in self._trained]

    def _put(self, weights: list[Tensor]) -> None:
        with torch.no_grad():
            for parameter, weight in zip(self._trained, weights, strict=bool(weights)):
                parameter.copy_(weight)
