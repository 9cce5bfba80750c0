"""The seams: what a backend, an extractor, a generator and a student are.

Agents do no I/O. An extractor or generator is a coroutine over rounds (a ``Dialogue``): it
yields a list of requests, is sent their completions in the same order, and at last returns
its result. One driver (``harness.pipeline``) advances all dialogues round by round through the
call store to ``Backend.complete``.
"""

from harness.protocols._agents import (
    AgentContext,
    Dialogue,
    Extractor,
    GeneratedRow,
    GeneratedSet,
    GenerationItem,
    Reject,
    RowGenerator,
)
from harness.protocols._backend import Backend, Capabilities, ModelIdentity, answers_of
from harness.protocols._base import StandsOn
from harness.protocols._calls import (
    Completion,
    Constraint,
    Failure,
    FinishReason,
    Message,
    Request,
    Sampling,
    Usage,
)
from harness.protocols._curation import (
    KEPT,
    AskingGate,
    Gate,
    GateContext,
    GateKind,
    Judgement,
)
from harness.protocols._explainer import Explainer, Explanation
from harness.protocols._exportable import Exportable, Labeller, Network
from harness.protocols._features import Encoding, ReadsFeatures
from harness.protocols._neighbours import (
    Neighbour,
    NeighbourSearch,
    Representation,
    SearchesNeighbours,
)
from harness.protocols._optional import (
    AdapterFile,
    Batchable,
    ExportsAdapters,
    NeedsCapabilities,
    Probeable,
    ProbeFinding,
)
from harness.protocols._planned import (
    PlannedRound,
    PlannedSamples,
    PlansCalls,
    PlansGeneration,
)
from harness.protocols._scores import LabelScore, read_scores, scores_text
from harness.protocols._student import FitReport, Progress, Student
from harness.protocols._tuner import TunedAdapter, Tuner, TuneReport

__all__ = [
    "KEPT",
    "AdapterFile",
    "AgentContext",
    "AskingGate",
    "Backend",
    "Batchable",
    "Capabilities",
    "Completion",
    "Constraint",
    "Dialogue",
    "Encoding",
    "Explainer",
    "Explanation",
    "Exportable",
    "ExportsAdapters",
    "Extractor",
    "Failure",
    "FinishReason",
    "FitReport",
    "Gate",
    "GateContext",
    "GateKind",
    "GeneratedRow",
    "GeneratedSet",
    "GenerationItem",
    "Judgement",
    "LabelScore",
    "Labeller",
    "Message",
    "ModelIdentity",
    "NeedsCapabilities",
    "Neighbour",
    "NeighbourSearch",
    "Network",
    "PlannedRound",
    "PlannedSamples",
    "PlansCalls",
    "PlansGeneration",
    "ProbeFinding",
    "Probeable",
    "Progress",
    "ReadsFeatures",
    "Reject",
    "Representation",
    "Request",
    "RowGenerator",
    "Sampling",
    "SearchesNeighbours",
    "StandsOn",
    "Student",
    "TuneReport",
    "TunedAdapter",
    "Tuner",
    "Usage",
    "answers_of",
    "read_scores",
    "scores_text",
]
