"""What each system of a run costs, at the prices in force: money, quantities, draws, latency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from harness.costs import (
    COST_MODES,
    TOKEN_PRICES,
    ChargedCall,
    CostDraws,
    CostMode,
    Ledger,
    ModelPrice,
    Money,
    PriceDraws,
    Quantities,
    RunningUse,
    StageCost,
    SystemCost,
    priced_tokens,
    stage_cost,
    sum_money,
    system_cost,
    token_counter,
    total_cost,
    with_cached_prefix,
)
from harness.pipeline import (
    DEFAULT_TOKENIZER,
    NodeRecord,
    RepetitionRecord,
    SystemRecord,
    measures_of,
    read_jsonl,
)
from harness.pipeline.stages import Measures
from harness.report._answer_parts import charges_up_to
from harness.report._cascade_costs import CascadeCosts, SystemUse, mean_seconds
from harness.report._price_list import PricesInForce
from harness.report._row import Latency
from harness.report._run_artefacts import RunArtefacts
from harness.report._source_chain import rows_used

__all__ = ["RunCosts"]

_CALLS = "calls.jsonl"


class RunCosts:
    """Works out costs from a run's ledgers."""

    def __init__(self, files: RunArtefacts, prices: PricesInForce) -> None:
        self.files, self.prices = files, prices
        self._stages: dict[str, StageCost] = {}
        self._measures: dict[str, Measures] = {}
        self._by_item: dict[str, dict[str, list[str]]] = {}

    def system(self, record: SystemRecord) -> SystemCost:
        """One repetition's cost: what making and using one such system takes, on average."""
        if record.kind == "cascade":
            return CascadeCosts(self).cost(record)
        costs = [self._one(record, r) for r in record.repetitions]
        share = 1 / len(costs)
        modes = costs[0].per_1000_by_mode
        return SystemCost(
            one_off=sum_money(cost.one_off for cost in costs) * share,
            one_off_seconds=mean_seconds([cost.one_off_seconds for cost in costs]),
            per_1000=sum_money(cost.per_1000 for cost in costs) * share,
            per_1000_by_mode={
                mode: sum_money(cost.per_1000_by_mode[mode] for cost in costs) * share
                for mode in modes
            },
            seconds_per_1000=mean_seconds([cost.seconds_per_1000 for cost in costs]),
            notes=costs[0].notes,
            known_seconds=sum(cost.known_seconds for cost in costs) * share,
        )

    def share(self, record: SystemRecord) -> float:
        """The part of the test set that a cascade's direct system answered, over its seeds."""
        return CascadeCosts(self).share(record)

    def ledger(self) -> Ledger:
        """Every stage of the run that a system stands on, each once, under its title and key."""
        keys = {
            node.key: node
            for record in self.files.manifest.systems
            for r in record.repetitions
            for node in (
                *self.files.manifest.ancestors(r.final),
                self.files.manifest.node(r.final),
            )
        }
        return Ledger(tuple(self.stage(node) for node in keys.values()))

    def stage(self, node: NodeRecord, used: frozenset[str] | None = None) -> StageCost:
        """What a stage cost; time spent waiting for a priced service is not charged again.

        Of a generator's answers only the part up to the last row ``used`` counts, where given.
        """
        if used is None and node.key in self._stages:
            return self._stages[node.key]
        measures = self.measures(node.key, used)
        backend = node.backend or measures.backend  # the artefact's own name is its maker's
        local = self.prices.is_local(backend)
        price: ModelPrice | None = None
        if backend is not None and not local:
            price = self.prices.per_token(backend)
        here = self.files.artefact(node.key).about.notes["run"] == self.files.manifest.run
        cost = stage_cost(
            node.key,
            calls=[ChargedCall(c.usage, c.paid and here) for c in measures.charges],
            price=price,
            prefix_tokens=measures.prefix_tokens,
            machine_seconds=self._charged_seconds(node),
            prices=self.prices.prices,
        )
        cost = replace(cost, machine_seconds=measures.seconds)
        if local:  # whatever its tokens, counted or not
            free = Money.zero()
            cost = replace(cost, money=free, money_paid_now=free, money_by_mode={"list": free})
        if used is None:
            self._stages[node.key] = cost
        return cost

    def measures(self, key: str, used: frozenset[str] | None = None) -> Measures:
        """What a stage used, or would have used for the rows ``used`` alone."""
        if key not in self._measures:
            self._measures[key] = measures_of(self.files.artefact(key))
        whole = self._measures[key]
        if used is None:
            return whole
        node = self.files.manifest.node(key)
        entry = self.files.experiment.backends[node.backend or whole.backend or ""]
        charges = charges_up_to(
            whole.charges,
            content=self.files.artefact(key).content,
            used=used,
            markers=self.files.schema.markers,
            counter=token_counter(entry.tokenizer or DEFAULT_TOKENIZER),
        )
        return replace(whole, charges=charges)

    def latency(self, record: SystemRecord) -> Latency | None:
        """How long a sentence's calls took one after another, where all of them are timed."""
        seconds: list[float] = []
        for r in record.repetitions:
            taken = {c.key: c.latency_s for c in self.measures(r.answers).charges}
            for calls in self._items(r.answers).values():
                parts = [taken.get(call) for call in calls]
                if not parts or any(part is None for part in parts):
                    return None
                seconds.append(sum(part for part in parts if part is not None))
        if not seconds:
            return None
        p50, p95 = (float(q) for q in np.quantile(seconds, [0.5, 0.95]))
        return Latency(p50, p95, len(seconds))

    def use(self, record: SystemRecord) -> SystemUse:
        """What a system takes before any price, for counting with other prices."""
        if record.kind == "cascade":
            return CascadeCosts(self).use(record)
        one_off = self._one_off(record)
        running: dict[CostMode, Quantities | None] = {}
        for mode in COST_MODES:
            used = self._running(record, mode)
            running[mode] = None
            if used is not None:
                running[mode] = Quantities(
                    {
                        b: tuple(map(float, counts.mean(axis=0)))
                        for b, counts in used.tokens.items()
                    },
                    None if used.seconds is None else sum(used.seconds) / len(used.seconds),
                )
        return SystemUse(one_off, running)

    def draws(self, record: SystemRecord, *, seed: int = 0) -> CostDraws | None:
        """Draws of a system's cost; None where its tokens are not known."""
        if record.kind == "cascade":
            return CascadeCosts(self).draws(record, seed)
        one_off = self._one_off(record)
        if one_off is None:
            return None
        modes: dict[CostMode, RunningUse] = {
            mode: used for mode in COST_MODES if (used := self._running(record, mode)) is not None
        }
        return CostDraws.of(one_off, modes, self.price_draws(seed))

    def price_draws(self, seed: int) -> PriceDraws:
        """Draws of the prices in force."""
        models = {name: self.prices.per_token(name) for name in self.prices.backends}
        return PriceDraws(models, self.prices.prices, seed=seed)

    # -- parts -----------------------------------------------------------------------------

    def _behind(self, repetition: RepetitionRecord) -> list[NodeRecord]:
        """The stages before the first sentence: all but the one that answers."""
        behind = self.files.manifest.ancestors(repetition.final)
        return [node for node in behind if node.key != repetition.answers]

    def _rows_used(self, repetition: RepetitionRecord) -> dict[str, frozenset[str]]:
        """The rows that count for a writer's cost, where a gate cuts its answers short."""
        manifest = self.files.manifest
        answers = manifest.node(repetition.answers)
        if "model" not in answers.inputs:
            return {}
        train = manifest.node(answers.inputs["model"])
        keys = [key for name, key in train.inputs.items() if name.startswith("source")]
        sources = [manifest.node(key) for key in keys]
        return rows_used(manifest, sources, lambda key: self.files.artefact(key).content)

    def _one(self, record: SystemRecord, repetition: RepetitionRecord) -> SystemCost:
        use = self.stage(self.files.manifest.node(repetition.answers))
        used = self._rows_used(repetition)
        behind = [self.stage(node, used.get(node.key)) for node in self._behind(repetition)]
        cost = system_cost(
            one_off=total_cost(behind),
            use=use,
            sentences=self.measures(repetition.answers).units,
            labels=self.prices.prices.label_money(self.files.gold_budget(record)),
            seconds=use.machine_seconds,
        )
        return replace(cost, known_seconds=sum(stage.machine_seconds or 0.0 for stage in behind))

    def _charged_seconds(self, node: NodeRecord) -> float | None:
        """Seconds of the whole machine that a stage is charged for."""
        measures = self.measures(node.key)
        backend = node.backend or measures.backend
        if backend is not None and not self.prices.is_local(backend):
            return 0.0
        return None if measures.seconds is None else measures.seconds * measures.share

    def _tokens_of(self, node: NodeRecord, mode: CostMode) -> NDArray[np.float64] | None:
        """Tokens of each call of a stage, by price; None where one is not known."""
        measures = self.measures(node.key)
        usages = [charge.usage for charge in measures.charges]
        price = self.prices.per_token(node.backend or measures.backend or "")
        prefix = measures.prefix_tokens
        if mode == "cached_prefix" and price is not None and prefix >= price.cache_min_tokens:
            usages = [with_cached_prefix(u, prefix, first=i == 0) for i, u in enumerate(usages)]
        return priced_tokens(usages, mode)

    def _one_off(self, record: SystemRecord) -> Quantities | None:
        total = Quantities(labels=self.files.gold_budget(record))
        for r in record.repetitions:
            used = self._rows_used(r)
            for node in self._behind(r):
                taken = self.taken(node, used.get(node.key))
                if taken is None:
                    return None
                total += taken * (1 / len(record.repetitions))
        return total

    def taken(self, node: NodeRecord, used: frozenset[str] | None = None) -> Quantities | None:
        """What a stage took; None where a call's tokens are not known."""
        tokens: dict[str, tuple[float, ...]] = {}
        measures = self.measures(node.key, used)
        backend = node.backend or measures.backend
        if backend is not None and not self.prices.is_local(backend):
            counts = priced_tokens([c.usage for c in measures.charges], "cached_prefix")
            if counts is None:
                return None
            tokens[backend] = tuple(map(float, counts.sum(axis=0)))
        return Quantities(tokens, self._charged_seconds(node))

    def _running(self, record: SystemRecord, mode: CostMode) -> RunningUse | None:
        tokens: dict[str, list[NDArray[np.float64]]] = {}
        seconds: list[float] | None = []
        groups: list[str] = []
        for r in record.repetitions:
            node = self.files.manifest.node(r.answers)
            measures = self.measures(r.answers)
            charged = self._charged_seconds(node)
            if charged is None or seconds is None:
                seconds = None
            else:
                seconds.append(charged / max(measures.units, 1))
            backend = node.backend or measures.backend
            if backend is None or self.prices.is_local(backend):
                continue
            counts = self._tokens_of(node, mode)
            if counts is None:
                return None
            items = self._items(r.answers)
            place = {charge.key: at for at, charge in enumerate(measures.charges)}
            if items:
                tokens.setdefault(backend, []).append(_of_sentences(counts, items, place))
                groups += self._groups(node, items)
            else:  # which call was whose is not known: their mean, without a spread
                mean = counts.sum(axis=0, keepdims=True) / max(measures.units, 1)
                tokens.setdefault(backend, []).append(mean)
                groups.append(r.answers)
        if self.prices.is_local(self._backend(record)) and mode != "list":
            return None
        return RunningUse(
            {backend: np.concatenate(parts) for backend, parts in tokens.items()},
            None if seconds is None else tuple(seconds),
            np.array(groups) if tokens and len(tokens) == 1 else None,
        )

    def _backend(self, record: SystemRecord) -> str | None:
        node = self.files.manifest.node(record.repetitions[0].answers)
        return node.backend or self.measures(node.key).backend

    def _items(self, key: str) -> dict[str, list[str]]:
        """Calls of each sentence."""
        if key not in self._by_item:
            file = self.files.artefact(key).content / _CALLS
            rows = read_jsonl(file) if file.is_file() else ()
            self._by_item[key] = {row["item"]: list(row["calls"]) for row in rows}
        return self._by_item[key]

    def _groups(self, node: NodeRecord, items: Mapping[str, object]) -> list[str]:
        found = {e.id: e.group_key for e in self.files.examples(node.inputs["examples"])}
        return [found.get(item, item) for item in items]


def _of_sentences(
    counts: NDArray[np.float64], items: Mapping[str, Sequence[str]], place: Mapping[str, int]
) -> NDArray[np.float64]:
    """Tokens of each sentence; a call that several share is divided among them."""
    users = np.zeros(len(counts))
    for calls in items.values():
        for call in dict.fromkeys(calls):
            users[place[call]] += 1
    rows = np.zeros((len(items), len(TOKEN_PRICES)))
    for at, calls in enumerate(items.values()):
        for call in dict.fromkeys(calls):
            rows[at] += counts[place[call]] / users[place[call]]
    return rows
