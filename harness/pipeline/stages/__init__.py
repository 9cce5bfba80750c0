"""The kinds of work that a plan is made of, one per file."""

from harness.pipeline.stages._calibrate import Calibrate, ContentFree
from harness.pipeline.stages._calls import Agent, agent_behind, tuned_adapter, with_adapter
from harness.pipeline.stages._cascade import (
    ALWAYS,
    CASCADE,
    Cascade,
    ThresholdRule,
    TwoAnswers,
    load_cascade,
    two_answers,
)
from harness.pipeline.stages._constrain import constrain_probabilities
from harness.pipeline.stages._curate import CURATION, Curate, Review
from harness.pipeline.stages._describe import SET_REPORT, Describe, StepInput, load_set_report
from harness.pipeline.stages._encode import FEATURES, Encode, load_features
from harness.pipeline.stages._explain import EXPLANATIONS, Explain, load_explanations
from harness.pipeline.stages._extract import Extract, Label
from harness.pipeline.stages._files import (
    CALLS,
    DEMONSTRATIONS,
    PREDICTIONS,
    REJECTS,
    load_confidences,
    load_examples,
    load_predictions,
    load_probabilities,
    read_jsonl,
    save_examples,
    write_jsonl,
)
from harness.pipeline.stages._generate import Generate
from harness.pipeline.stages._overlap import OVERLAPS, Overlap
from harness.pipeline.stages._read import Read, keep_ids
from harness.pipeline.stages._refill import Refill, missing_items
from harness.pipeline.stages._shard import Shard, shards_of
from harness.pipeline.stages._split import SHORTFALLS, Split
from harness.pipeline.stages._stage import Charge, Measures, OfflineStage, Stage, StageContext
from harness.pipeline.stages._subset import Subset
from harness.pipeline.stages._train import FIT, MODEL, Predict, Train
from harness.pipeline.stages._tune import SECONDS, TUNED, Adopt, Tune
from harness.registry import Registry

__all__ = [
    "ALWAYS",
    "CALLS",
    "CASCADE",
    "CURATION",
    "DEMONSTRATIONS",
    "EXPLANATIONS",
    "FEATURES",
    "FIT",
    "MODEL",
    "OVERLAPS",
    "PREDICTIONS",
    "REJECTS",
    "SECONDS",
    "SET_REPORT",
    "SHORTFALLS",
    "TUNED",
    "Adopt",
    "Agent",
    "Calibrate",
    "Cascade",
    "Charge",
    "ContentFree",
    "Curate",
    "Describe",
    "Encode",
    "Explain",
    "Extract",
    "Generate",
    "Label",
    "Measures",
    "OfflineStage",
    "Overlap",
    "Predict",
    "Read",
    "Refill",
    "Review",
    "Shard",
    "Split",
    "Stage",
    "StageContext",
    "StepInput",
    "Subset",
    "ThresholdRule",
    "Train",
    "Tune",
    "TwoAnswers",
    "agent_behind",
    "constrain_probabilities",
    "keep_ids",
    "load_cascade",
    "load_confidences",
    "load_examples",
    "load_explanations",
    "load_features",
    "load_predictions",
    "load_probabilities",
    "load_set_report",
    "missing_items",
    "read_jsonl",
    "save_examples",
    "shards_of",
    "stages",
    "tuned_adapter",
    "two_answers",
    "with_adapter",
    "write_jsonl",
]

stages: Registry[type[Stage]] = Registry("stage")
for _kind in (
    Read, Subset, Split, Encode, ContentFree, Extract, Label, Generate, Explain, Curate, Review,
    Refill, Describe, Train, Predict, Calibrate, Cascade, Overlap, Tune, Adopt, Shard,
):  # fmt: skip
    stages.register(_kind.name)(_kind)
