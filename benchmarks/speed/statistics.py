"""Speed of the statistics: 20 systems, 2,717 examples, 10,000 resamples, every pair.

Run ``python -m benchmarks.speed.statistics``. Answers are random with the share of right ones that
each system has; three training seeds for students, one for direct systems. Timed are the interval
of every system, and the paired bootstrap of all 190 pairs with Holm's correction. The peer is one
paired comparison after another, of which a few are timed. The last line
is one JSON object; ``cpu`` is processor time, which a busy machine does not lengthen.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from collections.abc import Sequence

import numpy as np

from harness.metrics import Answers, compare, compare_all, interval
from harness.relations import Outcome, Relation, Schema

__all__ = ["main", "random_answers"]

AIM_S = 30.0
_LABELS = 18


def random_answers(systems: int, examples: int, *, seeds: int, seed: int = 0) -> list[Answers]:
    """Answers of ``systems`` systems to one gold; every third system has one training seed."""
    draw = np.random.default_rng(seed)
    schema = Schema("random", "none", tuple(Relation(f"r{i}") for i in range(_LABELS)))
    labels = len(schema.label_names)
    gold = draw.integers(0, labels, examples)
    groups = np.arange(examples)
    ids = tuple(f"e{i}" for i in range(examples))
    found = []
    for at in range(systems):
        shape = (1 if at % 3 == 0 else seeds, examples)
        right = draw.random(shape) < 0.6 + 0.3 * at / systems
        predicted = np.where(right, gold, draw.integers(0, labels, shape))
        outcomes = np.full(shape, tuple(Outcome).index(Outcome.PARSED), np.int8)
        found.append(Answers(schema, ids, gold, predicted, groups, outcomes))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the figures; returns 1 where the aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--systems", type=int, default=20)
    parser.add_argument("--examples", type=int, default=2717)
    parser.add_argument("--resamples", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, default=3)
    chosen = parser.parse_args(arguments)
    answers = random_answers(chosen.systems, chosen.examples, seeds=chosen.seeds)
    started, cpu = time.perf_counter(), time.process_time()
    for system in answers:
        interval(system, "micro_f1", resamples=chosen.resamples)
    compare_all(answers, "micro_f1", resamples=chosen.resamples)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    pairs = chosen.systems * (chosen.systems - 1) // 2
    some = list(itertools.combinations(answers[:5], 2))
    started = time.perf_counter()
    for one, other in some:
        compare(one, other, "micro_f1", resamples=chosen.resamples)
    peer = (time.perf_counter() - started) / len(some) * pairs
    result = {
        "name": f"{chosen.systems} systems x {chosen.examples} examples x {chosen.resamples}"
        f" resamples, {pairs} pairs",
        "value": round(seconds, 2),
        "unit": "s",
        "cpu": round(cpu, 2),
        "peer": "one paired comparison after another",
        "peer_value": round(peer, 1),
        "ratio": round(peer / seconds, 1),
        "aim": AIM_S,
        "holds": seconds < AIM_S,
    }
    print(json.dumps(result))
    return 0 if result["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())
