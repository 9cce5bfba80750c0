"""Speed of the search of neighbours: 8,000 training sentences for 2,717 test sentences.

Run ``python -m benchmarks.speed.retrieval``. It searches among random vectors of length 1 as
long as those of all-MiniLM-L6-v2: a matrix product takes as long whatever is in it. The peer is a
full stable sort of all cosines, which gives the same neighbours. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from harness.pipeline import nearest_rows

__all__ = ["main"]

AIM_S = 1.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the figures; returns 1 where the two searches disagree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pool", type=int, default=8000)
    parser.add_argument("--queries", type=int, default=2717)
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("--count", type=int, default=8)
    parser.add_argument("--turns", type=int, default=3)
    chosen = parser.parse_args(arguments)
    draw = np.random.default_rng(0)
    pool = _unit(draw.standard_normal((chosen.pool, chosen.size), dtype=np.float32))
    queries = _unit(draw.standard_normal((chosen.queries, chosen.size), dtype=np.float32))

    def ours() -> NDArray[np.int64]:
        return nearest_rows(queries, pool, chosen.count)[0]

    def peer() -> NDArray[np.int64]:
        order = np.argsort(-(queries @ pool.T), axis=1, kind="stable")
        return np.asarray(order[:, : chosen.count])

    seconds, peer_seconds = _best(ours, chosen.turns), _best(peer, 1)
    result = {
        "name": f"{chosen.count} nearest of {chosen.pool} for {chosen.queries} sentences",
        "value": round(seconds, 3),
        "unit": "s",
        "peer": "numpy, stable sort of all cosines",
        "peer_value": round(peer_seconds, 3),
        "ratio": round(peer_seconds / seconds, 2),
        "aim": AIM_S,
        "holds": seconds < AIM_S,
    }
    print(json.dumps(result))
    return 0 if np.array_equal(ours(), peer()) else 1


def _best(action: Callable[[], object], turns: int) -> float:
    """Seconds of the fastest turn."""
    times = []
    for _ in range(turns):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return min(times)


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


if __name__ == "__main__":
    sys.exit(main())
