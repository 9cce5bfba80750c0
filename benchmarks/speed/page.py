"""Time and memory of a page from 1,000,000 predictions: 20 systems on 50,000 sentences.

Run ``python -m benchmarks.speed.page``. It writes a run as the pipeline leaves it, with one LLM and
19 students whose answers are random, and makes its page from the folder in a process of its own,
the table's 10,000 resamples included. The last line is one JSON object; ``cpu`` is processor
time, which a busy machine does not lengthen.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from harness.datasets import write_examples, write_predictions
from harness.pipeline import Manifest
from harness.relations import Example, Mention, Prediction
from harness.store import ArtefactStore, HostFacts, content_hash

__all__ = ["main", "write_run"]

AIM_S, AIM_GB = 60.0, 2.0
_RELATIONS = 18


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the figures; returns 1 where an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--systems", type=int, default=20)
    parser.add_argument("--examples", type=int, default=50_000)
    parser.add_argument("--resamples", type=int, default=10_000)
    parser.add_argument("--only", type=Path, help="Make the page of this run and say what it took.")
    chosen = parser.parse_args(arguments)
    if chosen.only is not None:
        print(json.dumps(_make(chosen.only)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        run = write_run(Path(folder), chosen.systems, chosen.examples, chosen.resamples)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.speed.page", "--only", str(run)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    told = json.loads(done.stdout.splitlines()[-1])
    result = {
        "name": f"page of {chosen.systems * chosen.examples} predictions",
        "value": told["seconds"],
        "unit": "s",
        "cpu": told["cpu"],
        "memory_gb": told["memory_gb"],
        "page_mb": told["page_mb"],
        "aim": AIM_S,
        "aim_gb": AIM_GB,
        "holds": told["seconds"] < AIM_S and told["memory_gb"] < AIM_GB,
    }
    print(json.dumps(result))
    return 0 if result["holds"] else 1


def _make(run: Path) -> dict[str, float]:
    started = time.perf_counter()
    from harness.report.page import Evidence, render_page

    page = render_page(Evidence(run))
    (run / "report.html").write_text(page, encoding="utf-8")
    return {
        "seconds": round(time.perf_counter() - started, 1),
        "cpu": round(time.process_time(), 1),
        "memory_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2, 2),
        "page_mb": round(len(page.encode()) / 1e6, 1),
    }


def write_run(folder: Path, systems: int, examples: int, resamples: int) -> Path:
    """Writes a finished run: one direct system and students, with random answers."""
    run = folder / "run"
    store = ArtefactStore(run / "artefacts")
    names = [f"s{at}" for at in range(systems)]
    labels = [f"r{i}" for i in range(_RELATIONS)] + ["none"]
    _files(run, names, resamples)
    nodes: list[dict[str, Any]] = []

    def node(stage: str, title: str, inputs: dict[str, str], backend: str | None = None) -> str:
        key = content_hash([stage, title])
        nodes.append({"stage": stage, "key": key, "title": title, "inputs": inputs,
                      "backend": backend})  # fmt: skip
        return key

    draw = np.random.default_rng(0)
    gold = list(_examples(examples, labels, draw))
    test = node("read", "read data.test", {})
    with store.writing("read", test) as draft:
        _note(draft, examples, None)
        write_examples(gold, draft.content / "examples.jsonl", format="jsonl")
    train = node("read", "read data.train", {})
    with store.writing("read", train) as draft:
        _note(draft, 1000, None)
        rows = list(_examples(1000, labels, draw, "train"))
        write_examples(rows, draft.content / "examples.jsonl", format="jsonl")
    records = []
    for at, name in enumerate(names):
        if at == 0:
            key = node("extract", f"{name}: ask", {"examples": test}, "teacher")
        else:
            model = node("train", f"{name}: train", {"source0": train})
            with store.writing("train", model) as draft:
                _note(draft, 1000, None)
            key = node("predict", f"{name}: predict", {"model": model, "examples": test})
        right = draw.random(examples) < 0.7 + 0.2 * at / systems
        wrong = draw.integers(0, len(labels), examples)
        with store.writing(nodes[-1]["stage"], key) as draft:
            _note(draft, examples, "teacher" if at == 0 else None)
            said = [
                Prediction(e.id, e.relation if right[i] else labels[wrong[i]])
                for i, e in enumerate(gold)
            ]
            write_predictions(said, draft.content / "predictions.jsonl")
            if at == 0:
                _calls(draft.folder, [e.id for e in gold])
        records.append(
            {"name": name, "kind": "direct" if at == 0 else "gold", "repetitions": [
                {"split": None, "generation": None, "training": None, "answers": key}]}
        )  # fmt: skip
    manifest = Manifest.model_validate(
        {
            "run": "speed", "experiment": "speed", "base": str(folder), "store": None,
            "command": "python -m benchmarks.speed.page", "calldistil": "0", "commit": None,
            "packages": {}, "host": HostFacts.here(), "started_at": datetime.now(UTC),
            "finished_at": datetime.now(UTC), "nodes": nodes, "test": test, "full_test": None,
            "systems": records, "overlaps": [],
        }
    )  # fmt: skip
    (run / "manifest.json").write_text(manifest.model_dump_json(), encoding="utf-8")
    return run


def _files(run: Path, names: list[str], resamples: int) -> None:
    run.mkdir()
    relations = {f"r{i}": {"description": "x"} for i in range(_RELATIONS)}
    schema = {"name": "speed", "na_label": "none", "relations": relations}
    (run / "schema.yaml").write_text(yaml.safe_dump(schema), encoding="utf-8")
    student = {"student": "linear.v1", "train_on": [{"gold": "train"}]}
    systems = dict.fromkeys(names[1:], student)
    document = {
        "calldistil": 1, "name": "speed", "schema": "schema.yaml",
        "data": {"test": {"file": "test.jsonl"}, "train": {"file": "train.jsonl"}},
        "backends": {"teacher": {"use": "scripted", "price": {
            "input": [1, 3], "output": 8, "date": "2026-01-01", "source": "made up"}}},
        "prices": {"date": "2026-01-01", "source": "made up", "machine_per_hour": 0.1,
                   "human_label": 0.1},
        "systems": {names[0]: {"extractor": "zero_shot.v1", "backend": "teacher"}, **systems},
        "reference": names[0],
        "candidate": names[-1],
        "statistics": {"resamples": resamples},
    }  # fmt: skip
    (run / "experiment.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")


def _examples(
    n: int, labels: list[str], draw: np.random.Generator, part: str = "test"
) -> Iterator[Example]:
    words = [f"word{i}" for i in range(2000)]
    for at in range(n):
        chosen = [words[i] for i in draw.integers(0, len(words), 12)]
        head, tail = f"Head{at % 9973}", f"Tail{at % 7919}"
        text = " ".join([*chosen[:3], head, *chosen[3:7], tail, *chosen[7:], "."])
        start, end = text.index(head), text.index(tail)
        yield Example(
            f"{part}-{at}",
            text,
            Mention.of(text, start, start + len(head)),
            Mention.of(text, end, end + len(tail)),
            labels[int(draw.integers(0, len(labels)))],
        )


def _note(draft: Any, units: int, backend: str | None) -> None:
    draft.timings["work"] = units / 1000
    draft.notes.update(title="", run="speed", units=units, backend=backend, prefix_tokens=0,
                       backend_notes=[], share=1.0)  # fmt: skip
    (draft.folder / "ledger.jsonl").touch()


def _calls(folder: Path, ids: list[str]) -> None:
    usage = {"input_tokens": 400, "output_tokens": 8, "source": "reported", "cache_read_tokens": 0,
             "cache_write_tokens": 0, "reasoning_tokens": 0}  # fmt: skip
    with (
        (folder / "ledger.jsonl").open("w") as ledger,
        (folder / "content" / "calls.jsonl").open("w") as calls,
    ):
        for at, example in enumerate(ids):
            tokens = {**usage, "input_tokens": 300 + at % 200}
            charge = {"key": f"{at:064x}", "usage": tokens, "paid": True, "latency_s": 0.4}
            ledger.write(json.dumps(charge) + "\n")
            calls.write(json.dumps({"item": example, "calls": [charge["key"]]}) + "\n")


if __name__ == "__main__":
    sys.exit(main())
