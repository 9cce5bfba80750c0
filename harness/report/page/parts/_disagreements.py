"""Twenty sentences on which the reference and the student disagree, to be read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from harness.relations import Prediction
from harness.report.page._blocks import Block, Note, Widget
from harness.report.page._evidence import Evidence
from harness.report.page._marked import pieces_of
from harness.report.page._section import Section

__all__ = ["SECTION"]

_SHOWN = 20
_LONGEST = 400  # characters of a raw answer


def _blocks(evidence: Evidence) -> Sequence[Block]:
    student = evidence.student
    if student is None or student.name not in evidence.whole:
        return ()
    mine, theirs, gold = (
        student.answers.predicted[0],
        evidence.reference.answers.predicted[0],
        student.answers.gold,
    )
    differing = [i for i in range(len(gold)) if mine[i] != theirs[i]]
    if not differing:
        return (Note("The student and the reference answer every sentence alike."),)
    lost = _spread((i for i in differing if theirs[i] == gold[i]), evidence)
    won = _spread((i for i in differing if mine[i] == gold[i]), evidence)
    neither = _spread((i for i in differing if gold[i] not in (mine[i], theirs[i])), evidence)
    half = _SHOWN // 2
    chosen = [*lost[:half], *won[:half]]
    chosen += [*neither, *lost[half:], *won[half:]][: _SHOWN - len(chosen)]
    names = list(evidence.whole)
    answers = {name: evidence.predictions(name) for name in names}
    sure = {name: evidence.confidences(name) for name in names}
    shown = []
    for i in chosen:
        example = evidence.examples[i]
        who = (
            "student" if mine[i] == gold[i] else "reference" if theirs[i] == gold[i] else "neither"
        )
        shown.append(
            {
                "id": example.id,
                "pieces": pieces_of(example),
                "gold": example.relation,
                "right": {"student": student.name, "reference": evidence.table.reference}.get(who),
                "answers": [
                    _answer(name, answers[name].get(example.id), sure[name].get(example.id),
                            example.relation)
                    for name in names
                ],
            }
        )  # fmt: skip
    n = len(differing)
    return (
        Note(
            f"{student.name} and {evidence.table.reference} answer {n:,} of {len(gold):,} sentences"
            f" differently (first training seed). Of these {len(lost):,} are lost,"
            f" {len(won):,} won, and {len(neither):,} wrong either way. {len(shown)} are drawn"
            " here, lost ones before won ones, spread over the relations."
        ),
        Widget("disagreements", shown),
    )


def _spread(places: Iterable[int], evidence: Evidence) -> list[int]:
    """A fixed shuffle that takes the gold relations in turn."""
    by_label: dict[str | None, list[int]] = {}
    for i in places:
        by_label.setdefault(evidence.examples[i].relation, []).append(i)
    for found in by_label.values():
        found.sort(key=lambda i: hashlib.sha256(evidence.examples[i].id.encode()).digest())
    turns = [(turn, i) for found in by_label.values() for turn, i in enumerate(found)]
    return [i for _, i in sorted(turns, key=lambda pair: pair[0])]


def _answer(
    name: str, prediction: Prediction | None, confidence: float | None, gold: str | None
) -> dict[str, object]:
    label = None if prediction is None else prediction.label
    raw = "" if prediction is None or label is not None else (prediction.answer or "")
    return {
        "system": name,
        "label": label or (prediction.outcome.value if prediction is not None else "missing"),
        "read": label is not None,
        "right": label == gold,
        "confidence": None if confidence is None else f"{100 * confidence:.0f}%",
        "raw": raw[:_LONGEST],
    }


SECTION = Section("Twenty disagreements", 110, _blocks, "Read")
