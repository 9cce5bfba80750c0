"""The nearest examples by cosine: one matrix product."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.protocols import Neighbour
from harness.relations import Example

__all__ = ["find_neighbours", "nearest_rows"]

_CHUNK = 1024  # queries at a time: bounds memory at 1024 * pool floats


def nearest_rows(
    queries: NDArray[np.float32],
    pool: NDArray[np.float32],
    count: int,
    *,
    left_out: Sequence[Sequence[int]] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The ``count`` rows of the pool nearest to each query, nearest first.

    Of equally near rows the earlier comes first, so that the result does not depend on the
    search.

    Args:
        queries: Vectors of length 1, shape (n, size).
        pool: Vectors of length 1, shape (m, size).
        count: Rows per query; the pool must hold as many that are not left out.
        left_out: For each query the rows of the pool that it may not see.

    Returns:
        Indices and cosines, each of shape (n, min(count, m)). The cosine of a row that was left
        out is minus infinity, where too few others are there.
    """
    count = min(count, len(pool))
    rows = np.zeros((len(queries), count), dtype=np.int64)
    cosines = np.zeros((len(queries), count), dtype=np.float32)
    for start in range(0, len(queries), _CHUNK):
        near = queries[start : start + _CHUNK] @ pool.T
        if left_out is not None:
            for i, hidden in enumerate(left_out[start : start + _CHUNK]):
                near[i, list(hidden)] = -np.inf
        if count == 1:
            best = near.argmax(axis=1)[:, None]
        else:
            # All rows at least as near as the last kept one are candidates, ties among them.
            cut = np.partition(near, -count, axis=1)[:, -count]
            best = np.stack([_first(row, low, count) for row, low in zip(near, cut, strict=True)])
        rows[start : start + len(near)] = best
        cosines[start : start + len(near)] = np.take_along_axis(near, best, axis=1)
    return rows, cosines


def find_neighbours(
    examples: Sequence[Example],
    features: NDArray[np.float32],
    pool: Sequence[Example],
    pool_features: NDArray[np.float32],
    count: int,
) -> dict[str, tuple[Neighbour, ...]]:
    """Example id to its nearest neighbours in the pool, nearest first.

    An example never sees itself, nor an example of its own group: where training sentences are
    labelled, their gold labels stay hidden from them.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for place, example in enumerate(pool):
        for key in {example.id, example.group_key}:
            groups[key].append(place)
    left_out = [
        sorted({row for key in (e.id, e.group_key) for row in groups.get(key, ())})
        for e in examples
    ]
    rows, cosines = nearest_rows(features, pool_features, count, left_out=left_out)
    return {
        example.id: tuple(
            Neighbour(pool[row], float(cosine))
            for row, cosine in zip(rows[i], cosines[i], strict=True)
            if np.isfinite(cosine)
        )
        for i, example in enumerate(examples)
    }


def _first(row: NDArray[np.float32], low: float, count: int) -> NDArray[np.int64]:
    candidates = np.flatnonzero(row >= low)
    order = np.argsort(-row[candidates], kind="stable")
    return np.asarray(candidates[order][:count], dtype=np.int64)
