"""Time and memory per stage over synthetic text of growing size.

Run ``python -m benchmarks.growth --sizes 1000 10000 100000 1000000``. For each size that many
test sentences and as many training sentences are written, and an experiment over them is carried
out: read, ask an LLM (a function that answers at once) about every test sentence, train the
student ``linear.v1``, predict, and report. Each stage runs in a process of its own, forked from
one that has everything imported; its processor time is that process's, and its memory what it
took at most beyond what it began with. Besides, files of that size are labelled as
``calldistil predict`` does, which streams.

The last line is one JSON object. *Growth* is the processor time of one more example between the
two largest sizes, divided by that between the two sizes before: 1 is linear. Processor time is
read, not the clock, because other work may run beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import yaml
from pydantic import BaseModel
from tabulate import tabulate

from benchmarks.generated_section import write_section
from harness.documents import FileModel
from harness.pipeline import (
    MODEL,
    Node,
    Quiet,
    RunFolder,
    run_experiment,
)
from harness.protocols import (
    Capabilities,
    Completion,
    Failure,
    FinishReason,
    ModelIdentity,
    Request,
    Usage,
)
from harness.registry import backends
from harness.report import render, report_run
from harness.shipping import load_system, predict_file

__all__ = ["Measured", "growth_of", "main", "measure"]

AIM = 1.10
_LEAST_CPU_S = 0.05
"""A stage that takes less at the largest size is not judged."""

_FIRST = ("Ada", "Bo", "Cy", "Dot", "Eli", "Fay", "Gus", "Hal", "Ida", "Jo", "Kit", "Lou")
_LAST = ("Acme", "Basel", "Corto", "Dunn", "Essen", "Faro", "Gera", "Hull", "Imola", "Jena")
_VERBS = {
    "works_for": ("works for", "was hired by", "earns wages at", "keeps the books of"),
    "lives_in": ("lives in", "moved home to", "has a house in", "grew old in"),
    "none": ("wrote about", "never saw", "read of", "dreamt of"),
}
_SYLLABLES = ("ba", "cor", "den", "el", "fin", "go", "hal", "in", "jo", "kur", "la", "mer", "no")
_SCHEMA = """\
name: ties
na_label: none
relations:
  works_for: {description: the head person works for the tail firm}
  lives_in: {description: the head person lives in the tail town}
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One stage at one size.

    Attributes:
        stage: Its name.
        size: Examples.
        cpu_s: Processor seconds of its process.
        peak_mb: Memory that it took at most, beyond what its process began with.
    """

    stage: str
    size: int
    cpu_s: float
    peak_mb: float


class _NoOptions(FileModel):
    """It has none."""


@backends.register("instant")
class _Instant:
    """An LLM that answers at once, and keeps nothing."""

    summary: ClassVar[str] = "Answers at once; for measurements."
    source: ClassVar[str] = "calldistil"
    Options: ClassVar[type[BaseModel]] = _NoOptions

    def __init__(self, *, options: _NoOptions) -> None:
        self.model = ModelIdentity("instant")
        self.capabilities = Capabilities()

    @classmethod
    def fingerprint(cls, *, options: _NoOptions) -> Mapping[str, str]:
        return {"model": "instant"}

    def complete(self, requests: Sequence[Request], /) -> Iterator[Completion | Failure]:
        usage = Usage(200, 0, 0, 8, 0, "reported")
        for request in requests:
            text = request.messages[-1].content
            labels = (name for name, verbs in _VERBS.items() if any(v in text for v in verbs))
            answer = json.dumps({"relation": next(labels, "none")})
            yield Completion(request, answer, FinishReason.STOP, usage, latency_s=0.001)

    def score_labels(self, requests: Sequence[Request], /) -> Iterator[Completion | Failure]:
        raise NotImplementedError

    def close(self) -> None:
        return None


def write_sentences(file: Path, size: int, seed: int) -> None:
    """Writes synthetic sentences as JSONL, one after another."""
    chance = random.Random(seed)
    with file.open("w", encoding="utf-8") as out:
        for number in range(size):
            label = chance.choice(tuple(_VERBS))
            head = f"{chance.choice(_FIRST)} {chance.randrange(size)}"
            tail = f"{chance.choice(_LAST)} {chance.randrange(1000)}"
            before = f"{_words(chance, 6).capitalize()} , "
            between = f" {chance.choice(_VERBS[label])} "
            text = f"{before}{head}{between}{tail} {_words(chance, 6)} ."
            start = len(before)
            end = start + len(head)
            tail_start = end + len(between)
            row = {
                "id": f"{file.stem}{number}",
                "text": text,
                "head": {"start": start, "end": end},
                "tail": {"start": tail_start, "end": tail_start + len(tail)},
                "relation": label,
            }
            out.write(json.dumps(row) + "\n")


def _words(chance: random.Random, count: int) -> str:
    """Words of a language with 28,561 of four syllables, so that few sentences are alike."""
    return " ".join("".join(chance.choices(_SYLLABLES, k=4)) for _ in range(count))


def _experiment(folder: Path) -> Path:
    document = {
        "calldistil": 1,
        "name": "growth",
        "schema": "ties.yaml",
        "data": {"test": {"file": "test.jsonl"}, "train": {"file": "train.jsonl"}},
        "seeds": {"training": [1]},
        "backends": {
            "teacher": {
                "use": "instant",
                "tokenizer": "o200k_base",
                "price": {"input": 2, "output": 8, "date": "2026-01-01", "source": "a list"},
            }
        },
        "prices": {"date": "2026-01-01", "source": "a list", "machine_per_hour": 0.1},
        "systems": {
            "llm": {"extractor": "zero_shot.v1", "backend": "teacher"},
            "student": {"student": "linear.v1", "train_on": [{"gold": "train"}]},
        },
        "reference": "llm",
        "candidate": "student",
        "statistics": {"resamples": 200},
    }
    (folder / "ties.yaml").write_text(_SCHEMA, encoding="utf-8")
    file = folder / "growth.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return file


def in_a_fork(work: Callable[[], object]) -> tuple[float, float]:
    """Does ``work`` in a fork; its processor seconds, and the memory it took at most in MB.

    Raises:
        RuntimeError: When it fails.
    """

    def measured(tell: Callable[[object], None]) -> None:
        before, begun = _resident_mb(), time.process_time()
        work()
        tell([time.process_time() - begun, _peak_mb() - before])

    cpu, peak = _forked(measured)
    return float(cpu), max(0.0, float(peak))


def _next_stage(file: Path, run: Path) -> Measured | None:
    """Carries a run on by one stage, in a fork; None where nothing was left to do."""

    def measured(tell: Callable[[object], None]) -> None:
        run_experiment(file, folder=run, observer=_EndsAfterOne(tell), jobs=1)
        tell(None)

    said = _forked(measured)
    return None if said is None else Measured(said[0], 0, said[1], max(0.0, said[2]))


class _EndsAfterOne(Quiet):
    """Measures the first stage that is made, and ends the process when it is in place."""

    def __init__(self, tell: Callable[[object], None]) -> None:
        self._tell = tell
        self._begun = (0.0, 0.0)

    def started(self, node: Node, index: int, total: int, /) -> None:
        self._begun = _resident_mb(), time.process_time()

    def finished(self, node: Node, seconds: float, /) -> None:
        before, begun = self._begun
        stage = node.title if node.stage.name == "read" else node.stage.name
        self._tell([stage, time.process_time() - begun, _peak_mb() - before])
        os._exit(0)


def _forked(work: Callable[[Callable[[object], None]], None]) -> Any:
    """What ``work`` tells from a fork."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(reading)
            work(lambda value: _write(writing, value))
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    if not said:
        raise RuntimeError("a stage failed; what it said stands above")
    return json.loads(said)


