"""A leaderboard in the schema of Every Eval Ever, one document per system and test set.

The models below hold those parts of its ``eval.schema.json`` (version 0.2.1, read on 2026-11-25
at evaleval/every_eval_ever, commit 0666632d) that we fill, with its names, its required fields and
its rules: details are strings, a continuous score has bounds, an interval's confidence is a share.
What our results say and the schema has no field for stands in ``additional_details`` or
``details``. Published figures of others are not exported: they are not ours to submit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import Field

from harness import __version__
from harness.documents import FileModel
from harness.report.leaderboard._board import BoardRow, BoardTable, Leaderboard
from harness.report.leaderboard._columns import training_allowed

__all__ = ["SCHEMA_VERSION", "EvalDocument", "every_eval_ever"]

SCHEMA_VERSION = "0.2.1"
Details = dict[str, str]


class _SourceMetadata(FileModel):
    source_name: str
    source_type: Literal["documentation", "evaluation_run"]
    source_organization_name: str
    evaluator_relationship: Literal["first_party", "third_party", "collaborative", "other"]


class _Library(FileModel):
    name: str
    version: str


class _ModelInfo(FileModel):
    name: str
    id: str
    additional_details: Details


class _SourceData(FileModel):
    dataset_name: str
    source_type: Literal["other"]
    additional_details: Details


class _MetricConfig(FileModel):
    evaluation_description: str
    lower_is_better: bool
    score_type: Literal["continuous"]
    min_score: float
    max_score: float


class _ConfidenceInterval(FileModel):
    lower: float
    upper: float
    confidence_level: float = Field(ge=0, le=1)
    method: str


class _Uncertainty(FileModel):
    confidence_interval: _ConfidenceInterval
    num_samples: int
    num_bootstrap_samples: int


class _ScoreDetails(FileModel):
    score: float
    details: Details
    uncertainty: _Uncertainty | None = None


class _EvaluationResult(FileModel):
    evaluation_name: str
    source_data: _SourceData
    metric_config: _MetricConfig
    score_details: _ScoreDetails


class EvalDocument(FileModel):
    """A document of the schema: one system, and its results on one test set."""

    schema_version: str
    evaluation_id: str
    evaluation_timestamp: str
    retrieved_timestamp: str = Field(pattern=r"^\d+(\.\d+)?$")
    source_metadata: _SourceMetadata
    model_info: _ModelInfo
    eval_library: _Library
    evaluation_results: tuple[_EvaluationResult, ...] = Field(min_length=1)


def every_eval_ever(
    board: Leaderboard, *, organisation: str, retrieved_at: float
) -> Mapping[str, EvalDocument]:
    """Every system of ours as a document of Every Eval Ever.

    Args:
        board: The leaderboard.
        organisation: Who provides the results, as the schema asks.
        retrieved_at: When the record is made, in seconds since 1970 (UTC).

    Returns:
        Path, relative to a folder of one's choice, to document. All metrics of one system on one
        test set share a document.
    """
    found: dict[str, EvalDocument] = {}
    for test, tables in _by_test(board).items():
        first = tables[0]
        for row in first.rows:
            label = row.runs[0].label
            path = f"{test}/{_plain(label)}/{_plain(row.row.system)}.json"
            found[path] = EvalDocument(
                schema_version=SCHEMA_VERSION,
                evaluation_id=f"{test}/{_model_id(row)}/{retrieved_at:.0f}",
                evaluation_timestamp=row.runs[0].finished,
                retrieved_timestamp=f"{retrieved_at:.0f}",
                source_metadata=_SourceMetadata(
                    source_name=board.title,
                    source_type="evaluation_run",
                    source_organization_name=organisation,
                    evaluator_relationship="first_party" if row.facts.taught else "third_party",
                ),
                model_info=_ModelInfo(
                    name=row.row.system, id=_model_id(row), additional_details=_about(row)
                ),
                eval_library=_Library(name="calldistil", version=__version__),
                evaluation_results=tuple(
                    _result(table, match)
                    for table in tables
                    for match in table.rows
                    if (match.row.system, match.runs) == (row.row.system, row.runs)
                ),
            )
    return found


def _by_test(board: Leaderboard) -> dict[str, list[BoardTable]]:
    tables: dict[str, list[BoardTable]] = {}
    for table in board.tables:
        tables.setdefault(table.test.slug, []).append(table)
    return tables


def _result(table: BoardTable, row: BoardRow) -> _EvaluationResult:
    estimate = row.row.score
    uncertainty = None
    if estimate.low is not None and estimate.high is not None:
        uncertainty = _Uncertainty(
            confidence_interval=_ConfidenceInterval(
                lower=estimate.low,
                upper=estimate.high,
                confidence_level=0.95,
                method="percentile bootstrap over examples and training seeds",
            ),
            num_samples=estimate.examples,
            num_bootstrap_samples=table.resamples,
        )
    return _EvaluationResult(
        evaluation_name=f"{table.test.task}: {table.metric}",
        source_data=_SourceData(
            dataset_name=table.test.task,
            source_type="other",
            additional_details={
                "test_set_sha256": table.test.hash,
                "examples": str(table.test.examples),
            },
        ),
        metric_config=_MetricConfig(
            evaluation_description=f"{table.metric}: {table.definition}; in percent",
            lower_is_better=False,
            score_type="continuous",
            min_score=0.0,
            max_score=100.0,
        ),
        score_details=_ScoreDetails(
            score=estimate.value,
            details={
                "tied_group": str(row.group),
                "best_rank": str(row.best_rank),
                "worst_rank": str(row.worst_rank),
                "training_seeds": str(row.row.seeds),
            },
            uncertainty=uncertainty,
        ),
    )


def _about(row: BoardRow) -> Details:
    return dict(_facts(row))


def _facts(row: BoardRow) -> Iterator[tuple[str, str]]:
    facts, costs = row.facts, row.row.costs
    yield "kind", row.row.kind
    yield "method", facts.method
    yield "gold_budget", str(row.row.gold_budget)
    yield "terms_allow_training", training_allowed(row)
    if facts.models:
        yield "teachers" if facts.taught else "model", ", ".join(facts.models)
    if facts.licence is not None:
        yield "licence", facts.licence
    if facts.bytes_on_disk is not None:
        yield "bytes_on_disk", str(facts.bytes_on_disk)
    if facts.parameters is not None:
        yield "parameters", str(facts.parameters)
    if costs is not None:
        for name, money in (("one_off", costs.one_off), ("per_1000", costs.cheapest)):
            if money.amount is not None:
                assumed = " (assumed)" if money.assumed else ""
                yield f"cost_{name}", f"{money.amount} {money.currency}{assumed}"
    for kind, number in facts.contamination.items():
        yield f"test_sentences_seen_{kind}", str(number)


def _model_id(row: BoardRow) -> str:
    """The LLM of a direct system; a student is named after the run that made it."""
    if row.row.kind == "direct" and len(row.facts.models) == 1:
        return row.facts.models[0]
    return f"calldistil/{_plain(row.runs[0].label)}/{_plain(row.row.system)}"


def _plain(text: str) -> str:
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "._+-") else "-" for c in text)
    return kept.strip(".-") or "unnamed"
