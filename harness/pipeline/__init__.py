"""From an experiment file to artefacts: plan, stages, driver, resume."""

from harness.pipeline._batch_export import BatchStage, export_batch
from harness.pipeline._batch_import import ImportedAnswers, import_batch
from harness.pipeline._budget import Budget, BudgetLimits, Payer, Purse
from harness.pipeline._bundle import bundle_run
from harness.pipeline._bundle_form import BundleContents
from harness.pipeline._cascade_plan import cascades_of, matching
from harness.pipeline._components import Component, checked_component
from harness.pipeline._driver import Call, ItemResult, converse
from harness.pipeline._estimate import (
    DEFAULT_TOKENIZER,
    PlanEstimate,
    StageEstimate,
    estimate_plan,
    rendered,
    resolved_price,
)
from harness.pipeline._executor import Executor, LocalExecutor, Work
from harness.pipeline._experiment import Experiment, SeedTriple, checked_sampling
from harness.pipeline._local import Observer, Quiet, execute, measures_of
from harness.pipeline._manifest import Manifest, NodeRecord, RepetitionRecord, SystemRecord
from harness.pipeline._neighbours import find_neighbours, nearest_rows
from harness.pipeline._node import Node
from harness.pipeline._plan import Plan, build_plan
from harness.pipeline._ray_executor import RayExecutor
from harness.pipeline._resources import ResourcesEntry, read_resources
from harness.pipeline._run import RunFolder, resume_run, run_experiment
from harness.pipeline._sets import (
    DescribedSet,
    SetChoice,
    SetIndex,
    describe_sets,
    read_set_index,
)
from harness.pipeline._setup import Setup, load_setup, read_experiment
from harness.pipeline._sharded import ShardedAnswers, extract_shards
from harness.pipeline._single import agent_of, run_single
from harness.pipeline._systems import CascadeEntry, SystemEntry
from harness.pipeline._unbundle import unbundle
from harness.pipeline.stages import (
    CURATION,
    DEMONSTRATIONS,
    EXPLANATIONS,
    FIT,
    MODEL,
    OVERLAPS,
    REJECTS,
    SECONDS,
    SHORTFALLS,
    TUNED,
    Agent,
    Charge,
    Curate,
    Explain,
    Extract,
    Generate,
    Measures,
    Refill,
    Review,
    Stage,
    Train,
    Tune,
    TwoAnswers,
    constrain_probabilities,
    load_cascade,
    load_confidences,
    load_examples,
    load_explanations,
    load_predictions,
    load_set_report,
    read_jsonl,
    two_answers,
    with_adapter,
)

__all__ = [
    "CURATION",
    "DEFAULT_TOKENIZER",
    "DEMONSTRATIONS",
    "EXPLANATIONS",
    "FIT",
    "MODEL",
    "OVERLAPS",
    "REJECTS",
    "SECONDS",
    "SHORTFALLS",
    "TUNED",
    "Agent",
    "BatchStage",
    "Budget",
    "BudgetLimits",
    "BundleContents",
    "Call",
    "CascadeEntry",
    "Charge",
    "Component",
    "Curate",
    "DescribedSet",
    "Executor",
    "Experiment",
    "Explain",
    "Extract",
    "Generate",
    "ImportedAnswers",
    "ItemResult",
    "LocalExecutor",
    "Manifest",
    "Measures",
    "Node",
    "NodeRecord",
    "Observer",
    "Payer",
    "Plan",
    "PlanEstimate",
    "Purse",
    "Quiet",
    "RayExecutor",
    "Refill",
    "RepetitionRecord",
    "ResourcesEntry",
    "Review",
    "RunFolder",
    "SeedTriple",
    "SetChoice",
    "SetIndex",
    "Setup",
    "ShardedAnswers",
    "Stage",
    "StageEstimate",
    "SystemEntry",
    "SystemRecord",
    "Train",
    "Tune",
    "TwoAnswers",
    "Work",
    "agent_of",
    "build_plan",
    "bundle_run",
    "cascades_of",
    "checked_component",
    "checked_sampling",
    "constrain_probabilities",
    "converse",
    "describe_sets",
    "estimate_plan",
    "execute",
    "export_batch",
    "extract_shards",
    "find_neighbours",
    "import_batch",
    "load_cascade",
    "load_confidences",
    "load_examples",
    "load_explanations",
    "load_predictions",
    "load_set_report",
    "load_setup",
    "matching",
    "measures_of",
    "nearest_rows",
    "read_experiment",
    "read_jsonl",
    "read_resources",
    "read_set_index",
    "rendered",
    "resolved_price",
    "resume_run",
    "run_experiment",
    "run_single",
    "two_answers",
    "unbundle",
    "with_adapter",
]
