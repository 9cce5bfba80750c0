"""All that the sections of a page may draw on: one run, read and scored once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from harness.metrics import Comparison, Metric, compare
from harness.pipeline import Experiment, Manifest, SystemRecord
from harness.relations import Example, Prediction, Schema
from harness.report._price_list import PriceList
from harness.report._row import Row
from harness.report._run import RunReader
from harness.report._system import SystemResult
from harness.report._table import HeadToHead

__all__ = ["Evidence"]

_RESAMPLES = 2000  # behind intervals of parts, of which there are many


class Evidence:
    """A run as its page shows it.

    Attributes:
        reader: The run's artefacts and costs.
        table: The head-to-head table, whose figures the page shows.
        folder: The run's folder as it was named.
    """

    def __init__(
        self, folder: Path, *, metric: str | None = None, prices: PriceList | None = None
    ) -> None:
        self.folder = folder
        self.reader = RunReader(folder, prices)
        self.table: HeadToHead = self.reader.table(metric)
        self.repriced = prices is not None
        self._confidences: dict[str, dict[str, float]] = {}

    @property
    def experiment(self) -> Experiment:
        """The experiment."""
        return self.reader.files.experiment

    @property
    def manifest(self) -> Manifest:
        """What the run was made from."""
        return self.reader.files.manifest

    @property
    def schema(self) -> Schema:
        """The task's schema."""
        return self.reader.files.schema

    @property
    def resamples(self) -> int:
        """Resamples behind the interval of a part of the test set or of one relation."""
        return min(self.table.resamples, _RESAMPLES)

    @cached_property
    def systems(self) -> dict[str, SystemResult]:
        """Answers and costs by name; those with all test examples, and those with a part."""
        return {system.name: system for system in self.reader.systems()}

    @cached_property
    def whole(self) -> dict[str, SystemResult]:
        """The systems that answered the whole test set."""
        n = len(self.examples)
        return {name: s for name, s in self.systems.items() if len(s.answers) == n}

    @property
    def reference(self) -> SystemResult:
        """The reference."""
        return self.systems[self.table.reference]

    @property
    def student(self) -> SystemResult | None:
        """The student that the verdict speaks of."""
        verdict = self.table.verdict
        return None if verdict is None else self.systems[verdict.system]

    @cached_property
    def examples(self) -> tuple[Example, ...]:
        """The test set of the head-to-head."""
        return self.reader.files.examples(self.manifest.test)

    def row(self, system: str) -> Row:
        """A system's row of the table."""
        return self.table.row(system)

    def record(self, system: str) -> SystemRecord:
        """Where a system's stages are."""
        return next(record for record in self.manifest.systems if record.name == system)

    def component(self, system: str) -> str:
        """The extractor or the student that a system is made with."""
        entry = self.experiment.systems[system]
        return entry.extractor or entry.student or ""

    def training(self, system: str) -> Iterator[Example]:
        """The rows that a student was trained on, in its first repetition."""
        files = self.reader.files
        for node in files.sources(self.record(system)):
            yield from files.examples(node.key)

    @cached_property
    def labelled_rows(self) -> tuple[Example, ...]:
        """Labelled sentences outside the test set: human ones where the run read any."""
        files, nodes = self.reader.files, self.manifest.nodes
        pools = {n.inputs["pool"] for n in nodes if n.stage == "split"}
        human = [e for key in pools for e in files.examples(key)]
        rows = human or [
            e for r in self.manifest.systems if r.kind != "direct" for e in self.training(r.name)
        ]
        return tuple({e.id: e for e in rows if e.relation is not None}.values())

    def predictions(self, system: str) -> dict[str, Prediction]:
        """A system's answers by example id, in its first repetition."""
        key = self.record(system).repetitions[0].final
        return {p.example_id: p for p in self.reader.files.predictions(key)}

    def confidences(self, system: str) -> dict[str, float]:
        """How sure a system was of each answer, in its first repetition, where it says so."""
        if system not in self._confidences:
            key = self.record(system).repetitions[0].final
            self._confidences[system] = self.reader.files.confidences(key)
        return self._confidences[system]

    def compared(
        self, system: str, other: str, metric: str | Metric | None = None,
        ids: tuple[str, ...] | None = None,
    ) -> Comparison:  # fmt: skip
        """A paired comparison of two systems, on part of the examples if ``ids`` are given."""
        sides = [self.systems[name].answers for name in (system, other)]
        if ids is not None:
            sides = [answers.subset(ids) for answers in sides]
        return compare(
            sides[0],
            sides[1],
            metric or self.table.metric,
            resamples=self.resamples,
            seed=self.table.seed,
        )
