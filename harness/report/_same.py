"""Whether two results say the same, whatever they measured by the clock."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from harness.costs import BreakEven, Money
from harness.report._cascade import CascadeCurve
from harness.report._row import Costs, Row
from harness.report._table import HeadToHead

__all__ = ["same_results"]


def same_results(a: HeadToHead, b: HeadToHead, *, tolerance: float = 0.0) -> list[str]:
    """What differs between two tables, one line each; empty where they say the same.

    Left out is what a clock measured: seconds, and what is derived from them. Local compute is
    priced by the hour, so money and break-even volumes count only as known or unknown, and
    the verdict only by its kind, student and quality.

    Args:
        a: One table, such as that of a run that was never stopped.
        b: Another, such as that of a run that was resumed.
        tolerance: How far two scores may lie apart, in points.
    """
    return list(_differences(_timeless(a), _timeless(b), "", tolerance))


def _timeless(table: HeadToHead) -> HeadToHead:
    rows = tuple(_timeless_row(row) for row in table.rows)
    verdict = table.verdict
    if verdict is not None:
        verdict = replace(verdict, sentence="", cost="unknown" if verdict.cost == "unknown"
                          else "pays")  # fmt: skip
    cascades = tuple(_timeless_curve(curve) for curve in table.cascades)
    return replace(table, rows=rows, verdict=verdict, cascades=cascades)


def _timeless_curve(curve: CascadeCurve) -> CascadeCurve:
    points = tuple(
        replace(point, per_1000={mode: _known(money) for mode, money in point.per_1000.items()})
        for point in curve.points
    )
    return replace(curve, one_off=_known(curve.one_off), points=points)


def _timeless_row(row: Row) -> Row:
    costs = row.costs
    if costs is not None:
        costs = Costs(
            one_off=_known(costs.one_off),
            one_off_seconds=None if costs.one_off_seconds is None else 0.0,
            per_1000={mode: _known(money) for mode, money in costs.per_1000.items()},
            mode=costs.mode,
            seconds_per_1000=None if costs.seconds_per_1000 is None else 0.0,
        )
    even = row.break_even
    if even is not None:
        kind = even.kind if even.kind == "unknown" else "never"
        even = BreakEven(kind, assumed=even.assumed)
    by_mode = {
        mode: BreakEven(found.kind if found.kind == "unknown" else "never", assumed=found.assumed)
        for mode, found in row.break_even_by_mode.items()
    }
    return replace(row, costs=costs, break_even=even, break_even_by_mode=by_mode, latency=None)


def _known(money: Money) -> Money:
    return replace(money, amount=None if money.amount is None else 0.0)


def _differences(a: Any, b: Any, path: str, tolerance: float) -> Iterator[str]:
    if dataclasses.is_dataclass(a) and type(a) is type(b):
        for field in dataclasses.fields(a):
            inner = f"{path}.{field.name}" if path else field.name
            yield from _differences(
                getattr(a, field.name), getattr(b, field.name), inner, tolerance
            )
    elif isinstance(a, Mapping) and isinstance(b, Mapping):
        for key in dict.fromkeys([*a, *b]):
            if key not in a or key not in b:
                yield f"{path}[{key}]: only in the {'first' if key in a else 'second'}"
            else:
                yield from _differences(a[key], b[key], f"{path}[{key}]", tolerance)
    elif isinstance(a, tuple) and isinstance(b, tuple):
        if len(a) != len(b):
            yield f"{path}: {len(a)} against {len(b)} entries"
            return
        for index, (one, other) in enumerate(zip(a, b, strict=True)):
            name = one.system if isinstance(one, Row) else index
            yield from _differences(one, other, f"{path}[{name}]", tolerance)
    elif isinstance(a, float) and isinstance(b, float):
        if not math.isclose(a, b, rel_tol=1e-12, abs_tol=max(tolerance, 1e-9)):
            yield f"{path}: {a!r} against {b!r}"
    elif a != b:
        yield f"{path}: {a!r} against {b!r}"
