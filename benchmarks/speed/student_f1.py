"""Micro-F1 of a student's options on held-out rows that are no test set.

Run ``python -m benchmarks.speed.student_f1 gold_k8 --option learning_rate=4e-4``. SemEval
students are scored on 1,000 rows of the training file that no few-shot set holds, demo students
on the demo's dev rows. In place of a set's name there may be files of SemEval rows, such as
``calldistil describe --export`` writes; none of their sentences is scored. The defaults of
``entity_marker.v1`` were chosen with this. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.speed.students import options_of
from harness.datasets import read_examples
from harness.errors import DataError, Problem
from harness.metrics import join_labels, score
from harness.relations import Example, Schema, load_schema, parse_marked
from harness.students import make_student

__all__ = ["main"]

BENCHMARKS = Path(__file__).resolve().parents[1]
SETS = ("gold_k8", "generated", "generated_gold_k8", "full", "demo_few_shot", "demo_generated")
HELD_OUT = 1000


def _generated(file: Path, schema: Schema) -> list[Example]:
    """Rows of a recording: one answer per label, by name or in the labels' sorted order."""
    rows: list[Example] = []
    records = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    for name, record in zip(sorted(schema.label_names), records, strict=True):
        label = record.get("relation", name)
        for sample in filter(None, map(str.strip, record["response"].splitlines())):
            text = parse_marked(re.sub(r"^\d+[.)]\s*", "", sample), schema.markers)
            rows.append(Example(f"g{len(rows)}", text.text, text.head, text.tail, relation=label))
    return rows


def _semeval(names: Sequence[str], schema: Schema) -> tuple[list[Example], list[Example]]:
    home = os.environ.get("CALLDISTIL_DATA")
    if not home:
        raise DataError([Problem("SemEval is not at hand", "set CALLDISTIL_DATA to its folder")])
    folder = Path(home) / "semeval2010_task8"
    rows = read_examples(folder / "TRAIN_FILE.TXT", format="semeval", schema=schema)
    draws: dict[str, list[int]] = json.loads((folder / "few_shot_ids.json").read_text())
    drawn = {str(i) for ids in draws.values() for i in ids}
    given: list[Example] = []
    if names[0] not in SETS:
        for name in names:
            given += read_examples(name, schema=schema)
    seen = {row.text for row in given}
    held = [row for row in rows if row.id not in drawn and row.text not in seen]
    random.Random(7).shuffle(held)
    held = held[:HELD_OUT]
    if given:
        return given, held
    name = names[0]
    if name == "full":
        unseen = {row.id for row in held}
        return [row for row in rows if row.id not in unseen], held
    few = {str(i) for i in draws["k8-seed1"]}
    gold = [row for row in rows if row.id in few] if name.endswith("gold_k8") else []
    recording = BENCHMARKS / "recordings" / schema.name / "generate.all_at_once.v1.jsonl"
    written = _generated(recording, schema) if name.startswith("generated") else []
    return written + gold, held


def _demo(names: Sequence[str], schema: Schema) -> tuple[list[Example], list[Example]]:
    folder = BENCHMARKS / "demo"
    dev = list(read_examples(folder / "dev.jsonl", schema=schema))
    if names[0] == "demo_few_shot":
        return list(read_examples(folder / "few_shot.jsonl", schema=schema)), dev
    return _generated(folder / "recordings" / "generate.all_at_once.v1.jsonl", schema), dev


def main(arguments: Sequence[str] | None = None) -> int:
    """Trains with each seed and prints the mean micro-F1 as one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.student_f1")
    parser.add_argument("train", nargs="+", help=f"One of {', '.join(SETS)}; or files of rows.")
    parser.add_argument("--student", default="entity_marker.v1")
    parser.add_argument("--option", "-O", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    chosen = parser.parse_args(arguments)
    if len(chosen.train) > 1 and set(chosen.train) & set(SETS):
        parser.error("name one set, or files of rows")

    options = options_of(chosen.option)
    demo = chosen.train[0].startswith("demo_")
    schema = load_schema("newsroom-demo" if demo else "semeval-2010-task-8")
    rows, held = (_demo if demo else _semeval)(chosen.train, schema)
    gold = {row.id: str(row.relation) for row in held}
    scores, seconds = [], []
    for seed in chosen.seeds:
        student = make_student(chosen.student, schema=schema, options=options)
        seconds.append(student.fit(examples=rows, seed=seed).seconds)
        best = student.predict_proba(examples=held).argmax(axis=1)
        said = {row.id: student.labels[i] for row, i in zip(held, best, strict=True)}
        scores.append(float(score(join_labels(gold, said, schema), "micro_f1")[0]))
        print(f"seed {seed}: {scores[-1]:.1f} after {seconds[-1]:.0f} s", file=sys.stderr)
    result = {
        "name": f"{chosen.student} on {' + '.join(chosen.train)}, {len(rows)} rows",
        "options": options,
        "value": round(float(np.mean(scores)), 1),
        "unit": "micro-F1 on held-out rows",
        "held_out": len(held),
        "seeds": [round(value, 1) for value in scores],
        "seconds": round(float(np.mean(seconds)), 1),
    }
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
