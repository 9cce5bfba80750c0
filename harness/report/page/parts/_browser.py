"""All test examples, to be filtered and searched in the page itself."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report.page._blocks import Block, Widget
from harness.report.page._evidence import Evidence
from harness.report.page._section import Section

__all__ = ["SECTION"]


def _blocks(evidence: Evidence) -> Sequence[Block]:
    examples, systems = evidence.examples, evidence.whole
    if not examples:
        return ()
    gold = next(iter(systems.values())).answers.gold
    student = evidence.student
    data = {
        "labels": list(evidence.schema.label_names),
        "na": len(evidence.schema.label_names) - 1,
        "ids": [e.id for e in examples],
        "texts": [e.text for e in examples],
        "spans": [[e.head.start, e.head.end, e.tail.start, e.tail.end] for e in examples],
        "gold": gold.tolist(),
        "reference": evidence.table.reference,
        "student": None if student is None or student.name not in systems else student.name,
        "systems": [
            {
                "name": name,
                "seeds": system.answers.seeds,
                "answers": system.answers.predicted[0].tolist(),
                "sure": _percent(evidence.confidences(name), [e.id for e in examples]),
            }
            for name, system in systems.items()
        ],
    }
    return (Widget("browser", data),)


def _percent(confidences: dict[str, float], ids: list[str]) -> list[int] | None:
    """Confidence in whole percent, -1 where there is none; None for a system without any."""
    if not confidences:
        return None
    return [round(100 * confidences[i]) if i in confidences else -1 for i in ids]


SECTION = Section("All examples", 120, _blocks, "Browse")
