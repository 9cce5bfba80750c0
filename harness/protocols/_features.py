"""A student that reads vectors of a frozen encoder, which a run makes once and keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from harness.protocols._neighbours import Representation
from harness.protocols._student import FitReport, Progress
from harness.relations import Example

__all__ = ["Encoding", "ReadsFeatures"]


@dataclass(frozen=True, slots=True)
class Encoding:
    """How examples become vectors.

    Attributes:
        encoder: ``all-MiniLM-L6-v2``, a folder or a hub name.
        representation: What of an example is encoded.
    """

    encoder: str
    representation: Representation


@runtime_checkable
class ReadsFeatures(Protocol):
    """A student whose encoder is not trained, so that its vectors serve every seed and head."""

    @classmethod
    def encodings(cls, *, options: Any) -> tuple[Encoding, ...]:
        """The encodings that its vectors join, in order."""
        ...

    def fit_features(
        self,
        *,
        examples: Sequence[Example],
        features: NDArray[np.float32],
        seed: int,
        dev: Sequence[Example] = (),
        progress: Progress | None = None,
    ) -> FitReport:
        """As ``fit``, with the examples' vectors at hand, shape (examples, size)."""
        ...
