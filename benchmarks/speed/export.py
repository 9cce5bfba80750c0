"""Speed of exported students against the same student in torch, and how it grows with the data.

Run ``python -m benchmarks.speed.export inference`` or ``... growth``. The last line is one JSON
object.

- ``inference``: sentences per second of ``predict_proba`` on an exported graph against the same
  student's weights in torch, on the same sentences, in turns in this process; the better turn of
  each counts. Both tokenise. All runtimes run; ``--runtime`` is the one that the last line speaks
  of. Micro-F1 on unseen rows stands beside each. ``--precision fp32`` has the student in torch
  multiply in fp32, as it does on a CPU without bfloat16.
- ``growth``: seconds of ``calldistil predict``'s own loop on ten times the sentences against once,
  and by how much the peak memory of the process rises.

The data is SemEval-2010 Task 8 from ``CALLDISTIL_DATA``, or else the newsroom demo.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.speed.students import Corpus, corpus, micro_f1
from harness.datasets import write_examples
from harness.protocols import Exportable, Labeller
from harness.shipping import Runtime, StudentSystem, load_system, predict_file
from harness.students import (
    GRAPHS,
    ExportedRuntime,
    load_exported,
    load_student,
    make_student,
    quantise_graph,
)

__all__ = ["main"]

AIM = 1.5
GROWTH_AIM = 10.5
FLAT_MB = 64.0
"""Rise of the peak memory, over ten times the data, that still counts as flat."""


def exported(data: Corpus, epochs: int, precision: str, folder: Path) -> None:
    """Trains a student, saves it and writes both of its graphs."""
    options = {"epochs": epochs, "min_steps": 0, "batch_size": 16, "marker": "punct"}
    student = make_student(
        "entity_marker", schema=data.schema, options=options | {"precision": precision}
    )
    student.fit(examples=data.train, seed=1)
    student.save(folder=folder)
    assert isinstance(student, Exportable)
    student.export_onnx(file=folder / GRAPHS["onnx"])
    quantise_graph(folder / GRAPHS["onnx"], folder / GRAPHS["int8"])


@dataclass(frozen=True, slots=True)
class Turn:
    """One pass over the sentences.

    Attributes:
        speed: Sentences per second.
        cpu_speed: Sentences per second of processor time, which a busy machine leaves alone; with
            several threads it counts the time that they wait for each other as well.
        f1: Micro-F1 on the unseen rows.
    """

    speed: float
    cpu_speed: float
    f1: float

    def better(self, other: Turn) -> Turn:
        """The better of two turns, each clock by itself."""
        return Turn(max(self.speed, other.speed), max(self.cpu_speed, other.cpu_speed), self.f1)


def timed(labeller: Labeller, data: Corpus, f1: float) -> Turn:
    """Runs over the training rows' text."""
    start, cpu = time.perf_counter(), time.process_time()
    labeller.predict_proba(examples=data.train)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
    return Turn(len(data.train) / seconds, len(data.train) / cpu_seconds, f1)


def scored(labeller: Labeller, data: Corpus) -> float:
    """Micro-F1 on the unseen rows, which warms the runtime up as well."""
    best = labeller.predict_proba(examples=data.test).argmax(axis=1)
    return micro_f1(data, [labeller.labels[i] for i in best])


def inference(
    data: Corpus, folder: Path, turns: int, runtimes: Sequence[ExportedRuntime]
) -> dict[Runtime, Turn]:
    """The best turn of each side."""
    sides: dict[Runtime, Labeller] = {"torch": load_student(folder)}
    sides |= {runtime: load_exported(folder, runtime) for runtime in runtimes}
    f1 = {runtime: scored(labeller, data) for runtime, labeller in sides.items()}
    best: dict[Runtime, Turn] = {}
    for turn in range(turns):
        for side_name, labeller in sides.items():
            side = timed(labeller, data, f1[side_name])
            print(
                f"turn {turn + 1}: {side_name} {side.speed:.1f}/s,"
                f" {side.cpu_speed:.1f} per CPU second, F1 {side.f1:.1f}",
                file=sys.stderr,
            )
            best[side_name] = side.better(best.get(side_name, side))
    return best


