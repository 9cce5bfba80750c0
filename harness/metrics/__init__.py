"""Scores, their intervals and paired tests, all from joined answers."""

from harness.metrics._all_pairs import AllPairs, Tie, compare_all, tied_groups
from harness.metrics._answers import LEFT_OUT, OUTSIDE, Answers, Unparsed, join, join_labels
from harness.metrics._baselines import TrivialBaseline, trivial_baselines
from harness.metrics._bias import (
    batch_calibration,
    contextual_calibration,
    estimated_prior,
    prior_correction,
)
from harness.metrics._comparison import Comparison, compare, examples_needed
from harness.metrics._direction import undirected_labels, undirected_schema
from harness.metrics._diversity import (
    compression_ratio,
    distinct_n,
    distinct_share,
    mean_pairwise_cosine,
    self_bleu,
    vendi_score,
)
from harness.metrics._interval import Interval, interval
from harness.metrics._label_f1 import LabelF1
from harness.metrics._metric import Metric, metrics, score
from harness.metrics._multiplicity import holm
from harness.metrics._official import (
    OfficialEvaluation,
    OfficialReport,
    OfficialScore,
    semeval_official,
)
from harness.metrics._official_answers import read_official_answers
from harness.metrics._official_text import format_official
from harness.metrics._scores import Accuracy, MicroF1, NaF1, SemevalMacroF1
from harness.metrics._tables import (
    PRF,
    Confusion,
    Diagnostics,
    RelationScore,
    confusion,
    diagnostics,
    micro_prf,
    per_relation,
)

__all__ = [
    "LEFT_OUT",
    "OUTSIDE",
    "PRF",
    "Accuracy",
    "AllPairs",
    "Answers",
    "Comparison",
    "Confusion",
    "Diagnostics",
    "Interval",
    "LabelF1",
    "Metric",
    "MicroF1",
    "NaF1",
    "OfficialEvaluation",
    "OfficialReport",
    "OfficialScore",
    "RelationScore",
    "SemevalMacroF1",
    "Tie",
    "TrivialBaseline",
    "Unparsed",
    "batch_calibration",
    "compare",
    "compare_all",
    "compression_ratio",
    "confusion",
    "contextual_calibration",
    "diagnostics",
    "distinct_n",
    "distinct_share",
    "estimated_prior",
    "examples_needed",
    "format_official",
    "holm",
    "interval",
    "join",
    "join_labels",
    "mean_pairwise_cosine",
    "metrics",
    "micro_prf",
    "per_relation",
    "prior_correction",
    "read_official_answers",
    "score",
    "self_bleu",
    "semeval_official",
    "tied_groups",
    "trivial_baselines",
    "undirected_labels",
    "undirected_schema",
    "vendi_score",
]
