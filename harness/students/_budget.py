"""Batches of rows of like length within a budget of tokens."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["budgeted_batches"]


def budgeted_batches(lengths: Sequence[int], *, tokens: int) -> list[list[int]]:
    """Batches of row indices, longest first, of at most ``tokens`` ids with padding."""
    batches: list[list[int]] = []
    for row in sorted(range(len(lengths)), key=lambda row: (-lengths[row], row)):
        if batches and (len(batches[-1]) + 1) * lengths[batches[-1][0]] <= tokens:
            batches[-1].append(row)
        else:
            batches.append([row])
    return batches
