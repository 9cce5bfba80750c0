"""The stage ``describe``: the report on one training set."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from harness.curation import (
    Compared,
    CurationRecord,
    NoiseEstimate,
    SetReport,
    SetStep,
    describe_set,
)
from harness.pipeline.stages._curate import CURATION
from harness.pipeline.stages._encode import load_features
from harness.pipeline.stages._files import PREDICTIONS, REJECTS, load_examples, read_jsonl
from harness.pipeline.stages._stage import Measures, StageContext, schema_hash
from harness.protocols import Progress
from harness.relations import Schema

__all__ = ["SET_REPORT", "Describe", "StepInput", "load_set_report"]

SET_REPORT = "set_report.json"


@dataclass(frozen=True, slots=True)
class StepInput:
    """One stage that the set's rows went through; its content is the input ``step<place>``.

    Attributes:
        kind: ``generate``, ``refill``, ``label``, ``curate`` or ``review``.
        name: Generator, extractor or gate.
    """

    kind: str
    name: str


@dataclass(frozen=True)
class Describe:
    """Describes the input ``rows``, against ``gold`` and ``test`` where they are there.

    Inputs whose names end in ``_features`` hold their vectors.

    Attributes:
        title: The set's name.
        steps: The stages that wrote and judged the rows, in order.
        schema: The relation schema.
        at: Rows at which diversity is measured.
        seed: Of the draws.
    """

    name: ClassVar[str] = "describe"
    version: ClassVar[int] = 2
    title: str
    steps: tuple[StepInput, ...]
    schema: Schema
    at: int
    seed: int = 0

    def identity(self) -> Mapping[str, Any]:
        return {
            "title": self.title,
            "steps": [[step.kind, step.name] for step in self.steps],
            "schema": schema_hash(self.schema),
            "at": self.at,
            "seed": self.seed,
        }

    def run(self, *, inputs: Mapping[str, Path], content: Path, context: StageContext) -> Measures:
        return self.work(inputs=inputs, content=content, progress=context.progress)

    def work(
        self, *, inputs: Mapping[str, Path], content: Path, progress: Progress | None = None
    ) -> Measures:
        started = time.perf_counter()
        own = _compared(inputs, "rows")
        assert own is not None  # a set is always there
        folders = [inputs[f"step{place}"] for place in range(len(self.steps))]
        report = describe_set(
            own,
            name=self.title,
            schema=self.schema,
            steps=tuple(_steps(self.steps, folders)),
            noise=tuple(_noise(self.steps, folders)),
            gold=_compared(inputs, "gold"),
            test=_compared(inputs, "test"),
            at=self.at,
            seed=self.seed,
        )
        (content / SET_REPORT).write_text(report.model_dump_json(indent=1), encoding="utf-8")
        return Measures(seconds=time.perf_counter() - started, units=len(own.rows))


def load_set_report(content: Path) -> SetReport:
    """Reads what ``Describe`` wrote."""
    return SetReport.model_validate_json((content / SET_REPORT).read_text(encoding="utf-8"))


def _compared(inputs: Mapping[str, Path], name: str) -> Compared | None:
    if name not in inputs:
        return None
    features = inputs.get(f"{name}_features")
    return Compared(
        rows=load_examples(inputs[name]),
        vectors=None if features is None else load_features(features),
    )


def _steps(steps: Sequence[StepInput], folders: Sequence[Path]) -> Iterator[SetStep]:
    had = 0
    for step, folder in zip(steps, folders, strict=True):
        if step.kind in ("curate", "review"):
            record = _record(folder)
            kept = record.kept
            yield SetStep(
                name=step.name, does="judges",
                came=record.written, kept=kept, rejected=record.rejected,
            )  # fmt: skip
        else:
            rejected = _unread(folder) if step.kind == "label" else _rejected(folder)
            kept = len(load_examples(folder))
            new = kept - had if step.kind == "refill" else kept
            gone = sum(sum(labels.values()) for labels in rejected.values())
            yield SetStep(
                name=step.name, does="writes", came=new + gone, kept=new, rejected=rejected
            )
        had = kept


def _rejected(folder: Path) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = {}
    for reject in read_jsonl(folder / REJECTS):
        found.setdefault(reject["reason"], Counter())[reject["label"]] += 1
    return {reason: dict(labels) for reason, labels in found.items()}


def _unread(folder: Path) -> dict[str, dict[str, int]]:
    """Sentences that were to be labelled and whose answer could not be read."""
    asked = sum(1 for line in (folder / PREDICTIONS).open(encoding="utf-8") if line.strip())
    lost = asked - len(load_examples(folder))
    return {"unreadable": {"unknown": lost}} if lost else {}


def _record(folder: Path) -> CurationRecord:
    return CurationRecord.model_validate(json.loads((folder / CURATION).read_text("utf-8")))


def _noise(steps: Sequence[StepInput], folders: Sequence[Path]) -> Iterator[NoiseEstimate]:
    for step, folder in zip(steps, folders, strict=True):
        if step.kind in ("curate", "review") and (noise := _record(folder).noise) is not None:
            yield noise.model_copy(update={"how": f"{noise.how}, of the rows that came to it"})
