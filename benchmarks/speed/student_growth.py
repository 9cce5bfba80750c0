"""Growth of a student's training: ten times the rows, at most 10.5 times the time, flat memory.

Run ``python -m benchmarks.speed.student_growth``. ``--student`` names another student; one with
epochs is trained for one. ``--option`` sets an option of it, as in ``calldistil train``. Each size
has a fresh process, so that its peak memory is its own; the weights and the optimiser are the floor
that both share. Rows are SemEval-2010 Task 8's from ``CALLDISTIL_DATA``, or else the demo's over
and over. More rows of a corpus bring more words, whose embeddings are trained, and a longer longest
sentence: ``--repeat`` takes the same rows ten times over instead, so that what grows is due to the
number of rows alone. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Any

from benchmarks.speed.students import corpus, options_of
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


def train(rows: int, distinct: int, name: str, options: Mapping[str, Any]) -> Trained:
    """Trains one epoch on ``rows`` rows, over and over the first ``distinct`` of the corpus; meant
    for a process of its own.
    """
    data = corpus(distinct)
    found = [replace(data.train[i % len(data.train)], id=f"row-{i}") for i in range(rows)]
    one_epoch = {"epochs": 1, "min_steps": 0}
    known = students.get(name).Options.model_fields
    chosen = {key: value for key, value in one_epoch.items() if key in known} | dict(options)
    student = make_student(name, schema=data.schema, options=chosen)
    student.fit(examples=found[:16], seed=1)  # libraries and weights are loaded
    report = student.fit(examples=found, seed=1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Trained(report.seconds, peak)


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains both sizes and prints how time and memory grew as one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.student_growth")
    parser.add_argument("--rows", type=int, default=600)
    parser.add_argument("--student", default="entity_marker.v1")
    parser.add_argument("--option", "-O", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--repeat", action="store_true", help="The same rows ten times over.")
    chosen = parser.parse_args(arguments)
    options = options_of(chosen.option)
    sides = []
    for rows in (chosen.rows, FACTOR * chosen.rows):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            distinct = chosen.rows if chosen.repeat else rows
            sides.append(pool.submit(train, rows, distinct, chosen.student, options).result())
        print(
            f"{rows} rows: {sides[-1].seconds:.1f} s, {sides[-1].peak_mib:.0f} MiB", file=sys.stderr
        )
    few, many = sides
    time_ratio, memory_ratio = many.seconds / few.seconds, many.peak_mib / few.peak_mib
    result = {
        "name": f"{chosen.student}, one epoch on {chosen.rows} and {FACTOR * chosen.rows} rows"
        + (", the same over and over" if chosen.repeat else ""),
        "options": options,
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
