"""Rows as sentence vectors, for gates and set reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.protocols import Progress
from harness.relations import Example, Markers
from harness.students import encode_examples

__all__ = ["SetEncoder"]


@dataclass(frozen=True, slots=True)
class SetEncoder:
    """An encoder of whole sentences, markers left out.

    Attributes:
        name: ``all-MiniLM-L6-v2``, a folder or a hub name.
        markers: The schema's markers.
    """

    name: str
    markers: Markers

    def encode(
        self, rows: Sequence[Example], progress: Progress | None = None
    ) -> NDArray[np.float32]:
        """Vectors of length 1, shape (rows, size)."""
        return encode_examples(
            rows, representation="text", encoder=self.name, markers=self.markers, progress=progress
        )
