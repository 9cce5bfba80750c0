"""Students: small models that a run trains and measures, behind one protocol."""

from harness.students._backbone import DEFAULT_BACKBONE, backbone_folder
from harness.students._encode import encode_examples
from harness.students._onnx_network import (
    GRAPHS,
    ExportedRuntime,
    open_network,
    quantise_graph,
)
from harness.students._registry import load_exported, load_student, make_student, students

__all__ = [
    "DEFAULT_BACKBONE",
    "GRAPHS",
    "ExportedRuntime",
    "backbone_folder",
    "encode_examples",
    "load_exported",
    "load_student",
    "make_student",
    "open_network",
    "quantise_graph",
    "students",
]
