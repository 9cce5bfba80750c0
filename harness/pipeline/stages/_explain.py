"""The stage ``explain``: an LLM says why labelled examples have their labels."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from harness.pipeline.stages._asking import AskingStage
from harness.pipeline.stages._calls import measure_calls, save_calls
from harness.pipeline.stages._files import (
    DEMONSTRATIONS,
    REJECTS,
    load_examples,
    read_jsonl,
    write_jsonl,
)
from harness.pipeline.stages._stage import Measures, StageContext
from harness.protocols import Explanation
from harness.registry import explainers
from harness.relations import Outcome

__all__ = ["EXPLANATIONS", "Explain", "load_explanations"]

EXPLANATIONS = "explanations.jsonl"


@dataclass(frozen=True)
class Explain(AskingStage):
    """Explains the labels of the input ``examples``, else of ``few_shot``; NA among them.

    ``explanations.jsonl`` has a line ``{"example_id", "label", "explanation"}`` for each answer
    that can be used, ``rejects.jsonl`` the others with their reasons.
    """

    name: ClassVar[str] = "explain"
    version: ClassVar[int] = 1

    def run(self, *, inputs: Mapping[str, Path], content: Path, context: StageContext) -> Measures:
        started = time.perf_counter()
        examples = load_examples(inputs["examples" if "examples" in inputs else "few_shot"])
        labelled = [example for example in examples if example.relation is not None]
        explainer = explainers.get(self.agent.component)(
            context=self.agent.context(self.schema, (), self.repeat), options=self.agent.options
        )
        results = self._conversed(
            ((example.id, explainer.explain(example=example)) for example in labelled),
            total=len(labelled),
            context=context,
        )
        seconds = time.perf_counter() - started
        said = [result.value for result in results]
        usable = [e for e in said if e.outcome is Outcome.PARSED]
        write_jsonl(content / EXPLANATIONS, map(_line, usable))
        keys = {result.item: result.calls[-1].key for result in results}
        write_jsonl(
            content / REJECTS,
            (_reject(e, keys[e.example_id]) for e in said if e.outcome is not Outcome.PARSED),
        )
        shown = [example.id for example in labelled]
        (content / DEMONSTRATIONS).write_text(json.dumps(shown), encoding="utf-8")
        save_calls(content, results)
        return measure_calls(results, agent=self.agent, seconds=seconds, units=len(usable))


def load_explanations(content: Path) -> dict[str, str]:
    """Reads an artefact's explanations by the ids of the examples."""
    return {
        str(row["example_id"]): str(row["explanation"])
        for row in read_jsonl(content / EXPLANATIONS)
    }


def _line(said: Explanation) -> Mapping[str, Any]:
    return {"example_id": said.example_id, "label": said.label, "explanation": said.text}


def _reject(said: Explanation, request: str) -> Mapping[str, Any]:
    return {
        "reason": said.outcome.value,
        "example_id": said.example_id,
        "label": said.label,
        "text": said.text,
        "request": request,
    }
