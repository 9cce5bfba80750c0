"""The head-to-head table of a run, from its artefacts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.errors import ConfigError, Problem
from harness.garbage import seldom_collected
from harness.metrics import Answers
from harness.pipeline import (
    OVERLAPS,
    SHORTFALLS,
    CascadeEntry,
    SystemRecord,
    cascades_of,
    load_cascade,
    matching,
    two_answers,
)
from harness.report._build import build_head_to_head
from harness.report._cascade import CascadeCurve, cascade_curve
from harness.report._price_list import PriceList, PricesInForce
from harness.report._run_artefacts import RunArtefacts
from harness.report._run_costs import RunCosts
from harness.report._system import SystemResult
from harness.report._table import HeadToHead

__all__ = ["RunReader", "report_run", "run_answers", "run_systems"]

_HEAD_TO_HEAD = ("direct", "cascade")  # kinds that answer no wider test set


@seldom_collected()
def report_run(
    folder: Path, *, metric: str | None = None, prices: PriceList | None = None
) -> HeadToHead:
    """Makes the table of a finished run from its artefacts; calls no model.

    Args:
        folder: The run's folder.
        metric: Another metric than the experiment's own.
        prices: Other prices than the experiment's.

    Raises:
        ArtefactError: When the folder is not a run, or the run is not finished.
    """
    return RunReader(folder, prices).table(metric)


def run_answers(folder: Path, system: str) -> Answers:
    """A system's answers on its widest test set.

    Raises:
        ConfigError: When the run has no such system.
    """
    return RunReader(folder).answers(system)


def run_systems(folder: Path) -> tuple[SystemResult, ...]:
    """Answers and costs of all systems of a finished run, in the experiment's order."""
    return tuple(RunReader(folder).systems())


