"""Batches without padding waste: buckets of like length, and a budget of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from harness.students._budget import budgeted_batches
from harness.students._marking import MarkedIds

__all__ = ["Batch", "bucketed_batches", "budgeted_batches", "collate"]

_POOL = 8  # batches that are sorted by length together


@dataclass(frozen=True, slots=True)
class Batch:
    """Encoded examples, padded on the right.

    Attributes:
        ids: Token ids, shape (batch, length).
        mask: True at real tokens, same shape; None where nothing is padded.
        starts: Positions of head's and tail's start markers, shape (batch, 2).
        spans: Token spans of head and tail, shape (batch, 2, 2), half-open.
    """

    ids: Tensor
    mask: Tensor | None
    starts: Tensor
    spans: Tensor


def collate(
    rows: Sequence[MarkedIds], *, pad: int, multiple: int = 1, room: int | None = None
) -> Batch:
    """Pads rows to the longest one's length.

    Args:
        rows: Encoded rows.
        pad: Id of the padding word.
        multiple: The length is rounded up to a multiple of it.
        room: What rounding stops at: the most tokens that the backbone takes.
    """
    lengths = [len(row) for row in rows]
    longest = padded_length(max(lengths), multiple, room)
    ids = np.full((len(rows), longest), pad, dtype=np.int64)
    for i, row in enumerate(rows):
        ids[i, : lengths[i]] = row.ids
    mask = None
    if min(lengths) < longest:
        mask = torch.from_numpy(np.arange(longest) < np.array(lengths)[:, None])
    return Batch(
        ids=torch.from_numpy(ids),
        mask=mask,
        starts=torch.tensor([row.starts for row in rows]),
        spans=torch.tensor([row.spans for row in rows]),
    )


def padded_length(length: int, multiple: int, room: int | None = None) -> int:
    """The length rounded up to a multiple, but not beyond ``room``."""
    rounded = -(-length // multiple) * multiple
    return rounded if room is None else max(length, min(rounded, room))


def bucketed_batches(
    lengths: Sequence[int], *, size: int, generator: np.random.Generator
) -> list[list[int]]:
    """One epoch's batches of row indices: shuffled, with rows of like length together.

    Rows are shuffled, sorted by length within pools of a few batches, and the batches are
    shuffled again, so that an epoch differs from the next and padding stays rare. Batch sizes
    differ by one at most: no small last batch gets the weight of a full one.
    """
    count = max(1, -(-len(lengths) // size))
    order = generator.permutation(len(lengths))
    batches: list[list[int]] = []
    pools = np.array_split(np.arange(count), max(1, count // _POOL))
    borders = np.linspace(0, len(lengths), count + 1).round().astype(int)
    for pool in pools:
        rows = order[borders[pool[0]] : borders[pool[-1] + 1]]
        rows = rows[np.argsort([lengths[row] for row in rows], kind="stable")]
        batches += [part.tolist() for part in np.array_split(rows, len(pool)) if len(part)]
    return [batches[i] for i in generator.permutation(len(batches))]
