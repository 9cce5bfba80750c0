"""Growth of a student's training: ten times the rows, at most 10.5 times the time, flat memory.

Run ``python -m benchmarks.speed.student_growth``. ``--student`` names another
student; one with epochs is trained for one. Each size has a fresh
process, so that its peak memory is its own; the weights and the optimiser are the floor that both
share. Rows are SemEval-2010 Task 8's from ``CALLDISTIL_DATA``, or else the demo's over and over.
The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context

from benchmarks.speed.students import corpus
from harness.students import make_student, students

__all__ = ["Trained", "main"]

AIM_TIME = 10.5
AIM_MEMORY = 1.1
FACTOR = 10


@dataclass(frozen=True, slots=True)
class Trained:
    """One training.

    Attributes:
        seconds: Of ``fit``, the backbone's loading left out.
        peak_mib: Peak memory of its process.
    """

    seconds: float
    peak_mib: float


def train(rows: int, name: str) -> Trained:
    """Trains one epoch on ``rows`` rows; meant for a process of its own."""
    data = corpus(rows)
    found = [
        replace(data.train[i % len(data.train)], id=f"row-{i}") for i in range(rows)
    ]  # the demo has fewer rows than are asked for
    one_epoch = {"epochs": 1, "min_steps": 0}
    known = students.get(name).Options.model_fields
    options = {key: value for key, value in one_epoch.items() if key in known}
    student = make_student(name, schema=data.schema, options=options)
    student.fit(examples=found[:16], seed=1)  # libraries and weights are loaded
    report = student.fit(examples=found, seed=1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Trained(report.seconds, peak)


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains both sizes and prints how time and memory grew as one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.student_growth")
    parser.add_argument("--rows", type=int, default=600)
    parser.add_argument("--student", default="entity_marker.v1")
    chosen = parser.parse_args(arguments)
    sides = []
    for rows in (chosen.rows, FACTOR * chosen.rows):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            sides.append(pool.submit(train, rows, chosen.student).result())
        print(
            f"{rows} rows: {sides[-1].seconds:.1f} s, {sides[-1].peak_mib:.0f} MiB", file=sys.stderr
        )
    few, many = sides
    time_ratio, memory_ratio = many.seconds / few.seconds, many.peak_mib / few.peak_mib
    result = {
        "name": f"{chosen.student}, one epoch on {chosen.rows} and {FACTOR * chosen.rows} rows",
        "value": round(time_ratio, 2),
        "unit": "times the seconds",
        "aim": AIM_TIME,
        "memory": round(memory_ratio, 2),
        "memory_aim": AIM_MEMORY,
        "seconds": [round(side.seconds, 1) for side in sides],
        "peak_mib": [round(side.peak_mib) for side in sides],
        "holds": time_ratio <= AIM_TIME and memory_ratio <= AIM_MEMORY,
    }
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
