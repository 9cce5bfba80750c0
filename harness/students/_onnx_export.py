"""The entity-marker network as an ONNX graph."""

from __future__ import annotations

import importlib.util
import warnings
from logging import ERROR, getLogger
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from harness.errors import CalldistilError, MissingExtraError
from harness.students._batches import Batch
from harness.students._bert_forward import ByteDropout

if TYPE_CHECKING:
    from harness.students._network import Network

__all__ = ["export_network"]

_OPSET = 18


class _Graph(nn.Module):
    """The network with tensors alone as its arguments."""

    def __init__(self, model: Network) -> None:
        super().__init__()
        self.model = model
        self._keep_all = ByteDropout(0.0, seed=0)

    def forward(self, ids: Tensor, mask: Tensor, starts: Tensor, spans: Tensor) -> Tensor:
        """Logits of shape (batch, labels)."""
        batch = Batch(ids=ids, mask=mask, starts=starts, spans=spans)
        logits: Tensor = self.model(batch, self._keep_all)
        return logits


def export_network(model: Network, file: Path) -> None:
    """Writes the graph with torch's own exporter, weights inside the file.

    Inputs: ``ids`` and ``mask`` (batch, length), ``starts`` (batch, 2), ``spans`` (batch, 2, 2);
    those that the pooling does not read may be absent.

    Raises:
        MissingExtraError: When onnx or onnxscript is not installed.
        CalldistilError: When the backbone's forward pass cannot be exported.
    """
    for package in ("onnx", "onnxscript"):
        if importlib.util.find_spec(package) is None:
            raise MissingExtraError(package=package, extra="onnx", feature="ONNX export")
    graph = _Graph(model).eval()
    mask = torch.ones(3, 20, dtype=torch.bool)
    mask[1, 15:] = False  # traced with padding
    inputs = (
        torch.arange(60).view(3, 20) % 7,
        mask,
        torch.tensor([[1, 5], [2, 6], [3, 9]]),
        torch.tensor([[[1, 3], [5, 6]], [[2, 4], [6, 7]], [[3, 5], [9, 12]]]),
    )
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length", min=2)
    shapes: Any = ({0: batch, 1: length}, {0: batch, 1: length}, {0: batch}, {0: batch})
    loggers = [getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(ERROR)
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                graph,
                inputs,
                file,
                input_names=["ids", "mask", "starts", "spans"],
                output_names=["logits"],
                dynamic_shapes=shapes,
                opset_version=_OPSET,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except torch.onnx.errors.OnnxExporterError as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise CalldistilError(
            f"The network of this backbone cannot be written as ONNX: {lines[0]}",
            hint="Export without --onnx: the safetensors folder serves as well.",
        ) from None
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
