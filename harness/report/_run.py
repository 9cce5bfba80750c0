"""From a run's artefacts to its table. Reads nothing but the run's folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import ArtefactError, ConfigError, Problem
from harness.metrics import Answers, join
from harness.pipeline import (
    DEMONSTRATIONS,
    OVERLAPS,
    SHORTFALLS,
    TUNED,
    CascadeEntry,
    Experiment,
    Manifest,
    NodeRecord,
    RunFolder,
    SystemRecord,
    cascades_of,
    load_cascade,
    load_examples,
    load_predictions,
    matching,
    read_experiment,
    two_answers,
)
from harness.relations import Example, Schema
from harness.report._build import build_head_to_head
from harness.report._cascade import CascadeCurve, cascade_curve
from harness.report._row import TrainingRows
from harness.report._run_costs import RunCosts
from harness.report._source_chain import is_gold, written_by
from harness.report._system import SystemResult
from harness.report._table import HeadToHead
from harness.store import Artefact

__all__ = ["report_run", "run_answers", "run_systems"]

_HEAD_TO_HEAD = ("direct", "cascade")  # kinds that answer no wider test set
_SHOWING = ("generate", "refill", "explain", "extract", "label", "review")
_ROWS = {"generate": "generated", "label": "labelled", "split": "gold", "read": "gold"}


def report_run(folder: Path, *, metric: str | None = None) -> HeadToHead:
    """Makes the table of a finished run from its artefacts; calls no model.

    Args:
        folder: The run's folder.
        metric: Another metric than the experiment's own.

    Raises:
        ArtefactError: When the folder is not a run, or the run is not finished.
    """
    return _Reader(folder).table(metric)


def run_answers(folder: Path, system: str) -> Answers:
    """A system's answers on its widest test set.

    Raises:
        ConfigError: When the run has no such system.
    """
    return _Reader(folder).answers(system)


def run_systems(folder: Path) -> tuple[SystemResult, ...]:
    """Answers and costs of all systems of a finished run, in the experiment's order."""
    reader = _Reader(folder)
    return tuple(reader._system(record) for record in reader.manifest.systems)


