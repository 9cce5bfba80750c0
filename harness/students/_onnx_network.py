"""An ONNX graph in fp32 or int8, and what runs it."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Mapping
from logging import ERROR, getLogger
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from harness.errors import ArtefactError, MissingExtraError
from harness.protocols import Network

__all__ = ["GRAPHS", "ExportedRuntime", "open_network", "quantise_graph"]

ExportedRuntime: TypeAlias = Literal["onnx", "int8", "openvino"]
GRAPHS: Mapping[ExportedRuntime, str] = {
    "onnx": "model.onnx",
    "int8": "model.int8.onnx",
    "openvino": "model.onnx",
}
"""The graph that each runtime reads: ``openvino`` runs the fp32 graph in the CPU's own precision,
which is bfloat16 where the hardware has it."""


def quantise_graph(source: Path, target: Path) -> None:
    """Writes a graph with the weights of its matrix products in int8, one scale per channel.

    Activations are quantised as they come (dynamic quantisation): no calibration data is needed.

    Raises:
        MissingExtraError: When onnxruntime or onnx is not installed.
    """
    _require("onnxruntime", "int8 export")
    _require("onnx", "int8 export")
    from onnxruntime.quantization import QuantType, quant_pre_process, quantize_dynamic

    logger = getLogger()
    level = logger.level
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        try:
            logger.setLevel(ERROR)
            quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
            quantize_dynamic(
                str(prepared),
                str(target),
                weight_type=QuantType.QInt8,
                per_channel=True,
                op_types_to_quantize=["MatMul", "Gemm"],
                extra_options={"MatMulConstBOnly": True},
            )
        finally:
            logger.setLevel(level)


def open_network(folder: Path, runtime: ExportedRuntime) -> Network:
    """Opens the graph of a folder for inference on the CPU.

    As many threads as the process has cores, or ``OMP_NUM_THREADS``.

    Raises:
        ArtefactError: When the folder has no such graph, or it is broken.
        MissingExtraError: When the runtime is not installed.
    """
    file = folder / GRAPHS[runtime]
    if not file.is_file():
        asked = "--int8" if runtime == "int8" else "--onnx"
        raise ArtefactError(
            f"{folder} has no {file.name}, which the runtime {runtime!r} needs.",
            hint=f"Export the system again with {asked}, or use --runtime torch.",
        )
    if runtime == "openvino":
        return _openvino(file)
    _require("onnxruntime", f"the runtime {runtime!r}")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _threads()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            str(file), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # its errors have no common base
        raise _broken(file, error) from None
    names = {found.name for found in session.get_inputs()}

    def network(feeds: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        read = {name: array for name, array in feeds.items() if name in names}
        (logits,) = session.run(["logits"], read)
        return np.asarray(logits, dtype=np.float32)

    return network


def _openvino(file: Path) -> Network:
    _require("openvino", "the runtime 'openvino'")
    import openvino

    core = openvino.Core()
    try:
        settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": _threads()}
        compiled = core.compile_model(core.read_model(file), "CPU", settings)
    except RuntimeError as error:
        raise _broken(file, error) from None
    request = compiled.create_infer_request()
    names = {name for port in compiled.inputs for name in port.names}

    def network(feeds: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        read = {name: array for name, array in feeds.items() if name in names}
        return np.array(request.infer(read)[0], dtype=np.float32)

    return network


def _threads() -> int:
    declared = os.environ.get("OMP_NUM_THREADS", "")
    if declared.isdigit() and int(declared) > 0:
        return int(declared)
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def _broken(file: Path, error: Exception) -> ArtefactError:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return ArtefactError(
        f"The graph {file} cannot be read: {lines[0]}", hint="Export the system again."
    )


def _require(package: str, feature: str) -> None:
    if importlib.util.find_spec(package) is None:
        extra = "openvino" if package == "openvino" else "onnx"
        raise MissingExtraError(package=package, extra=extra, feature=feature)
