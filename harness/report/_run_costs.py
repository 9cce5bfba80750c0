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
    total_cost,
)
from harness.pipeline import (
    Experiment,
    Manifest,
    NodeRecord,
    RepetitionRecord,
    SystemRecord,
    load_cascade,
    measures_of,
    resolved_price,
)
from harness.report._cascade import cascade_cost
from harness.store import Artefact

__all__ = ["RunCosts"]


class RunCosts:
    """Works out costs of a run's systems.

    Args:
        manifest: The run's manifest.
        experiment: Its experiment, with the prices.
        artefact: Gives the artefact of a stage by its key.
        gold_budget: Gives the human labels that a system saw.
    """

    def __init__(
        self,
        manifest: Manifest,
        experiment: Experiment,
        artefact: Callable[[str], Artefact],
        gold_budget: Callable[[SystemRecord], int],
    ) -> None:
        self.manifest = manifest
        self.experiment = experiment
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
            spent = total_cost(self._stage_cost(self.manifest.node(key)) for key in keys)
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
        self._costs[node.key] = cost
        return cost

    def price(self, backend: str) -> ModelPrice | None:
        """The file's price, or that of the snapshot on the day of the run."""
        entry = self.experiment.backends[backend]
        if entry.price == "snapshot" and backend in self.manifest.prices:
            return self.manifest.prices[backend]
        return resolved_price(entry)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None
