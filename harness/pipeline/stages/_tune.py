"""The stages ``tune`` and ``adopt``: adapters of an LLM."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel

from harness.errors import CalldistilError
from harness.pipeline.stages._files import load_examples
from harness.pipeline.stages._stage import Measures, StageContext, schema_hash
from harness.pipeline.stages._train import training_rows
from harness.registry import tuners
from harness.relations import Schema

__all__ = ["SECONDS", "TUNED", "Adopt", "Tune", "untuned_labels"]

TUNED = "tuned.json"
"""What tuning did; beside it a folder per adapter."""
SECONDS = "seconds.json"
"""How long it took, where no artefact says so."""


@dataclass(frozen=True)
class Tune:
    """A tuner trains adapters on the inputs ``source0``, ``source1``, ... in their order.

    Checkpoints lie outside the content, so that an interrupted stage goes on from the last one.

    Attributes:
        tuner: Full registry name, ``sft.v1``.
        options: Its options, checked.
        schema: The relation schema.
        seed: Seed of everything random.
    """

    name: ClassVar[str] = "tune"
    version: ClassVar[int] = 1
    tuner: str
    options: BaseModel
    schema: Schema
    seed: int

    def identity(self) -> Mapping[str, Any]:
        return {
            "tuner": self.tuner,
            "options": dict(tuners.get(self.tuner).fingerprint(options=self.options)),
            "schema": schema_hash(self.schema),
            "seed": self.seed,
        }

    def run(self, *, inputs: Mapping[str, Path], content: Path, context: StageContext) -> Measures:
        examples = training_rows([load_examples(inputs[name]) for name in sorted(inputs)])
        tuner = tuners.get(self.tuner)(schema=self.schema, options=self.options)
        with tempfile.TemporaryDirectory() as passing:
            report = tuner.tune(
                examples=examples,
                seed=self.seed,
                folder=content,
                checkpoints=context.checkpoints or Path(passing),
                progress=context.progress,
            )
        facts = {"tuner": self.tuner, **asdict(report)}
        facts.pop("seconds")  # a measure, not content
        facts["trained_on"] = [example.id for example in examples]
        (content / TUNED).write_text(json.dumps(facts, indent=1), encoding="utf-8")
        return Measures(seconds=report.seconds, units=report.examples)


@dataclass(frozen=True)
class Adopt:
    """Takes over what is known of an adapter that was trained before.

    ``calldistil tune`` leaves beside it what it cost and which labels it saw. Of an adapter from
    elsewhere neither is known, and then its cost is unknown rather than nothing.

    Attributes:
        adapter: The adapter's folder or file.
        weights: What the backend says of its model, with the adapter.
    """

    name: ClassVar[str] = "adopt"
    version: ClassVar[int] = 1
    adapter: Path
    weights: Mapping[str, str]

    def identity(self) -> Mapping[str, Any]:
        return {"weights": dict(self.weights), "known": self._known()}

    def run(self, *, inputs: Mapping[str, Path], content: Path, context: StageContext) -> Measures:
        known = self._known()
        (content / TUNED).write_text(json.dumps(known, indent=1), encoding="utf-8")
        return Measures(seconds=known.get("seconds"), units=len(known.get("trained_on", ())))

    def _known(self) -> dict[str, Any]:
        """What lies beside the adapter, where ``calldistil tune`` wrote it."""
        known: dict[str, Any] = {}
        for name in (TUNED, SECONDS):
            with contextlib.suppress(OSError, ValueError):
                known |= json.loads((self.adapter.parent / name).read_text(encoding="utf-8"))
        return {key: known[key] for key in ("trained_on", "seconds") if key in known}


def untuned_labels(tuned: Path, part: str, schema: Schema) -> tuple[str, ...]:
    """The labels that an adapter was not tuned on: those it may write samples of.

    Raises:
        CalldistilError: When there are none.
    """
    parts = json.loads((tuned / TUNED).read_text(encoding="utf-8"))["parts"]
    labels = tuple(name for name in schema.label_names if name not in parts.get(part, ()))
    if not labels:
        raise CalldistilError(
            f"The adapter {part!r} was tuned on every label, so it may write samples of none.",
            hint="Tune a generator with dpo, whose two adapters write for each other's half.",
        )
    return labels
