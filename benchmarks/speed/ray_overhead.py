"""What Ray costs: a matrix of 27 cells on a cluster of this machine, beside the local executor.

Run ``python -m benchmarks.speed.ray_overhead``. Both make the same stages of the experiment
``newsroom-matrix`` in as many processes, in turns, each time into a new folder; the report is not
timed. The median of each counts, and the last line is one JSON object.

- ``value``: seconds on Ray, with the cluster up and no worker started yet.
- ``peer_value``: seconds of the local executor.
- ``start_s``: seconds until the cluster was up.
- ``per_stage_ms``: what one stage takes longer on Ray; negative where it is quicker.
- ``equal``: whether the tables are the same and every artefact's hash is equal. It holds only if
  so, and with a ratio up to the aim.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.experiments import NEWSROOM_MATRIX
from harness.pipeline import Executor, LocalExecutor, RayExecutor, RunFolder, run_experiment
from harness.report import report_run, same_results
from harness.store import content_digest

__all__ = ["main"]

AIM = 1.5
_OBJECT_STORE = 100_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures both and prints the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2, help="processes of each side [2]")
    parser.add_argument("--turns", type=int, default=3, help="how often each runs [3]")
    parser.add_argument("--experiment", type=Path, default=NEWSROOM_MATRIX)
    named = parser.parse_args(arguments)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # sums are equal at one thread count alone
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_worker_niceness", "0")  # as of a cluster that a run starts
    import ray

    logging.getLogger("ray").setLevel(logging.ERROR)
    turns = []
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(named.turns):
            base = Path(folder) / str(turn)
            local = _timed(named.experiment, base / "local", LocalExecutor(named.jobs))
            started = time.perf_counter()
            ray.init(
                address="local",
                num_cpus=named.jobs,
                include_dashboard=False,
                object_store_memory=_OBJECT_STORE,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
            up = time.perf_counter() - started
            try:
                on_ray = _timed(named.experiment, base / "ray", RayExecutor())
            finally:
                ray.shutdown()
            turns.append((local, on_ray, up))
        runs = [RunFolder.open(base / name) for name in ("local", "ray")]
        digests = [{a.folder.name: content_digest(a) for a in run.artefacts} for run in runs]
        results = [report_run(run.folder) for run in runs]
        manifest = runs[0].manifest()
    local, on_ray, up = (statistics.median(side) for side in zip(*turns, strict=True))
    equal = digests[0] == digests[1] and same_results(*results) == []
    cells = sum(len(s.repetitions) for s in manifest.systems if s.kind != "direct")
    stages = len(manifest.nodes)
    result = {
        "name": f"matrix of {cells} cells on Ray",
        "value": round(on_ray, 2),
        "unit": "s",
        "peer": f"local executor, {named.jobs} processes",
        "peer_value": round(local, 2),
        "ratio": round(on_ray / local, 2),
        "aim": AIM,
        "holds": equal and on_ray / local <= AIM,
        "equal": equal,
        "cells": cells,
        "stages": stages,
        "per_stage_ms": round(1000 * (on_ray - local) / stages, 1),
        "start_s": round(up, 2),
    }
    print(json.dumps(result))
    return 0


def _timed(experiment: Path, folder: Path, executor: Executor) -> float:
    started = time.perf_counter()
    run_experiment(experiment, folder=folder, executor=executor)
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
