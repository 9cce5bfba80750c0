"""A run's artefacts as the report reads them: examples, answers, and what was trained on."""

from __future__ import annotations

import json
from pathlib import Path

from harness.errors import ArtefactError
from harness.metrics import Answers, join
from harness.pipeline import (
    DEMONSTRATIONS,
    TUNED,
    Experiment,
    Manifest,
    NodeRecord,
    RunFolder,
    SystemRecord,
    load_confidences,
    load_examples,
    load_predictions,
    read_experiment,
)
from harness.relations import Example, Prediction, Schema
from harness.report._row import TrainingRows
from harness.report._source_chain import is_gold, written_by
from harness.store import Artefact

__all__ = ["RunArtefacts"]

_ROWS = {"generate": "generated", "label": "labelled", "split": "gold", "read": "gold"}
_SHOWING = ("generate", "refill", "explain", "extract", "label", "review")


class RunArtefacts:
    """Reads one run; every file once.

    Attributes:
        run: Its folder.
        manifest: What it was made from.
        experiment: Its experiment.
        schema: Its schema.
    """

    def __init__(self, folder: Path) -> None:
        self.run = RunFolder.open(folder)
        self.manifest: Manifest = self.run.manifest()
        self.experiment: Experiment = read_experiment(
            self.run.experiment_file, base=Path(self.manifest.base)
        )
        self.schema: Schema = self.run.schema()
        self._store = self.run.artefacts
        self._gold: dict[str, tuple[Example, ...]] = {}
        self._predictions: dict[str, tuple[Prediction, ...]] = {}

    def artefact(self, key: str) -> Artefact:
        """A stage's artefact.

        Raises:
            ArtefactError: When the stage is not done.
        """
        node = self.manifest.node(key)
        found = self._store.find(node.stage, key)
        if found is None:
            raise ArtefactError(
                f"The stage '{node.title}' of the run in {self.run.folder} is not done.",
                hint=f"Go on with: calldistil resume {self.run.folder}",
            )
        return found

    def examples(self, key: str) -> tuple[Example, ...]:
        """The examples that a stage made."""
        if key not in self._gold:
            self._gold[key] = load_examples(self.artefact(key).content)
        return self._gold[key]

    def predictions(self, key: str) -> tuple[Prediction, ...]:
        """The predictions that a stage made."""
        if key not in self._predictions:
            self._predictions[key] = load_predictions(self.artefact(key).content, self.schema)
        return self._predictions[key]

    def confidences(self, key: str) -> dict[str, float]:
        """Probability of a stage's answers by example id, where the system gives them."""
        return load_confidences(self.artefact(key).content, self.predictions(key))

    def answers(self, record: SystemRecord, test: str) -> Answers:
        """A system's answers on a test set, or on the part of it that it was asked."""
        gold = self.examples(self.asked(record) or test)
        wanted = {example.id for example in gold}
        predictions = [
            [p for p in self.predictions(r.final) if p.example_id in wanted]
            for r in record.repetitions
        ]
        return join(gold, predictions, self.schema)

    def asked(self, record: SystemRecord) -> str | None:
        """The stage with the examples that a direct system answered, where they are a part."""
        if record.kind != "direct":
            return None
        key = self.manifest.node(record.repetitions[0].answers).inputs["examples"]
        return key if self.manifest.node(key).stage == "subset" else None

    def sources(self, record: SystemRecord) -> list[NodeRecord]:
        """The stages whose rows the first repetition's student was trained on."""
        answers = self.manifest.node(record.repetitions[0].answers)
        if answers.stage == "cascade":
            answers = self.manifest.node(answers.inputs["student"])
        if "model" not in answers.inputs:
            return []
        train = self.manifest.node(answers.inputs["model"])
        return [
            self.manifest.node(key)
            for name, key in train.inputs.items()
            if name.startswith("source")
        ]

    def source_kind(self, node: NodeRecord) -> str:
        """Who made a source's rows: ``gold``, ``generated`` or ``labelled``."""
        return _ROWS[written_by(self.manifest, node).stage]

    def training_rows(self, record: SystemRecord) -> TrainingRows:
        """How many rows a student was trained on, each id once."""
        counts = dict.fromkeys(("gold", "generated", "labelled"), 0)
        seen: set[str] = set()
        for node in self.sources(record):
            ids = {example.id for example in self.examples(node.key)} - seen
            counts[self.source_kind(node)] += len(ids)
            seen |= ids
        return TrainingRows(**counts)

    def gold_budget(self, record: SystemRecord) -> int:
        """Human labels that were trained on, shown as demonstrations or used as dev."""
        ids: set[str] = set()
        answers = self.manifest.node(record.repetitions[0].answers)
        behind = [*self.manifest.ancestors(answers.key), answers]
        for node in behind:
            if node.stage in _SHOWING:
                shown = self.artefact(node.key).content / DEMONSTRATIONS
                if shown.is_file():
                    ids |= set(json.loads(shown.read_text(encoding="utf-8")))
                elif "few_shot" in node.inputs:
                    ids |= {example.id for example in self.examples(node.inputs["few_shot"])}
            elif node.stage in ("train", "tune"):
                ids |= self._trained_on(node)
            elif node.stage == "cascade" and "dev" in node.inputs:
                ids |= {example.id for example in self.examples(node.inputs["dev"])}
            elif node.stage == "adopt":
                known = (self.artefact(node.key).content / TUNED).read_text(encoding="utf-8")
                ids |= set(json.loads(known).get("trained_on", ()))
        return len(ids)

    def _trained_on(self, node: NodeRecord) -> set[str]:
        ids: set[str] = set()
        for name, key in node.inputs.items():
            source = self.manifest.node(key)
            if name == "dev":
                content = self.artefact(key).content
                drawn = content / "dev"
                ids |= {e.id for e in load_examples(drawn if drawn.is_dir() else content)}
            elif is_gold(self.manifest, source):
                ids |= {example.id for example in self.examples(key)}
        return ids
