"""The table as CSV: one line per system, every number unrounded."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from harness.costs import Money
from harness.report._escape import escape_csv
from harness.report._figures import UNKNOWN
from harness.report._row import Estimate, Row
from harness.report._table import HeadToHead

__all__ = ["render_csv", "write_csv"]

Cell = str | float | int | bool | None
"""None is "does not apply" and stays empty; what is unknown is the word."""


def render_csv(table: HeadToHead) -> str:
    """All figures of all rows; text cells are made safe for spreadsheets."""
    modes = list(
        dict.fromkeys(m for row in table.rows if row.costs is not None for m in row.costs.per_1000)
    )
    lines = [
        {**_about(row), **_scores(table, row), **_money(row, modes), **_verdict(table, row)}
        for row in table.rows
    ]
    return write_csv(list(lines[0]), (list(line.values()) for line in lines))


def write_csv(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """CSV text with ``\\n`` at line ends; numbers as Python's shortest exact form."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([escape_csv(name) for name in header])
    for row in rows:
        writer.writerow([escape_csv(cell) if isinstance(cell, str) else cell for cell in row])
    return stream.getvalue()


def _about(row: Row) -> dict[str, Cell]:
    return {
        "system": row.system,
        "kind": row.kind,
        "reference": row.reference,
        "rows_gold": row.training_rows.gold,
        "rows_generated": row.training_rows.generated,
        "rows_labelled": row.training_rows.labelled,
        "gold_budget": row.gold_budget,
        "seeds": row.seeds,
        "coverage": row.coverage,
        "unparsed": row.unparsed,
        "direction_flips": row.direction_flips,
    }


def _scores(table: HeadToHead, row: Row) -> dict[str, Cell]:
    gap = row.difference
    cells = {
        **_estimate(table.metric, row.score),
        **_estimate(f"full_{table.metric}", row.full_score),
        "difference": None if gap is None else gap.value,
        "difference_low": None if gap is None else gap.low,
        "difference_high": None if gap is None else gap.high,
        "p_randomisation": None if gap is None else gap.p_randomisation,
        "p_bootstrap": None if gap is None else gap.p_bootstrap,
        "p_holm": None if gap is None else gap.p_holm,
    }
    others = {n: row.diagnostics.get(n) for n in table.definitions if n != table.metric}
    return {**cells, **others}


def _estimate(name: str, estimate: Estimate | None) -> dict[str, Cell]:
    return {
        name: None if estimate is None else estimate.value,
        f"{name}_low": None if estimate is None else estimate.low,
        f"{name}_high": None if estimate is None else estimate.high,
        f"{name}_seed_sd": None if estimate is None else estimate.seed_sd,
        f"{name}_examples": None if estimate is None else estimate.examples,
    }


def _money(row: Row, modes: Sequence[str]) -> dict[str, Cell]:
    costs, even = row.costs, row.break_even
    absent: Cell = None if row.kind == "baseline" else UNKNOWN
    one_off = None if costs is None else costs.one_off
    running = None if costs is None else costs.cheapest
    cells: dict[str, Cell] = {
        "currency": None if one_off is None else one_off.currency,
        "one_off": _amount(one_off, absent),
        "one_off_basis": _basis(one_off, absent),
        "one_off_seconds": absent if costs is None else _or_unknown(costs.one_off_seconds),
        "per_1000": _amount(running, absent),
        "per_1000_basis": _basis(running, absent),
        "per_1000_mode": absent if costs is None else costs.mode or UNKNOWN,
    }
    for mode in modes:
        amount = None if costs is None else costs.per_1000.get(mode, Money.unknown())
        cells[f"per_1000_{mode}"] = _amount(amount, absent)
    cells["seconds_per_1000"] = absent if costs is None else _or_unknown(costs.seconds_per_1000)
    cells["break_even"] = None if even is None else even.kind
    cells["break_even_sentences"] = None if even is None else even.volume
    cells["break_even_low"] = None if even is None else even.low
    cells["break_even_high"] = None if even is None else even.high
    cells["break_even_assumed"] = None if even is None else even.assumed
    return cells


def _verdict(table: HeadToHead, row: Row) -> dict[str, Cell]:
    verdict = table.verdict
    named = verdict is not None and verdict.system == row.system
    return {
        "verdict": verdict.kind if verdict is not None and named else None,
        "verdict_sentence": verdict.sentence if verdict is not None and named else None,
    }


def _amount(amount: Money | None, absent: Cell) -> Cell:
    return absent if amount is None else _or_unknown(amount.amount)


def _basis(amount: Money | None, absent: Cell) -> Cell:
    if amount is None:
        return absent
    if amount.amount is None:
        return UNKNOWN
    return "assumed" if amount.assumed else "known"


def _or_unknown(value: float | None) -> Cell:
    return UNKNOWN if value is None else value
