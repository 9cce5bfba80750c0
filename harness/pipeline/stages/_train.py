"""The stages ``train`` and ``predict``: a student, and what it says of a test set."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from harness.documents import fingerprint
from harness.errors import CalldistilError
from harness.pipeline.stages._constrain import constrain_probabilities
from harness.pipeline.stages._encode import load_features
from harness.pipeline.stages._explain import EXPLANATIONS
from harness.pipeline.stages._files import load_examples, save_predictions
from harness.pipeline.stages._split import DEV
from harness.pipeline.stages._stage import Measures, StageContext, schema_hash
from harness.protocols import Progress, ReadsFeatures, StandsOn
from harness.relations import Example, Prediction, Schema
from harness.students import load_student, students

__all__ = ["FIT", "MODEL", "Predict", "Train", "training_rows"]

MODEL = "model"
FIT = "fit.json"


@dataclass(frozen=True)
class Train:
    """Trains a student on the inputs ``source0``, ``source1``, ... in their order.

    An input ``dev``, where there is one, is handed to the student as its development set. A
    student that reads features gets those of ``source0`` from the inputs ``features0.0``,
    ``features0.1``, ..., one per encoding. An input ``explanations`` stands for the file that
    its option ``pretrain.explanations`` names. A student that stands on another one finds that
    one's training in the input ``base``.

    Attributes:
        student: Full registry name, ``entity_marker.v1``.
        options: Its options, checked.
        schema: The relation schema.
        seed: Training seed.
    """

    name: ClassVar[str] = "train"
    version: ClassVar[int] = 1
    student: str
    options: BaseModel
    schema: Schema
    seed: int

    def identity(self) -> Mapping[str, Any]:
        return {
            "student": self.student,
            "options": fingerprint(self.options),
            "schema": schema_hash(self.schema),
            "seed": self.seed,
        }

    def run(self, *, inputs: Mapping[str, Path], content: Path, context: StageContext) -> Measures:
        return self.work(inputs=inputs, content=content, progress=context.progress)

    def work(
        self, *, inputs: Mapping[str, Path], content: Path, progress: Progress | None = None
    ) -> Measures:
        sources = sorted((k for k in inputs if k.startswith("source")), key=lambda k: int(k[6:]))
        rows = training_rows([load_examples(inputs[name]) for name in sources])
        if not rows:
            raise CalldistilError(
                f"There is nothing to train {self.student} on: every source is empty.",
                hint="Look at the rejects of the generation, or name another source.",
            )
        features = _features(inputs, sources, rows)
        started = time.perf_counter()
        student = students.get(self.student)(
            schema=self.schema, options=_with_explanations(self.options, inputs)
        )
        fit: Any = student.fit
        if features is not None:
            assert isinstance(student, ReadsFeatures)  # the plan asked it which
            fit = partial(student.fit_features, features=features)
        if "base" in inputs:
            assert isinstance(student, StandsOn)  # the plan asked it on which
            base = inputs["base"] / MODEL
            report = student.fit_on(base=base, examples=rows, dev=_dev(inputs), progress=progress)
        else:
            report = fit(examples=rows, seed=self.seed, dev=_dev(inputs), progress=progress)
        seconds = time.perf_counter() - started
        (content / MODEL).mkdir()
        student.save(folder=content / MODEL)
        facts = {name: value for name, value in asdict(report).items() if name != "seconds"}
        facts["notes"] += _unpaid_explanations(self.options, inputs)
        (content / FIT).write_text(json.dumps(facts, indent=1), encoding="utf-8")
        return Measures(seconds=seconds, units=len(rows))


def _dev(inputs: Mapping[str, Path]) -> tuple[Example, ...]:
    if "dev" not in inputs:
        return ()
    drawn = inputs["dev"] / DEV  # a split keeps its development set in a folder of its own
    return load_examples(drawn if drawn.is_dir() else inputs["dev"])


def _features(
    inputs: Mapping[str, Path], sources: Sequence[str], rows: Sequence[Example]
) -> NDArray[np.float32] | None:
    """Vectors of the training rows, all encodings joined; None where none were made."""
    found: dict[str, NDArray[np.float32]] = {}
    for source in sources:
        index = source.removeprefix("source")
        names = [name for name in inputs if name.startswith(f"features{index}.")]
        if not names:
            return None
        names.sort(key=lambda name: int(name.rpartition(".")[2]))
        joined = np.concatenate([load_features(inputs[name]) for name in names], axis=1)
        for example, vector in zip(load_examples(inputs[source]), joined, strict=True):
            found.setdefault(example.id, vector)
    return np.stack([found[row.id] for row in rows])


def _with_explanations(options: Any, inputs: Mapping[str, Path]) -> Any:
    """The options, with the file of the explanations that were made for the student."""
    if "explanations" not in inputs:
        return options
    file = inputs["explanations"] / EXPLANATIONS
    pretrain = options.pretrain.model_copy(update={"explanations": file})
    return options.model_copy(update={"pretrain": pretrain})


def _unpaid_explanations(options: Any, inputs: Mapping[str, Path]) -> tuple[str, ...]:
    """What a reader should know where explanations were not made by the run."""
    from_file = getattr(getattr(options, "pretrain", None), "explanations", None) is not None
    if not from_file or "explanations" in inputs:
        return ()
    return ("explanations come from a file: what they cost is not in the ledger",)


def training_rows(sources: Sequence[Sequence[Example]]) -> list[Example]:
    """The rows of all sources; of two rows with one id the earlier source's stays."""
    rows: dict[str, Example] = {}
    for source in sources:
        for example in source:
            rows.setdefault(example.id, example)
    return list(rows.values())


@dataclass(frozen=True)
class Predict:
    """The student of the input ``model`` labels the input ``examples``.

    Attributes:
        schema: The relation schema.
        type_constraints: Give no probability to labels that the argument types exclude.
    """

    name: ClassVar[str] = "predict"
    version: ClassVar[int] = 1
    schema: Schema
    type_constraints: bool = False

    def identity(self) -> Mapping[str, Any]:
        constrained = {"type_constraints": True} if self.type_constraints else {}
        return {"schema": schema_hash(self.schema), **constrained}

    def run(self, *, inputs: Mapping[str, Path], content: Path, context: StageContext) -> Measures:
        return self.work(inputs=inputs, content=content, progress=context.progress)

    def work(
        self, *, inputs: Mapping[str, Path], content: Path, progress: Progress | None = None
    ) -> Measures:
        student = load_student(inputs["model"] / MODEL)
        examples = [example.labelled(None) for example in load_examples(inputs["examples"])]
        started = time.perf_counter()
        probabilities = student.predict_proba(examples=examples, progress=progress)
        if self.type_constraints:
            probabilities = constrain_probabilities(
                probabilities, examples, self.schema, student.labels
            )
        seconds = time.perf_counter() - started
        best = probabilities.argmax(axis=1)
        save_predictions(
            content,
            [
                Prediction(example.id, student.labels[label])
                for example, label in zip(examples, best, strict=True)
            ],
            probabilities,
        )
        return Measures(seconds=seconds, units=len(examples))
