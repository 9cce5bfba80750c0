"""What a student may offer besides: its network as an ONNX graph, run without torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from harness.protocols._student import Progress
from harness.relations import Example, Schema

__all__ = ["Exportable", "Labeller", "Network"]

Network: TypeAlias = Callable[[Mapping[str, NDArray[Any]]], NDArray[np.float32]]
"""Runs a graph: arrays by the name of its inputs to its output ``logits``, (batch, labels)."""


@runtime_checkable
class Labeller(Protocol):
    """What labels examples: a student, or the exported network of one."""

    @property
    def schema(self) -> Schema:
        """The schema it was made with."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """Label names in the order of the probabilities' columns."""
        ...

    def predict_proba(
        self, *, examples: Sequence[Example], progress: Progress | None = None
    ) -> NDArray[np.float64]:
        """Probabilities of shape (examples, labels); rows sum to 1."""
        ...


@runtime_checkable
class Exportable(Protocol):
    """A student whose network can be written as an ONNX graph."""

    def export_onnx(self, *, file: Path) -> None:
        """Writes the network in fp32, with its batch and its length left open.

        Its only output is ``logits``. Everything before it (markers, tokens) and after it
        (softmax) stays with the student's class.
        """
        ...

    @classmethod
    def load_exported(cls, *, folder: Path, network: Network) -> Labeller:
        """Reads what ``save`` wrote but for the weights, which ``network`` stands in for.

        Must not need torch.
        """
        ...