class _Reader:
    """Reads one run."""

    def __init__(self, folder: Path) -> None:
        self.run = RunFolder.open(folder)
        self.manifest: Manifest = self.run.manifest()
        self.experiment: Experiment = read_experiment(
            self.run.experiment_file, base=Path(self.manifest.base)
        )
        self.schema: Schema = self.run.schema()
        self.artefacts = self.run.artefacts
        self._gold: dict[str, tuple[Example, ...]] = {}
        self.costs = RunCosts(
            self.manifest, self.experiment, self.schema.markers, self._artefact, self._gold_budget
        )

    def table(self, metric: str | None) -> HeadToHead:
        """The whole table."""
        experiment = self.experiment
        full = experiment.data.full_test
        table = build_head_to_head(
            experiment=experiment.name,
            systems=[self._system(record) for record in self.manifest.systems],
            reference=experiment.reference,
            candidate=experiment.candidate,
            metric=metric or experiment.metric or self.schema.official_metric,
            tolerance=experiment.verdict.tolerance,
            volume=experiment.verdict.volume,
            train_labels=self._train_labels(),
            resamples=experiment.statistics.resamples,
            seed=experiment.statistics.seed,
            test_name="test",
            full_test_name="full test" if full is not None else None,
            assumptions=self._assumptions(),
        )
        return replace(table, cascades=tuple(self._curves(table.metric)))

    def _curves(self, metric: str) -> Iterator[CascadeCurve]:
        """The curve of every cascade, from its parts' stored answers."""
        records = {record.name: record for record in self.manifest.systems}
        for name, entry in cascades_of(self.experiment).items():
            student, direct = records[entry.student], records[entry.direct]
            test = self._examples(self.manifest.test)
            seeds = []
            for first in student.repetitions:
                second = next(r for r in direct.repetitions if matching(first.seeds, r.seeds))
                said = self._artefact(first.final).content
                asked = self._artefact(second.final).content
                seeds.append(two_answers(test, said, asked, self.schema))
            yield cascade_curve(
                name,
                seeds,
                student=(entry.student, self.costs.of(student)),
                direct=(entry.direct, self.costs.of(direct)),
                schema=self.schema,
                metric=metric,
            )

    def answers(self, system: str) -> Answers:
        """A system's answers on the widest test set it answered."""
        for record in self.manifest.systems:
            if record.name == system:
                test = self.manifest.test
                if record.kind not in _HEAD_TO_HEAD and self.manifest.full_test is not None:
                    test = self.manifest.full_test
                return self._answers(record, test)
        known = ", ".join(record.name for record in self.manifest.systems)
        raise ConfigError([Problem(f"the run has no system {system!r}", f"one of: {known}")])

    # -- artefacts -------------------------------------------------------------------------

    def _artefact(self, key: str) -> Artefact:
        node = self.manifest.node(key)
        found = self.artefacts.find(node.stage, key)
        if found is None:
            raise ArtefactError(
                f"The stage '{node.title}' of the run in {self.run.folder} is not done.",
                hint=f"Go on with: calldistil resume {self.run.folder}",
            )
        return found

    def _examples(self, key: str) -> tuple[Example, ...]:
        if key not in self._gold:
            self._gold[key] = load_examples(self._artefact(key).content)
        return self._gold[key]

    def _answers(self, record: SystemRecord, test: str) -> Answers:
        gold = self._examples(self._asked(record) or test)
        wanted = {example.id for example in gold}
        predictions = [
            [p for p in load_predictions(self._artefact(r.final).content, self.schema)
             if p.example_id in wanted]
            for r in record.repetitions
        ]  # fmt: skip
        return join(gold, predictions, self.schema)

    def _asked(self, record: SystemRecord) -> str | None:
        """The stage with the examples that a direct system answered, where they are a part."""
        if record.kind != "direct":
            return None
        key = self.manifest.node(record.repetitions[0].answers).inputs["examples"]
        return key if self.manifest.node(key).stage == "subset" else None

    # -- rows ------------------------------------------------------------------------------

    def _system(self, record: SystemRecord) -> SystemResult:
        student = record.kind not in _HEAD_TO_HEAD
        full = self.manifest.full_test if student else None
        return SystemResult(
            name=record.name,
            kind=record.kind,
            answers=self._answers(record, self.manifest.test),
            training_rows=self._training_rows(record),
            gold_budget=self._gold_budget(record),
            full_answers=self._answers(record, full) if full is not None else None,
            cost=self.costs.of(record),
            notes=tuple(self._notes(record)),
        )

    def _sources(self, record: SystemRecord) -> list[NodeRecord]:
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

    def _training_rows(self, record: SystemRecord) -> TrainingRows:
        counts = dict.fromkeys(("gold", "generated", "labelled"), 0)
        seen: set[str] = set()
        for node in self._sources(record):
            ids = {example.id for example in self._examples(node.key)} - seen
            counts[_ROWS[written_by(self.manifest, node).stage]] += len(ids)
            seen |= ids
        return TrainingRows(**counts)

    def _gold_budget(self, record: SystemRecord) -> int:
        """Human labels that were trained on, shown as demonstrations or used as dev."""
        ids: set[str] = set()
        answers = self.manifest.node(record.repetitions[0].answers)
        behind = [*self.manifest.ancestors(answers.key), answers]
        for node in behind:
            if node.stage in _SHOWING:
                shown = self._artefact(node.key).content / DEMONSTRATIONS
                if shown.is_file():
                    ids |= set(json.loads(shown.read_text(encoding="utf-8")))
                elif "few_shot" in node.inputs:
                    ids |= {example.id for example in self._examples(node.inputs["few_shot"])}
            elif node.stage in ("train", "tune"):
                ids |= self._trained_on(node)
            elif node.stage == "cascade" and "dev" in node.inputs:
                ids |= {example.id for example in self._examples(node.inputs["dev"])}
            elif node.stage == "adopt":
                known = (self._artefact(node.key).content / TUNED).read_text(encoding="utf-8")
                ids |= set(json.loads(known).get("trained_on", ()))
        return len(ids)

    def _trained_on(self, node: NodeRecord) -> set[str]:
        ids: set[str] = set()
        for name, key in node.inputs.items():
            source = self.manifest.node(key)
            if name == "dev":
                content = self._artefact(key).content
                drawn = content / "dev"
                ids |= {e.id for e in load_examples(drawn if drawn.is_dir() else content)}
            elif is_gold(self.manifest, source):
                ids |= {example.id for example in self._examples(key)}
        return ids

    # -- words under the table -------------------------------------------------------------

    def _train_labels(self) -> Sequence[str]:
        """Labels of the human-labelled rows that some system saw."""
        keys = dict.fromkeys(node.key for node in self.manifest.nodes if node.stage == "split")
        for record in self.manifest.systems:
            for source in self._sources(record):
                if is_gold(self.manifest, source):
                    keys[source.key] = None
        rows = {example.id: example for key in keys for example in self._examples(key)}
        return [example.relation or "" for example in rows.values()]

    def _notes(self, record: SystemRecord) -> list[str]:
        notes = []
        if (part := self._asked(record)) is not None:
            asked, all_ = len(self._examples(part)), len(self._examples(self.manifest.test))
            notes.append(f"answers {asked} of the {all_} test sentences")
        if (cascade := self.experiment.systems[record.name].cascade) is not None:
            notes.append(self._cascade_note(record, cascade))
        if (calibrate := self.experiment.systems[record.name].calibrate) is not None:
            notes.append(f"a label bias is taken out ({calibrate.method})")
        keys = {node.key for node in self.manifest.ancestors(record.repetitions[0].answers)}
        for node in self.manifest.nodes:
            if node.stage != "split" or node.key not in keys:
                continue
            file = self._artefact(node.key).content / SHORTFALLS
            for short in json.loads(file.read_text(encoding="utf-8")):
                notes.append(
                    f"{short['label']} has {short['found']} of {short['wanted']} few-shot examples"
                )
        return notes

    def _cascade_note(self, record: SystemRecord, entry: CascadeEntry) -> str:
        facts = [load_cascade(self._artefact(r.answers).content) for r in record.repetitions]
        thresholds = ", ".join(f"{found['threshold']:.4g}" for found in facts)
        if entry.choose is None:
            chosen = "declared"
        else:
            chosen = f"chosen on {facts[0]['dev']} dev sentences ({entry.choose})"
        return (
            f"{entry.student} answers, and {entry.direct} where its confidence is under"
            f" {thresholds} ({chosen}): {self.costs.share(record):.0%} of the test sentences"
        )

    def _assumptions(self) -> list[str]:
        experiment = self.experiment
        notes = list(experiment.notes)
        for name, entry in experiment.backends.items():
            if (price := self.costs.price(name)) is not None:
                word = "assumed" if price.assumed else "declared"
                notes.append(f"Prices of {name} are {word}: {price.source} ({price.date}).")
            if entry.tokenizer is not None:
                notes.append(
                    f"Tokens of {name} are counted with {entry.tokenizer} where none are reported."
                )
        notes += self._priced_notes()
        return [*notes, *self._overlap_notes()]

    def _priced_notes(self) -> list[str]:
        """How the machine and human labels are priced."""
        prices = self.experiment.prices
        machine, label = prices.machine_per_hour, prices.human_label
        said = [
            *([f"${machine:g} an hour of machine time"] if machine is not None else []),
            *([f"${label:g} a human label"] if label is not None else []),
        ]
        notes = []
        if said:
            word = "assumed" if prices.assumed else "declared"
            notes.append(f"{' and '.join(said)} are {word}: {prices.source} ({prices.date}).")
        if label is None and any(self._gold_budget(record) for record in self.manifest.systems):
            notes.append(
                "Human labels (gold budget) have no price, so what a system that saw any costs"
                " once is unknown: declare prices.human_label, 0 where they cost nothing."
            )
        return notes

    def _overlap_notes(self) -> list[str]:
        notes = []
        for overlap in self.manifest.overlaps:
            file = self._artefact(overlap.key).content / OVERLAPS
            found: Mapping[str, list[object]] = json.loads(file.read_text(encoding="utf-8"))
            counts = {kind: len(pairs) for kind, pairs in found.items() if pairs}
            if counts:
                said = ", ".join(f"{count} {kind}" for kind, count in counts.items())
                notes.append(f"Rows that also stand in the test set ({overlap.rows}): {said}.")
        return notes
