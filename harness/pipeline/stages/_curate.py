"""The stages ``curate`` and ``review``: a gate keeps some rows and says why it drops others."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel

from harness.curation import CurationRecord, record_of
from harness.documents import fingerprint
from harness.pipeline.stages._asking import AskingStage
from harness.pipeline.stages._calls import measure_calls, save_calls
from harness.pipeline.stages._files import REJECTS, load_examples, save_examples, write_jsonl
from harness.pipeline.stages._stage import Measures, StageContext, schema_hash
from harness.protocols import KEPT, AskingGate, Gate, GateContext, Judgement, Progress
from harness.registry import gates
from harness.relations import Example, Schema, render_marked

__all__ = ["CURATION", "Curate", "Review"]

CURATION = "curation.json"


@dataclass(frozen=True)
class Curate:
    """A gate that asks no LLM judges the input ``rows``; ``test`` is there where it uses it.

    Rows of the input ``passed`` went through the gate before and stay: they are there for those
    that come after them to be compared with.

    Attributes:
        gate: Full registry name.
        options: Its options, checked.
        schema: The relation schema.
    """

    name: ClassVar[str] = "curate"
    version: ClassVar[int] = 1
    gate: str
    options: BaseModel
    schema: Schema

    def identity(self) -> Mapping[str, Any]:
        return {
            "gate": self.gate,
            "options": fingerprint(self.options),
            "schema": schema_hash(self.schema),
        }

    def run(self, *, inputs: Mapping[str, Path], content: Path, context: StageContext) -> Measures:
        return self.work(inputs=inputs, content=content, progress=context.progress)

    def work(
        self, *, inputs: Mapping[str, Path], content: Path, progress: Progress | None = None
    ) -> Measures:
        rows = load_examples(inputs["rows"])
        test = load_examples(inputs["test"]) if "test" in inputs else ()
        started = time.perf_counter()
        kind: Any = gates.get(self.gate)
        gate: Gate = kind(context=GateContext(self.schema, test), options=self.options)
        judgements = list(gate.judge(rows=rows))
        passed = _passed(inputs)
        for place, row in enumerate(rows):
            if row.id in passed:
                judgements[place] = KEPT
        seconds = time.perf_counter() - started
        record = record_of(
            self.gate,
            rows,
            judgements,
            noise=gate.noise,
            judged=sum(row.id not in passed for row in rows),
            cuts_answers=getattr(kind, "cuts_answers", False),
        )
        _save(content, rows, judgements, record, self.schema)
        return Measures(seconds=seconds, units=len(rows))


@dataclass(frozen=True)
class Review(AskingStage):
    """A gate that asks an LLM reviews the input ``rows``; it may show the input ``few_shot``.

    Rows of the input ``passed`` were reviewed before and are not asked about again.
    """

    name: ClassVar[str] = "review"
    version: ClassVar[int] = 1

    def run(self, *, inputs: Mapping[str, Path], content: Path, context: StageContext) -> Measures:
        started = time.perf_counter()
        rows = load_examples(inputs["rows"])
        few_shot = load_examples(inputs["few_shot"]) if "few_shot" in inputs else ()
        kind: Any = gates.get(self.agent.component)
        gate: AskingGate = kind(
            context=self.agent.context(self.schema, few_shot, self.repeat),
            options=self.agent.options,
        )
        passed = _passed(inputs)
        asked = [row for row in rows if row.id not in passed]
        results = self._conversed(
            ((row.id, gate.review(row=row)) for row in asked),
            total=len(asked),
            context=context,
        )
        said = {result.item: result.value for result in results}
        judgements = [said.get(row.id, KEPT) for row in rows]
        record = record_of(
            self.agent.component, rows, judgements, noise=gate.noise, judged=len(asked)
        )
        _save(content, rows, judgements, record, self.schema)
        save_calls(content, results)
        seconds = time.perf_counter() - started
        return measure_calls(results, agent=self.agent, seconds=seconds, units=len(asked))


def _passed(inputs: Mapping[str, Path]) -> frozenset[str]:
    if "passed" not in inputs:
        return frozenset()
    return frozenset(row.id for row in load_examples(inputs["passed"]))


def _save(
    content: Path,
    rows: Sequence[Example],
    judgements: Sequence[Judgement],
    record: CurationRecord,
    schema: Schema,
) -> None:
    judged = list(zip(rows, judgements, strict=True))
    save_examples(content, [row for row, judgement in judged if judgement.kept])
    write_jsonl(
        content / REJECTS,
        (
            {
                "reason": judgement.reason,
                "detail": judgement.detail,
                "gate": record.gate,
                "label": row.relation,
                "id": row.id,
                "text": render_marked(row, schema.markers),
            }
            for row, judgement in judged
            if not judgement.kept
        ),
    )
    (content / CURATION).write_text(record.model_dump_json(indent=1), encoding="utf-8")
