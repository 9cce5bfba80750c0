"""Chooses tokens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.protocols import Sampling

__all__ = ["Sampler"]


@dataclass(slots=True)
class Sampler:
    """Chooses among options by their logits.

    Attributes:
        temperature: 0 takes the best.
        top_p: Probability mass kept.
        top_k: Number of options kept; 0 is all.
        penalty: Factor on the logits of tokens that the answer has (Keskar et al. 2019, CTRL,
            section 4.1): positive ones are divided by it, negative ones multiplied.
        random: Source of chance.
    """

    temperature: float
    top_p: float
    top_k: int
    penalty: float
    random: np.random.Generator

    @classmethod
    def of(cls, sampling: Sampling, *, repeat: int, seed: int) -> Sampler:
        """The sampler that a request asks for; each repeat of it draws anew."""
        seed = seed if sampling.seed is None else sampling.seed
        return cls(
            temperature=sampling.temperature or 0.0,
            top_p=1.0 if sampling.top_p is None else sampling.top_p,
            top_k=sampling.top_k or 0,
            penalty=sampling.repetition_penalty or 1.0,
            random=np.random.default_rng((seed % 2**64, repeat)),
        )

    @property
    def truncates(self) -> bool:
        """Whether unlikely options are left out."""
        return self.temperature > 0 and (self.top_p < 1 or self.top_k > 0)

    def penalised(
        self, logits: NDArray[np.float32], written: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """The logits after the penalty on tokens that are written."""
        if self.penalty == 1 or not len(written):
            return logits
        logits = logits.copy()
        found = logits[written]
        logits[written] = np.where(found > 0, found / self.penalty, found * self.penalty)
        return logits

    def choose(self, logits: NDArray[np.floating]) -> int:
        """The index of the option that is taken."""
        if self.temperature == 0:
            return int(logits.argmax())
        scaled = logits.astype(np.float64) / self.temperature
        weights = np.exp(scaled - scaled.max())
        kept: NDArray[np.intp] | None = None
        if self.top_k and self.top_k < len(weights):
            kept = np.argpartition(-weights, self.top_k - 1)[: self.top_k]
            weights = weights[kept]
        if self.top_p < 1:
            order = np.argsort(-weights, kind="stable")
            sums = np.cumsum(weights[order])
            order = order[: int(np.searchsorted(sums, self.top_p * sums[-1])) + 1]
            kept = order if kept is None else kept[order]
            weights = weights[order]
        sums = np.cumsum(weights)
        place = int(np.searchsorted(sums, self.random.random() * sums[-1], side="right"))
        place = min(place, len(weights) - 1)
        return place if kept is None else int(kept[place])
