"""What is kept of a training set, and what the set is like: gates that ask no LLM, set reports."""

from harness.curation._amounts import Balance, First, Target
from harness.curation._card import data_card
from harness.curation._coverage import Coverage
from harness.curation._duplicates import Duplicates, NearDuplicates
from harness.curation._label_leak import LabelLeak
from harness.curation._nearness import Nearness
from harness.curation._profile import (
    LabelProfile,
    SetProfile,
    Spread,
    connecting_pattern,
    profile_of,
)
from harness.curation._record import CurationRecord, NoiseEstimate, record_of
from harness.curation._set_report import Compared, SetCost, SetReport, SetStep, describe_set
from harness.curation._spans import Spans
from harness.curation._student_gates import LabelIssues, StudentAgreement
from harness.curation._test_overlap import TestOverlap
from harness.curation._types import Types
from harness.curation._varied import Difference, DiversityMeasure, difference, diversity_at

__all__ = [
    "Balance",
    "Compared",
    "Coverage",
    "CurationRecord",
    "Difference",
    "DiversityMeasure",
    "Duplicates",
    "First",
    "LabelIssues",
    "LabelLeak",
    "LabelProfile",
    "NearDuplicates",
    "Nearness",
    "NoiseEstimate",
    "SetCost",
    "SetProfile",
    "SetReport",
    "SetStep",
    "Spans",
    "Spread",
    "StudentAgreement",
    "Target",
    "TestOverlap",
    "Types",
    "connecting_pattern",
    "data_card",
    "describe_set",
    "difference",
    "diversity_at",
    "profile_of",
    "record_of",
]
