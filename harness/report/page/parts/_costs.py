"""What was paid, what it costs from scratch, and what it would cost at other prices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.costs import COST_MODES, TOKEN_PRICES, ModelPrice, Quantities
from harness.report._figures import count, seconds
from harness.report.page._blocks import Block, Cell, Column, Fold, Grid, Note, Widget
from harness.report.page._cells import money_cell
from harness.report.page._evidence import Evidence
from harness.report.page._section import Section

__all__ = ["SECTION"]


def _blocks(evidence: Evidence) -> Sequence[Block]:
    blocks: list[Block] = [_ledger(evidence), *_modes(evidence)]
    if data := _prices(evidence):
        blocks.append(Widget("prices", data))
        blocks.append(
            Note(
                "For other prices with intervals and a new verdict: calldistil reprice"
                f" {evidence.folder} prices.yaml",
                "small",
            )
        )
    return blocks


def _ledger(evidence: Evidence) -> Block:
    costs, manifest = evidence.reader.costs, evidence.manifest
    ledger = costs.ledger()
    columns = (
        Column("stage", numeric=False),
        Column("calls"),
        Column("answered before"),
        Column("tokens in"),
        Column("tokens out"),
        Column("paid now", note="by this run, for calls"),
        Column("calls from scratch"),
        Column("machine time"),
        Column("machine cost"),
    )
    rows = []
    for stage in (*ledger.stages, ledger.total()):
        total = stage.stage == "total"
        title = "in all, each stage once" if total else manifest.node(stage.stage).title
        tokens = stage.tokens
        rows.append(
            (
                Cell(title, title, tone="strong"),
                Cell(count(stage.calls) if stage.calls else "-", stage.calls),
                Cell(count(stage.hits) if stage.calls else "-", stage.hits),
                *(
                    Cell(count(n) if stage.calls else "-", n)
                    for n in (tokens.input_tokens, tokens.output_tokens)
                ),
                money_cell(stage.money_paid_now) if stage.calls else Cell("-", 0.0),
                money_cell(stage.money) if stage.calls else Cell("-", 0.0),
                Cell(seconds(stage.machine_seconds), stage.machine_seconds),
                money_cell(stage.machine_money),
            )
        )
    grid = Grid("ledger", columns, tuple(rows), strong=(len(rows) - 1,))
    return Fold("The ledger: every stage, paid now and from scratch", (grid,))


def _modes(evidence: Evidence) -> list[Block]:
    rows = [row for row in evidence.table.rows if row.costs is not None]
    if not rows:
        return []
    columns = (
        Column("system", numeric=False),
        Column("one-off"),
        *(Column(f"per 1,000, {mode.replace('_', ' ')}") for mode in COST_MODES),
        Column("cheapest honest", numeric=False),
    )
    cells = []
    for row in rows:
        costs = row.costs
        assert costs is not None  # chosen above
        cells.append(
            (
                Cell(row.system, row.system, tone="strong"),
                money_cell(costs.one_off),
                *(
                    money_cell(costs.per_1000[mode]) if mode in costs.per_1000 else Cell("-")
                    for mode in COST_MODES
                ),
                Cell((costs.mode or "unknown").replace("_", " ")),
            )
        )
    return [Grid("costs", columns, tuple(cells), "From scratch, at the prices of this report.")]


def _prices(evidence: Evidence) -> dict[str, Any] | None:
    """Quantities of every system, and the prices now, for the script that multiplies them."""
    costs, in_force = evidence.reader.costs, evidence.reader.prices
    systems = []
    for row in evidence.table.rows:
        if row.kind == "baseline":
            continue
        use = costs.use(evidence.record(row.system))
        systems.append(
            {
                "name": row.system,
                "reference": row.reference,
                "once": _taken(use.one_off),
                "each": {mode: _taken(use.running.get(mode)) for mode in COST_MODES},
            }
        )
    backends = {
        name: _price(price) if isinstance(price, ModelPrice) else None
        for name, price in in_force.backends.items()
        if price != "machine"
    }
    return {
        "systems": systems,
        "classes": list(TOKEN_PRICES),
        "backends": backends,
        "machine_per_hour": in_force.prices.machine_per_hour,
        "human_label": in_force.prices.human_label,
        "volume": evidence.table.volume,
    }


def _price(price: ModelPrice) -> dict[str, float | None]:
    return {name: getattr(price, name) for name in (*TOKEN_PRICES, "batch_discount")}


def _taken(quantities: Quantities | None) -> dict[str, Any] | None:
    if quantities is None:
        return None
    return {
        "tokens": {name: list(counts) for name, counts in quantities.tokens.items()},
        "seconds": quantities.machine_seconds,
        "labels": quantities.labels,
    }


SECTION = Section("Costs", 150, _blocks, "Costs")
