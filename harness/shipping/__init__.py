"""A system of a run, taken elsewhere: exported, loaded by one door, served."""

from harness.shipping._cascade_system import CascadeSystem
from harness.shipping._direct_system import DirectSystem
from harness.shipping._export import Exported, export_system
from harness.shipping._load import load_system
from harness.shipping._measured import RuntimeScore
from harness.shipping._predict_file import PredictedFile, predict_file
from harness.shipping._rows import answer_row, read_chunks
from harness.shipping._serve import TOKEN_VARIABLE, serve_system
from harness.shipping._student_system import StudentSystem
from harness.shipping._system import (
    DirectPart,
    Runtime,
    System,
    SystemFile,
    SystemPart,
    read_system_file,
)

__all__ = [
    "TOKEN_VARIABLE",
    "CascadeSystem",
    "DirectPart",
    "DirectSystem",
    "Exported",
    "PredictedFile",
    "Runtime",
    "RuntimeScore",
    "StudentSystem",
    "System",
    "SystemFile",
    "SystemPart",
    "answer_row",
    "export_system",
    "load_system",
    "predict_file",
    "read_chunks",
    "read_system_file",
    "serve_system",
]
