"""Which token comes next."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.protocols import Request

__all__ = ["Chooser"]


@dataclass
class Chooser:
    """Chooses the tokens of one answer.

    What a request leaves open is what the model's generation config says; a model that says
    nothing is decoded greedily. Two requests with one seed and repeat number draw the same
    numbers, whatever else is in their batch.

    Attributes:
        temperature: 0 is greedy.
        top_p: Nucleus mass.
        top_k: Candidates kept; 0 keeps all.
        repetition_penalty: Divides positive and multiplies negative logits of the tokens of
            prompt and answer (Keskar et al. 2019, equation 4).
        seen: The tokens so far.
    """

    temperature: float
    top_p: float
    top_k: int
    repetition_penalty: float
    seen: set[int]
    _numbers: Any = field(default=None, repr=False)

    @classmethod
    def of(cls, request: Request, prompt: Sequence[int], declared: Any) -> Chooser:
        """The chooser of a request; ``declared`` is the model's generation config."""
        import torch

        def said(name: str, default: float) -> float:
            asked = getattr(request.sampling, name)
            if asked is None:
                asked = getattr(declared, name, None)
            return default if asked is None else asked

        samples = bool(getattr(declared, "do_sample", False))
        temperature = request.sampling.temperature
        if temperature is None:
            temperature = said("temperature", 1.0) if samples else 0.0
        seed = hashlib.sha256(f"{request.sampling.seed or 0}:{request.repeat}".encode()).digest()
        numbers = torch.Generator().manual_seed(int.from_bytes(seed[:8], "big") >> 1)
        return cls(
            temperature=temperature,
            top_p=said("top_p", 1.0),
            top_k=int(said("top_k", 0)),
            repetition_penalty=said("repetition_penalty", 1.0),
            seen=set(prompt),
            _numbers=numbers,
        )

    def choose(self, logits: Any, allowed: Any = None) -> int:
        """Chooses a token by logits of shape (vocabulary,), among those that are allowed."""
        import torch

        if self.repetition_penalty != 1.0 and self.seen:
            logits = logits.clone()
            seen = torch.tensor(sorted(self.seen))
            seen = seen[seen < logits.shape[0]]
            values = logits[seen]
            penalty = self.repetition_penalty
            logits[seen] = torch.where(values > 0, values / penalty, values * penalty)
        if allowed is not None:
            logits = logits.masked_fill(~allowed, -math.inf)
        token = int(logits.argmax()) if self.temperature <= 0 else self._draw(logits)
        self.seen.add(token)
        return token

    def _draw(self, logits: Any) -> int:
        import torch

        kept = min(self.top_k, logits.shape[0]) if self.top_k > 0 else logits.shape[0]
        values, tokens = torch.topk(logits / self.temperature, kept)  # in falling order
        weights = torch.softmax(values, dim=-1).double()
        before = weights.cumsum(0) - weights
        weights[before >= self.top_p] = 0.0  # the first that reaches the mass is still in
        sums = weights.cumsum(0)
        drawn = torch.rand(1, generator=self._numbers, dtype=torch.float64) * sums[-1]
        place = int(torch.searchsorted(sums, drawn, right=True))
        return int(tokens[min(place, int((weights > 0).nonzero()[-1]))])