class RunReader:
    """Reads one run.

    Attributes:
        files: Its artefacts.
        prices: The prices to count with.
        costs: What its systems cost at them.
    """

    def __init__(self, folder: Path, prices: PriceList | None = None) -> None:
        self.files = RunArtefacts(folder)
        self.prices = PricesInForce(self.files.experiment, self.files.manifest, prices)
        self.costs = RunCosts(self.files, self.prices)
        self._systems: dict[str, SystemResult] = {}

    def table(self, metric: str | None = None) -> HeadToHead:
        """The whole table."""
        experiment = self.files.experiment
        full = experiment.data.full_test
        table = build_head_to_head(
            experiment=experiment.name,
            systems=self.systems(),
            reference=experiment.reference,
            candidate=experiment.candidate,
            metric=metric or experiment.metric or self.files.schema.official_metric,
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
        files = self.files
        records = {record.name: record for record in files.manifest.systems}
        for name, entry in cascades_of(files.experiment).items():
            student, direct = records[entry.student], records[entry.direct]
            test = files.examples(files.manifest.test)
            seeds = []
            for first in student.repetitions:
                second = next(r for r in direct.repetitions if matching(first.seeds, r.seeds))
                said = files.artefact(first.final).content
                asked = files.artefact(second.final).content
                seeds.append(two_answers(test, said, asked, files.schema))
            yield cascade_curve(
                name,
                seeds,
                student=(entry.student, self.costs.system(student)),
                direct=(entry.direct, self.costs.system(direct)),
                schema=files.schema,
                metric=metric,
            )

    def answers(self, system: str) -> Answers:
        """A system's answers on the widest test set it answered."""
        manifest = self.files.manifest
        for record in manifest.systems:
            if record.name == system:
                test = manifest.test
                if record.kind not in _HEAD_TO_HEAD and manifest.full_test is not None:
                    test = manifest.full_test
                return self.files.answers(record, test)
        known = ", ".join(record.name for record in manifest.systems)
        raise ConfigError([Problem(f"the run has no system {system!r}", f"one of: {known}")])

    def systems(self) -> list[SystemResult]:
        """Every system's answers and costs, in the experiment's order."""
        return [self._system(record) for record in self.files.manifest.systems]

    def _system(self, record: SystemRecord) -> SystemResult:
        if record.name not in self._systems:
            manifest = self.files.manifest
            full = manifest.full_test if record.kind not in _HEAD_TO_HEAD else None
            self._systems[record.name] = SystemResult(
                name=record.name,
                kind=record.kind,
                answers=self.files.answers(record, manifest.test),
                training_rows=self.files.training_rows(record),
                gold_budget=self.files.gold_budget(record),
                full_answers=self.files.answers(record, full) if full is not None else None,
                cost=self.costs.system(record),
                cost_draws=self.costs.draws(record, seed=self.files.experiment.statistics.seed),
                latency=self.costs.latency(record),
                notes=tuple(self._notes(record)),
            )
        return self._systems[record.name]

    # -- words under the table -------------------------------------------------------------

    def _train_labels(self) -> Sequence[str]:
        """Labels of the human-labelled rows that some system saw."""
        keys = dict.fromkeys(
            node.key for node in self.files.manifest.nodes if node.stage == "split"
        )
        for record in self.files.manifest.systems:
            for source in self.files.sources(record):
                if self.files.source_kind(source) == "gold":
                    keys[source.key] = None
        rows = {example.id: example for key in keys for example in self.files.examples(key)}
        return [example.relation or "" for example in rows.values()]

    def _notes(self, record: SystemRecord) -> list[str]:
        notes = []
        if (part := self.files.asked(record)) is not None:
            asked, all_ = (
                len(self.files.examples(part)),
                len(self.files.examples(self.files.manifest.test)),
            )
            notes.append(f"answers {asked} of the {all_} test sentences")
        if (cascade := self.files.experiment.systems[record.name].cascade) is not None:
            notes.append(self._cascade_note(record, cascade))
        calibrate = self.files.experiment.systems[record.name].calibrate
        if calibrate is not None:
            notes.append(f"a label bias is taken out ({calibrate.method})")
        keys = {node.key for node in self.files.manifest.ancestors(record.repetitions[0].answers)}
        for node in self.files.manifest.nodes:
            if node.stage != "split" or node.key not in keys:
                continue
            file = self.files.artefact(node.key).content / SHORTFALLS
            for short in json.loads(file.read_text(encoding="utf-8")):
                notes.append(
                    f"{short['label']} has {short['found']} of {short['wanted']} few-shot examples"
                )
        return notes

    def _cascade_note(self, record: SystemRecord, entry: CascadeEntry) -> str:
        facts = [load_cascade(self.files.artefact(r.answers).content) for r in record.repetitions]
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
        experiment = self.files.experiment
        notes = list(experiment.notes)
        for name, entry in experiment.backends.items():
            if (price := self.prices.per_token(name)) is not None:
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
        prices = self.prices.prices
        machine, label = prices.machine_per_hour, prices.human_label
        said = [
            *([f"${machine:g} an hour of machine time"] if machine is not None else []),
            *([f"${label:g} a human label"] if label is not None else []),
        ]
        notes = []
        if said:
            word = "assumed" if prices.assumed else "declared"
            notes.append(f"{' and '.join(said)} are {word}: {prices.source} ({prices.date}).")
        if label is None and any(
            self.files.gold_budget(record) for record in self.files.manifest.systems
        ):
            notes.append(
                "Human labels (gold budget) have no price, so what a system that saw any costs"
                " once is unknown: declare prices.human_label, 0 where they cost nothing."
            )
        return notes

    def _overlap_notes(self) -> list[str]:
        notes = []
        for overlap in self.files.manifest.overlaps:
            file = self.files.artefact(overlap.key).content / OVERLAPS
            found: Mapping[str, list[object]] = json.loads(file.read_text(encoding="utf-8"))
            counts = {kind: len(pairs) for kind, pairs in found.items() if pairs}
            if counts:
                said = ", ".join(f"{count} {kind}" for kind, count in counts.items())
                notes.append(f"Rows that also stand in the test set ({overlap.rows}): {said}.")
        return notes
