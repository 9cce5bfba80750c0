"""Experiment files that ship with the package, known by name to ``calldistil run``."""

from pathlib import Path

__all__ = [
    "CASCADE_SEMEVAL",
    "EXTRACTORS_SEMEVAL",
    "GENERATORS_SEMEVAL",
    "NEWSROOM_DEMO",
    "NEWSROOM_MATRIX",
    "SEMEVAL_2010_TASK_8",
    "STUDENTS_SEMEVAL",
    "STUDENTS_SEMEVAL_FULL",
    "STUDENTS_SEMEVAL_GOLD_8",
    "STUDENTS_SEMEVAL_GOLD_16",
    "STUDENTS_SEMEVAL_GOLD_32",
    "STUDENTS_SEMEVAL_SOUP",
    "STUDENTS_SEMEVAL_TKRE",
    "SYNTHETIC_SEMEVAL",
    "SYNTHETIC_SEMEVAL_LINEAR",
]

_HERE = Path(__file__).parent

CASCADE_SEMEVAL = _HERE / "cascade-semeval.yaml"
EXTRACTORS_SEMEVAL = _HERE / "extractors-semeval.yaml"
GENERATORS_SEMEVAL = _HERE / "generators-semeval.yaml"
NEWSROOM_DEMO = _HERE / "newsroom-demo.yaml"
NEWSROOM_MATRIX = _HERE / "newsroom-matrix.yaml"
SEMEVAL_2010_TASK_8 = _HERE / "semeval-2010-task-8.yaml"
SYNTHETIC_SEMEVAL = _HERE / "synthetic-semeval.yaml"
SYNTHETIC_SEMEVAL_LINEAR = _HERE / "synthetic-semeval-linear.yaml"
STUDENTS_SEMEVAL = _HERE / "students-semeval.yaml"
STUDENTS_SEMEVAL_FULL = _HERE / "students-semeval-full.yaml"
STUDENTS_SEMEVAL_GOLD_8 = _HERE / "students-semeval-gold-8.yaml"
STUDENTS_SEMEVAL_GOLD_16 = _HERE / "students-semeval-gold-16.yaml"
STUDENTS_SEMEVAL_GOLD_32 = _HERE / "students-semeval-gold-32.yaml"
STUDENTS_SEMEVAL_SOUP = _HERE / "students-semeval-soup.yaml"
STUDENTS_SEMEVAL_TKRE = _HERE / "students-semeval-tkre.yaml"
