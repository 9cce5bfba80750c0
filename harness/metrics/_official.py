"""The official scorer of SemEval-2010 Task 8: its three evaluations, figure by figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from harness.errors import Problem
from harness.metrics._official_answers import LABELS, mend
from harness.metrics._problems import raise_problems

__all__ = [
    "OfficialEvaluation",
    "OfficialReport",
    "OfficialScore",
    "Scheme",
    "semeval_official",
]

OTHER = "_Other"
"""How the official scorer writes and sorts the label ``Other``."""


class Scheme(Enum):
    """What the official scorer counts as right."""

    DIRECTED_LABELS = "(2*9+1)-way, with direction"
    RELATIONS = "(9+1)-way, direction ignored"
    OFFICIAL = "(9+1)-way, direction taken into account"


@dataclass(frozen=True, slots=True)
class OfficialScore:
    """Counts of one label, or summed over labels, with the scores they give.

    Attributes:
        label: The label as the scorer writes it; empty for a sum.
        right: Right answers.
        answered: Answers with the label, those with the wrong direction left out.
        wrong_direction: Answers with the right relation and the wrong direction.
        gold: Examples of the key.
        precision: ``100 * right / (answered + wrong_direction)``, 0 without answers.
        recall: ``100 * right / gold``, 0 without examples.
        f1: Their harmonic mean, 0 where both are 0.
    """

    label: str
    right: int
    answered: int
    wrong_direction: int
    gold: int
    precision: float
    recall: float
    f1: float

    @classmethod
    def of(
        cls, label: str, *, right: int, answered: int, wrong_direction: int, gold: int
    ) -> OfficialScore:
        """Computes the scores in the scorer's own order of operations, so rounding agrees."""
        proposed = answered + wrong_direction
        precision = 100.0 * right / proposed if proposed else 0.0
        recall = 100.0 * right / gold if gold else 0.0
        both = precision + recall
        return cls(
            label=label,
            right=right,
            answered=answered,
            wrong_direction=wrong_direction,
            gold=gold,
            precision=precision,
            recall=recall,
            f1=2 * precision * recall / both if both else 0.0,
        )


@dataclass(frozen=True, slots=True)
class OfficialEvaluation:
    """One of the scorer's three evaluations.

    Attributes:
        scheme: What counts as right.
        rows: Labels of the key, sorted as the scorer does.
        columns: The same, then labels that were answered and are not in the key.
        confusion: Answers by key label (rows) and answered label (columns); answers with the
            wrong direction are left out of it in the official scheme.
        scores: One per label of the key.
        micro: Sum over the key's labels without Other.
        macro_precision: Mean over the key's labels without Other; 0 where there is none.
        macro_recall: Likewise.
        macro_f1: Likewise.
        right: Right answers, Other among them.
        answered: Answers.
        examples: Examples of the key.
        skipped_other: Examples of Other that were not answered.
    """

    scheme: Scheme
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    scores: tuple[OfficialScore, ...]
    micro: OfficialScore
    macro_precision: float
    macro_recall: float
    macro_f1: float
    right: int
    answered: int
    examples: int
    skipped_other: int


@dataclass(frozen=True, slots=True)
class OfficialReport:
    """What the official scorer prints.

    Attributes:
        unknown_labels: Answered labels that are not in the key, with their numbers; such answers
            are never right and cost recall alone, just as a skipped sentence.
        directed: The (2*9+1)-way evaluation with direction.
        undirected: The (9+1)-way evaluation with direction ignored.
        official: The (9+1)-way evaluation with direction taken into account.
    """

    unknown_labels: tuple[tuple[str, int], ...]
    directed: OfficialEvaluation
    undirected: OfficialEvaluation
    official: OfficialEvaluation

    @property
    def score(self) -> float:
        """The official score: macro-F1 over the relations of the key, in percent."""
        return self.official.macro_f1


