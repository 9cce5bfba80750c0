"""From a run's artefacts to its table. Reads nothing but the run's folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.costs import (
    ChargedCall,
    ModelPrice,
    Money,
    StageCost,
    SystemCost,
    stage_cost,
    sum_money,
    system_cost,
    total_cost,
)
from harness.errors import ArtefactError, ConfigError, Problem
from harness.metrics import Answers, join
from harness.pipeline import (
    DEMONSTRATIONS,
    OVERLAPS,
    SHORTFALLS,
    TUNED,
    Experiment,
    Manifest,
    NodeRecord,
    RepetitionRecord,
    RunFolder,
    SystemRecord,
    load_examples,
    load_predictions,
    measures_of,
    read_experiment,
    resolved_price,
)
from harness.relations import Example, Schema
from harness.report._build import build_head_to_head
from harness.report._row import TrainingRows
from harness.report._system import SystemResult
from harness.report._table import HeadToHead
from harness.store import Artefact

__all__ = ["report_run", "run_answers"]

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
        self._costs: dict[str, StageCost] = {}

    def table(self, metric: str | None) -> HeadToHead:
        """The whole table."""
        experiment = self.experiment
        full = experiment.data.full_test
        return build_head_to_head(
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

    def answers(self, system: str) -> Answers:
        """A system's answers on the widest test set it answered."""
        for record in self.manifest.systems:
            if record.name == system:
                test = self.manifest.test
                if record.kind != "direct" and self.manifest.full_test is not None:
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
        student = record.kind != "direct"
        full = self.manifest.full_test if student else None
        return SystemResult(
            name=record.name,
            kind=record.kind,
            answers=self._answers(record, self.manifest.test),
            training_rows=self._training_rows(record),
            gold_budget=self._gold_budget(record),
            full_answers=self._answers(record, full) if full is not None else None,
            cost=self._mean_cost(record),
            notes=tuple(self._notes(record)),
        )

    def _sources(self, record: SystemRecord) -> list[NodeRecord]:
        """The stages whose rows the first repetition's student was trained on."""
        answers = self.manifest.node(record.repetitions[0].answers)
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
            counts[_ROWS[node.stage]] += len(ids)
            seen |= ids
        return TrainingRows(**counts)

    def _gold_budget(self, record: SystemRecord) -> int:
        """Human labels that were trained on, shown as demonstrations or used as dev."""
        ids: set[str] = set()
        answers = self.manifest.node(record.repetitions[0].answers)
        behind = [*self.manifest.ancestors(answers.key), answers]
        for node in behind:
            if node.stage in ("generate", "explain", "extract", "label"):
                shown = self._artefact(node.key).content / DEMONSTRATIONS
                if shown.is_file():
                    ids |= set(json.loads(shown.read_text(encoding="utf-8")))
                elif "few_shot" in node.inputs:
                    ids |= {example.id for example in self._examples(node.inputs["few_shot"])}
            elif node.stage in ("train", "tune"):
                ids |= self._trained_on(node)
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
            elif _ROWS.get(source.stage) == "gold":
                ids |= {example.id for example in self._examples(key)}
        return ids

    # -- costs -----------------------------------------------------------------------------

    def _mean_cost(self, record: SystemRecord) -> SystemCost:
        """One repetition's cost: what making and using one such system takes, on average."""
        costs = [self._cost(record, r) for r in record.repetitions]
        share = 1 / len(costs)
        modes = costs[0].per_1000_by_mode
        return SystemCost(
            one_off=sum_money(cost.one_off for cost in costs) * share,
            one_off_seconds=_mean([cost.one_off_seconds for cost in costs]),
            per_1000=sum_money(cost.per_1000 for cost in costs) * share,
            per_1000_by_mode={
                mode: sum_money(cost.per_1000_by_mode[mode] for cost in costs) * share
                for mode in modes
            },
            seconds_per_1000=_mean([cost.seconds_per_1000 for cost in costs]),
            notes=costs[0].notes,
            known_seconds=sum(cost.known_seconds for cost in costs) * share,
        )

    def _cost(self, record: SystemRecord, repetition: RepetitionRecord) -> SystemCost:
        use = self._stage_cost(self.manifest.node(repetition.answers))
        units = measures_of(self._artefact(repetition.answers)).units
        behind = [
            self._stage_cost(node)
            for node in self.manifest.ancestors(repetition.final)
            if node.key != repetition.answers
        ]
        budget = self._gold_budget(record)
        cost = system_cost(
            one_off=total_cost(behind),
            use=use,
            sentences=units,
            labels=self.experiment.prices.label_money(budget),
            seconds=use.machine_seconds,
        )
        return replace(cost, known_seconds=sum(stage.machine_seconds or 0.0 for stage in behind))

    def _stage_cost(self, node: NodeRecord) -> StageCost:
        """What a stage cost; time spent waiting for a priced service is not charged again."""
        if node.key in self._costs:
            return self._costs[node.key]
        artefact = self._artefact(node.key)
        measures = measures_of(artefact)
        prices = self.experiment.prices
        price: ModelPrice | None = None
        seconds = measures.seconds
        charged = None if seconds is None else seconds * measures.share
        backend = node.backend or measures.backend  # the artefact's own name is its maker's
        local = backend is not None and self.experiment.backends[backend].price == "machine"
        if backend is not None and not local:
            price, charged = self._price(backend), 0.0
        here = artefact.about.notes["run"] == self.manifest.run
        cost = stage_cost(
            node.key,
            calls=[ChargedCall(c.usage, c.paid and here) for c in measures.charges],
            price=price,
            prefix_tokens=measures.prefix_tokens,
            machine_seconds=charged,
            prices=prices,
        )
        cost = replace(cost, machine_seconds=measures.seconds)
        if local:  # whatever its tokens, counted or not
            free = Money.zero()
            cost = replace(cost, money=free, money_paid_now=free, money_by_mode={"list": free})
        self._costs[node.key] = cost
        return cost

    def _price(self, backend: str) -> ModelPrice | None:
        """The file's price, or that of the snapshot on the day of the run."""
        entry = self.experiment.backends[backend]
        if entry.price == "snapshot" and backend in self.manifest.prices:
            return self.manifest.prices[backend]
        return resolved_price(entry)

    # -- words under the table -------------------------------------------------------------

    def _train_labels(self) -> Sequence[str]:
        """Labels of the human-labelled rows that some system saw."""
        keys = dict.fromkeys(node.key for node in self.manifest.nodes if node.stage == "split")
        for record in self.manifest.systems:
            for source in self._sources(record):
                if _ROWS[source.stage] == "gold":
                    keys[source.key] = None
        rows = {example.id: example for key in keys for example in self._examples(key)}
        return [example.relation or "" for example in rows.values()]

    def _notes(self, record: SystemRecord) -> list[str]:
        notes = []
        if (part := self._asked(record)) is not None:
            asked, all_ = len(self._examples(part)), len(self._examples(self.manifest.test))
            notes.append(f"answers {asked} of the {all_} test sentences")
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

    def _assumptions(self) -> list[str]:
        experiment = self.experiment
        notes = list(experiment.notes)
        for name, entry in experiment.backends.items():
            if (price := self._price(name)) is not None:
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


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None
