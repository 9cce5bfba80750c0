"""A stand-in for a batch service: one round of an experiment's calls, out and in again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.speed.loopback import completion_body
from harness.pipeline import Setup, export_batch, import_batch

__all__ = ["answer_round"]


def answer_round(setup: Setup, run: Path, say: Callable[[Mapping[str, Any]], str]) -> int:
    """Exports what a run needs next, answers each body with ``say``, imports; counts the calls."""
    requests, answers = run.with_name("requests.jsonl"), run.with_name("answers.jsonl")
    calls = 0
    for backend in setup.experiment.backends:
        requests.unlink(missing_ok=True)
        export_batch(setup, requests, folder=run, backend=backend)
        if not requests.exists():
            continue
        rows = [json.loads(line) for line in requests.read_text(encoding="utf-8").splitlines()]
        lines = [
            {
                "custom_id": row["custom_id"],
                "error": None,
                "response": {
                    "status_code": 200,
                    "body": completion_body(row["body"]["model"], say(row["body"])),
                },
            }
            for row in rows
        ]
        answers.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        import_batch(setup, answers, folder=run)
        calls += len(rows)
    return calls