def semeval_official(gold: Mapping[str, str], predicted: Mapping[str, str]) -> OfficialReport:
    """Scores answers as ``semeval2010_task8_scorer-v1.2.pl`` does.

    Args:
        gold: Id to label with direction (from TEST_FILE_FULL: TEST_FILE_KEY has none).
        predicted: Id to label; an id may be absent, which counts as skipped.

    Raises:
        DataError: When a label is not one of the task's 19, an id is not in gold, or gold is
            empty.

    >>> gold = {"1": "Cause-Effect(e1,e2)", "2": "Cause-Effect(e1,e2)", "3": "Other"}
    >>> report = semeval_official(gold, {"1": "Cause-Effect(e1,e2)", "2": "Cause-Effect(e2,e1)"})
    >>> report.score, report.undirected.macro_f1
    (50.0, 100.0)
    """
    problems = [
        Problem(f"the {side} label of {i!r} is {label!r}, which is not one of the 19", mend(label))
        for side, labels in (("gold", gold), ("predicted", predicted))
        for i, label in labels.items()
        if label not in LABELS
    ]
    problems += [
        Problem(f"the answer {i!r} is for no example of gold", "remove it or correct the id")
        for i in predicted
        if i not in gold
    ]
    if not gold:
        problems.append(Problem("gold has no example", "give the key of the sentences answered"))
    raise_problems(problems)
    key = {i: _written(label) for i, label in gold.items()}
    answers = {i: _written(label) for i, label in predicted.items()}
    known = set(key.values())
    unknown = Counter(label for label in answers.values() if label not in known)
    return OfficialReport(
        unknown_labels=tuple(sorted(unknown.items())),
        directed=_evaluate(Scheme.DIRECTED_LABELS, key, answers),
        undirected=_evaluate(Scheme.RELATIONS, key, answers),
        official=_evaluate(Scheme.OFFICIAL, key, answers),
    )


def _evaluate(
    scheme: Scheme, key: Mapping[str, str], answers: Mapping[str, str]
) -> OfficialEvaluation:
    with_direction = scheme is Scheme.DIRECTED_LABELS
    cells: Counter[tuple[str, str]] = Counter()
    flips: Counter[str] = Counter()
    gold = Counter(label if with_direction else _relation(label) for label in key.values())
    for example_id, full_answer in answers.items():
        full_gold = key[example_id]
        row, column = full_gold, full_answer
        if not with_direction:
            row, column = _relation(full_gold), _relation(full_answer)
        if scheme is Scheme.OFFICIAL and row == column and full_gold != full_answer:
            flips[row] += 1
        else:
            cells[row, column] += 1
    answered: Counter[str] = Counter()
    for (_, column), count in cells.items():
        answered[column] += count
    rows = tuple(sorted(gold))
    scores = tuple(
        OfficialScore.of(
            label,
            right=cells[label, label],
            answered=answered[label],
            wrong_direction=flips[label],
            gold=gold[label],
        )
        for label in rows
    )
    relations = [score for score in scores if score.label != OTHER]
    count = max(len(relations), 1)
    other_answered = sum(n for (row, _), n in cells.items() if row == OTHER)
    return OfficialEvaluation(
        scheme=scheme,
        rows=rows,
        columns=(*rows, *sorted(set(answered) - set(rows))),
        confusion=tuple(
            tuple(cells[row, column] for column in (*rows, *sorted(set(answered) - set(rows))))
            for row in rows
        ),
        scores=scores,
        micro=OfficialScore.of(
            "",
            right=sum(s.right for s in relations),
            answered=sum(s.answered for s in relations),
            wrong_direction=sum(s.wrong_direction for s in relations),
            gold=sum(s.gold for s in relations),
        ),
        macro_precision=sum(s.precision for s in relations) / count,
        macro_recall=sum(s.recall for s in relations) / count,
        macro_f1=sum(s.f1 for s in relations) / count,
        right=sum(cells[label, label] for label in rows),
        answered=len(answers),
        examples=len(key),
        skipped_other=gold[OTHER] - other_answered,
    )


def _written(label: str) -> str:
    return OTHER if label == "Other" else label


def _relation(label: str) -> str:
    return label.partition("(")[0]
