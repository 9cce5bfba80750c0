"""Students: small models that a run trains and measures, behind one protocol."""

from harness.students._registry import load_student, make_student, students

__all__ = ["load_student", "make_student", "students"]
