"""What a cascade costs, from what its two systems cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.costs import COST_MODES, CostDraws, CostMode, Quantities, SystemCost, total_cost
from harness.pipeline import NodeRecord, SystemRecord, load_cascade
from harness.report._cascade import cascade_cost

if TYPE_CHECKING:
    from harness.report._run_costs import RunCosts

__all__ = ["CascadeCosts", "SystemUse", "mean_seconds"]


@dataclass(frozen=True, slots=True)
class SystemUse:
    """What a system takes, once and for each sentence, before any price.

    Attributes:
        one_off: Before the first sentence, the mean over repetitions; None where tokens are
            not known.
        running: For one sentence by mode, the mean over the sentences measured.
    """

    one_off: Quantities | None
    running: Mapping[CostMode, Quantities | None]


@dataclass(frozen=True, slots=True)
class CascadeParts:
    """What a cascade is made of.

    Attributes:
        student: Answers first.
        direct: Answers the rest.
        labels: Human labels that it saw beyond those of its student.
        chosen: Stages that answered the development set, of each repetition.
    """

    student: SystemRecord
    direct: SystemRecord
    labels: int
    chosen: tuple[tuple[NodeRecord, ...], ...]


class CascadeCosts:
    """Works out costs of cascades.

    Attributes:
        costs: Those of the run's other systems.
    """

    def __init__(self, costs: RunCosts) -> None:
        self.costs = costs

    def share(self, record: SystemRecord) -> float:
        """The part of the test set that the direct system answered, over its seeds."""
        files = self.costs.files
        facts = [load_cascade(files.artefact(r.answers).content) for r in record.repetitions]
        return sum(float(found["share"]) for found in facts) / len(facts)

    def _parts(self, record: SystemRecord) -> CascadeParts:
        """A cascade's two systems, and what it took once to choose the threshold."""
        entry = self.costs.files.experiment.systems[record.name].cascade
        assert entry is not None  # its kind says so
        records = {r.name: r for r in self.costs.files.manifest.systems}
        student, direct = records[entry.student], records[entry.direct]
        labels = self.costs.files.gold_budget(record) - self.costs.files.gold_budget(student)
        chosen = []
        for r in record.repetitions:
            inputs = self.costs.files.manifest.node(r.answers).inputs
            chosen.append([self.costs.files.manifest.node(key) for name, key in inputs.items()
                           if name.startswith("dev_")])  # fmt: skip
        return CascadeParts(student, direct, labels, tuple(map(tuple, chosen)))

    def cost(self, record: SystemRecord) -> SystemCost:
        """Its parts' costs by its share, and what it took to choose the threshold."""
        parts = self._parts(record)
        extra = self.costs.prices.prices.label_money(parts.labels)
        seconds: list[float | None] = []
        for nodes in parts.chosen:
            spent = total_cost(self.costs.stage(node) for node in nodes)
            extra += (spent.money + spent.machine_money) / len(parts.chosen)
            seconds.append(spent.machine_seconds)
        return cascade_cost(
            self.costs.system(parts.student),
            self.costs.system(parts.direct),
            self.share(record),
            extra=extra,
            extra_seconds=mean_seconds(seconds),
        )

    def use(self, record: SystemRecord) -> SystemUse:
        """What it takes before any price."""
        parts, share = self._parts(record), self.share(record)
        mine, theirs = self.costs.use(parts.student), self.costs.use(parts.direct)
        extra = self._extra(parts)
        once = None
        if mine.one_off is not None and theirs.one_off is not None and extra is not None:
            once = mine.one_off + theirs.one_off + extra
        running: dict[CostMode, Quantities | None] = {}
        for mode in COST_MODES:
            first, second = mine.running[mode], theirs.running[mode]
            running[mode] = None
            if first is not None and second is not None:
                running[mode] = first + second * share
        return SystemUse(once, running)

    def draws(self, record: SystemRecord, seed: int) -> CostDraws | None:
        """The sum of its parts' draws; the share is that of resampled sentences."""
        parts, share = self._parts(record), self.share(record)
        mine, theirs = (
            self.costs.draws(parts.student, seed=seed),
            self.costs.draws(parts.direct, seed=seed),
        )
        extra = self._extra(parts)
        if mine is None or theirs is None or extra is None:
            return None
        prices = self.costs.price_draws(seed)
        spent = CostDraws.of(extra, {}, prices).one_off
        once = None
        if mine.one_off is not None and theirs.one_off is not None and spent is not None:
            once = mine.one_off + theirs.one_off + spent
        asked = len(self.costs.files.examples(self.costs.files.manifest.test))
        shares = np.random.default_rng([seed, 2]).binomial(asked, share, prices.draws) / asked
        running = {
            mode: mine.per_sentence[mode] + theirs.per_sentence[mode] * shares
            for mode in theirs.per_sentence
            if mode in mine.per_sentence
        }
        return CostDraws(once, running)

    def _extra(self, parts: CascadeParts) -> Quantities | None:
        total = Quantities(labels=parts.labels)
        for nodes in parts.chosen:
            for node in nodes:
                taken = self.costs.taken(node)
                if taken is None:
                    return None
                total += taken * (1 / len(parts.chosen))
        return total


def mean_seconds(values: Sequence[float | None]) -> float | None:
    """The mean; None where one is not known."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None
