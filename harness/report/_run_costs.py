"""What a run's systems cost, from the measures beside its artefacts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from harness.costs import (
    ChargedCall,
    ModelPrice,
    Money,
    StageCost,
    SystemCost,
    stage_cost,
    sum_money,
    system_cost,
    token_counter,
    total_cost,
)
from harness.pipeline import (
    DEFAULT_TOKENIZER,
    Charge,
    Experiment,
    Manifest,
    Measures,
    NodeRecord,
    RepetitionRecord,
    SystemRecord,
    load_cascade,
    measures_of,
    resolved_price,
)
from harness.relations import Markers
from harness.report._answer_parts import charges_up_to
from harness.report._cascade import cascade_cost
from harness.report._source_chain import rows_used
from harness.store import Artefact

__all__ = ["RunCosts"]


class RunCosts:
    """Works out costs of a run's systems.

    Args:
        manifest: The run's manifest.
        experiment: Its experiment, with the prices.
        markers: The markers of its schema, which samples were written with.
        artefact: Gives the artefact of a stage by its key.
        gold_budget: Gives the human labels that a system saw.
    """

    def __init__(
        self,
        manifest: Manifest,
        experiment: Experiment,
        markers: Markers,
        artefact: Callable[[str], Artefact],
        gold_budget: Callable[[SystemRecord], int],
    ) -> None:
        self.manifest = manifest
        self.experiment = experiment
        self._markers = markers
        self._artefact = artefact
        self._gold_budget = gold_budget
        self._costs: dict[str, StageCost] = {}

    def of(self, record: SystemRecord) -> SystemCost:
        """One repetition's cost: what making and using one such system takes, on average."""
        if record.kind == "cascade":
            return self._cascade_cost(record)
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
        use = self.stage_cost(self.manifest.node(repetition.answers))
        units = measures_of(self._artefact(repetition.answers)).units
        used = self.rows_used(repetition)
        behind = [
            self.stage_cost(node, used.get(node.key))
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

    def _cascade_cost(self, record: SystemRecord) -> SystemCost:
        """Its parts' costs by its share, and what it took to choose the threshold."""
        entry = self.experiment.systems[record.name].cascade
        assert entry is not None  # its kind says so
        parts = {r.name: r for r in self.manifest.systems}
        student, direct = parts[entry.student], parts[entry.direct]
        labels = self._gold_budget(record) - self._gold_budget(student)
        extra = self.experiment.prices.label_money(labels)
        seconds: list[float | None] = []
        for repetition in record.repetitions:
            node = self.manifest.node(repetition.answers)
            keys = [key for name, key in node.inputs.items() if name.startswith("dev_")]
            spent = total_cost(self.stage_cost(self.manifest.node(key)) for key in keys)
            extra += (spent.money + spent.machine_money) / len(record.repetitions)
            seconds.append(spent.machine_seconds)
        return cascade_cost(
            self.of(student),
            self.of(direct),
            self.share(record),
            extra=extra,
            extra_seconds=_mean(seconds),
        )

    def share(self, record: SystemRecord) -> float:
        """The part of the test set that a cascade's direct system answered, over its seeds."""
        facts = [load_cascade(self._artefact(r.answers).content) for r in record.repetitions]
        return sum(float(found["share"]) for found in facts) / len(facts)

    def rows_used(self, repetition: RepetitionRecord) -> dict[str, frozenset[str]]:
        """The rows that count for a writer's cost, where a gate cuts its answers short."""
        answers = self.manifest.node(repetition.answers)
        if "model" not in answers.inputs:
            return {}
        train = self.manifest.node(answers.inputs["model"])
        keys = [key for name, key in train.inputs.items() if name.startswith("source")]
        sources = [self.manifest.node(key) for key in keys]
        return rows_used(self.manifest, sources, lambda key: self._artefact(key).content)

    def stage_cost(self, node: NodeRecord, used: frozenset[str] | None = None) -> StageCost:
        """What a stage cost; time spent waiting for a priced service is not charged again.

        Of a generator's answers only the part up to the last row ``used`` counts, where given.
        """
        if used is None and node.key in self._costs:
            return self._costs[node.key]
        artefact = self._artefact(node.key)
        measures = measures_of(artefact)
        if used is not None:
            measures = replace(measures, charges=self._up_to(node, artefact, measures, used))
        prices = self.experiment.prices
        price: ModelPrice | None = None
        seconds = measures.seconds
        charged = None if seconds is None else seconds * measures.share
        backend = node.backend or measures.backend  # the artefact's own name is its maker's
        local = backend is not None and self.experiment.backends[backend].price == "machine"
        if backend is not None and not local:
            price, charged = self.price(backend), 0.0
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
        if used is None:
            self._costs[node.key] = cost
        return cost

    def _up_to(
        self, node: NodeRecord, artefact: Artefact, measures: Measures, used: frozenset[str]
    ) -> tuple[Charge, ...]:
        entry = self.experiment.backends[node.backend or measures.backend or ""]
        return charges_up_to(
            measures.charges,
            content=artefact.content,
            used=used,
            markers=self._markers,
            counter=token_counter(entry.tokenizer or DEFAULT_TOKENIZER),
        )

    def price(self, backend: str) -> ModelPrice | None:
        """The file's price, or that of the snapshot on the day of the run."""
        entry = self.experiment.backends[backend]
        if entry.price == "snapshot" and backend in self.manifest.prices:
            return self.manifest.prices[backend]
        return resolved_price(entry)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None