def _write(pipe: int, value: object) -> None:
    os.write(pipe, json.dumps(value).encode("ascii"))


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def warm_up(folder: Path) -> Path:
    """Does everything once at a thousand sentences; returns that run.

    What is loaded late is then there before a fork, and there is a student to label files with.
    """
    file, run = _written(folder, 1000), folder / "run"
    run_experiment(file, folder=run, jobs=1)
    _report(run)()
    _predict(run, folder)()
    return run


def _written(folder: Path, size: int) -> Path:
    for seed, part in enumerate(("test", "train")):
        write_sentences(folder / f"{part}.jsonl", size, seed)
    return _experiment(folder)


def measure(folder: Path, size: int, *, labels: Path) -> list[Measured]:
    """Carries out all stages at one size.

    Args:
        folder: An empty folder.
        size: Test sentences, and training sentences.
        labels: The run whose student labels the file, one and the same at all sizes.
    """
    file, run = _written(folder, size), folder / "run"
    found = []

    def note(stage: str, cpu_s: float, peak_mb: float) -> None:
        found.append(Measured(stage, size, cpu_s, peak_mb))
        print(_told(found[-1]), file=sys.stderr, flush=True)

    while one := _next_stage(file, run):
        note(one.stage, one.cpu_s, one.peak_mb)
    run_experiment(file, folder=run, jobs=1)  # finds all done, and says so
    note("report", *in_a_fork(_report(run)))
    note("predict a file", *in_a_fork(_predict(labels, folder)))
    return found