def growth(data: Corpus, folder: Path, runtime: Runtime, turns: int) -> dict[str, object]:
    """Seconds and peak memory for once and ten times the sentences."""
    system = load_system(folder, runtime=runtime)
    assert isinstance(system, StudentSystem)
    with tempfile.TemporaryDirectory() as name:
        files = {}
        for times in (1, 10):
            rows = [
                replace(row, id=f"{row.id}-{copy}") for copy in range(times) for row in data.train
            ]
            files[times] = Path(name) / f"{times}.jsonl"
            write_examples(rows, files[times], format="jsonl")

        def seconds(times: int) -> tuple[float, float]:
            start, cpu = time.perf_counter(), time.process_time()
            predict_file(system, files[times], Path(name) / "out.jsonl", chunk=128)
            return time.perf_counter() - start, time.process_time() - cpu

        def best(times: int) -> tuple[float, float]:
            found = [seconds(times) for _ in range(turns)]
            return min(wall for wall, _ in found), min(cpu for _, cpu in found)

        seconds(1)  # warms up, and reaches the memory that one pass needs
        once, once_cpu = best(1)
        before = _peak_mb()
        ten, ten_cpu = best(10)
        rise = _peak_mb() - before
    ratio = ten / once
    return {
        "name": f"predict on {runtime}, growth, {data.name}, {len(data.train)} sentences",
        "value": round(ratio, 2),
        "unit": "times the seconds",
        "peer": "ten times the sentences",
        "peer_value": 10,
        "ratio": round(ratio / 10, 3),
        "aim": GROWTH_AIM,
        "holds": ratio <= GROWTH_AIM and rise <= FLAT_MB,
        "cpu_value": round(ten_cpu / once_cpu, 2),
        "peak_rise_mb": round(rise, 1),
    }


def _peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20) if sys.platform == "darwin" else peak / (1 << 10)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one comparison and prints it as one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.export")
    parser.add_argument("what", choices=["inference", "growth"])
    parser.add_argument("--rows", type=int, default=600)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--runtime", choices=["onnx", "int8", "openvino"], default="int8")
    parser.add_argument("--precision", choices=["auto", "fp32"], default="auto")
    parser.add_argument(
        "--model", type=Path, help="A folder that an earlier call wrote; made when absent."
    )
    chosen = parser.parse_args(arguments)

    data = corpus(chosen.rows)
    with tempfile.TemporaryDirectory() as name:
        folder: Path = chosen.model or Path(name) / "student"
        if not (folder / GRAPHS["int8"]).is_file():
            folder.mkdir(parents=True, exist_ok=True)
            exported(data, chosen.epochs, chosen.precision, folder)
        saved = json.loads((folder / "student.json").read_text(encoding="utf-8"))
        if saved["options"]["precision"] != chosen.precision:
            parser.error(f"--model {folder} was made with another --precision; name a new folder")
        if chosen.what == "growth":
            print(json.dumps(growth(data, folder, chosen.runtime, chosen.turns)))
            return 0
        runtimes: list[ExportedRuntime] = ["onnx", "int8"]
        if chosen.runtime == "openvino":
            runtimes.append("openvino")
        best = inference(data, folder, chosen.turns, runtimes)
    ours, peer = best[chosen.runtime], best["torch"]
    result: dict[str, object] = {
        "name": f"entity_marker inference on {chosen.runtime}, {data.name}, {chosen.rows} rows",
        "value": round(ours.speed, 1),
        "unit": "sentences/s",
        "peer": "the same student in torch" + (", fp32" if chosen.precision == "fp32" else ""),
        "peer_value": round(peer.speed, 1),
        "ratio": round(ours.speed / peer.speed, 2),
        "aim": AIM,
        "holds": ours.speed >= AIM * peer.speed,
        "cpu_ratio": round(ours.cpu_speed / peer.cpu_speed, 2),
        "threads": os.environ.get("OMP_NUM_THREADS", "all cores"),
        "f1": round(ours.f1, 2),
        "peer_f1": round(peer.f1, 2),
        "f1_lost": round(peer.f1 - ours.f1, 2),
        "others": {name: round(side.speed, 1) for name, side in best.items()},
    }
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