def _report(folder: Path) -> Callable[[], object]:
    return lambda: render(report_run(folder), "terminal")


def _predict(run: Path, folder: Path) -> Callable[[], object]:
    artefacts = RunFolder.open(run).artefacts
    model = next(artefact for artefact in artefacts if artefact.stage == "train")

    def work() -> None:
        system = load_system(model.content / MODEL)
        predict_file(system, folder / "test.jsonl", folder / "answers.jsonl")

    return work


def _told(one: Measured) -> str:
    return f"{one.size:>9,} {one.stage}: {one.cpu_s:.2f} s, {one.peak_mb:.0f} MB"


def growth_of(points: Sequence[Measured]) -> float | None:
    """Processor time of one more example at the end, divided by that before; None if too short."""
    if len(points) < 3:
        return None
    a, b, c = points[-3:]
    before, after = ((y.cpu_s - x.cpu_s) / (y.size - x.size) for x, y in ((a, b), (b, c)))
    return None if c.cpu_s < _LEAST_CPU_S or before <= 0 else after / before


def table(found: Sequence[Measured], sizes: Sequence[int]) -> str:
    """Stages in rows, sizes in columns."""
    rows = []
    for stage in dict.fromkeys(one.stage for one in found):
        points = [one for one in found if one.stage == stage]
        growth = growth_of(points)
        rows.append(
            [
                stage,
                *(f"{one.cpu_s:.2f} s, {one.peak_mb:.0f} MB" for one in points),
                "" if growth is None else f"{growth:.2f}",
            ]
        )
    headers = ["stage", *(f"{size:,}" for size in sizes), "growth"]
    return tabulate(rows, headers, tablefmt="pipe", disable_numparse=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures all sizes, prints the table and one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--folder", type=Path, help="where the files go [a temporary folder]")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the table into a page")
    chosen = parser.parse_args(arguments)
    found: list[Measured] = []
    with tempfile.TemporaryDirectory(prefix="growth-") as first:
        student = warm_up(Path(first))
        for size in chosen.sizes:
            with tempfile.TemporaryDirectory(prefix="growth-", dir=chosen.folder) as folder:
                found += measure(Path(folder), size, labels=student)
    told = table(found, chosen.sizes)
    print(told)
    if chosen.write:
        day = datetime.now(UTC).date().isoformat()
        words = " ".join(map(str, chosen.sizes))
        said = f"`python -m benchmarks.growth --sizes {words}`, {day}, other work beside it:"
        write_section(chosen.write, "growth", f"{said}\n\n{told}")
    growths = {
        stage: growth
        for stage in dict.fromkeys(one.stage for one in found)
        if (growth := growth_of([one for one in found if one.stage == stage])) is not None
    }
    worst = max(growths.values(), default=None)
    result = {
        "name": f"growth of the steepest stage up to {chosen.sizes[-1]} examples",
        "value": None if worst is None else round(worst, 3),
        "unit": "times linear",
        "stage": max(growths, key=lambda stage: growths[stage], default=None),
        "aim": AIM,
        "holds": worst is None or worst <= AIM,
    }
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
