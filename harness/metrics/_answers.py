"""Gold and predicted labels, joined by example id: what every metric is computed from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from harness.errors import Problem
from harness.metrics._problems import raise_problems
from harness.relations import Example, Outcome, Prediction, Schema

__all__ = ["LEFT_OUT", "OUTSIDE", "Answers", "Unparsed", "join", "join_labels"]

OUTSIDE = -1
"""Code of an answer that is missing or could not be read as a label of the schema."""

LEFT_OUT = -2
"""Code of an answer that is not scored at all (``with_unparsed("left_out")``)."""

Unparsed: TypeAlias = Literal["wrong", "na", "left_out"]
"""How answers that could not be read are scored."""

_OUTCOMES = tuple(Outcome)
_PARSED = _OUTCOMES.index(Outcome.PARSED)


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What a system said of ``n`` examples in each of its training seeds, beside the gold.

    Attributes:
        schema: The schema whose ``label_names`` the codes index; its last label is NA.
        ids: The examples' ids, ``n`` of them.
        gold: Codes of the gold labels, shape (n,).
        predicted: Codes of the predicted labels, shape (seeds, n); ``OUTSIDE`` for an answer
            that is missing or unreadable, ``LEFT_OUT`` for one that is not scored.
        groups: Group of each example, numbered from 0, shape (n,); resampling goes by it.
        outcomes: How each answer was read, shape (seeds, n), as an index into
            ``tuple(Outcome)``.
    """

    schema: Schema
    ids: tuple[str, ...]
    gold: NDArray[np.int64]
    predicted: NDArray[np.int64]
    groups: NDArray[np.int64]
    outcomes: NDArray[np.int8]

    def __post_init__(self) -> None:
        n = len(self.ids)
        if self.gold.shape != (n,) or self.groups.shape != (n,):
            raise ValueError(f"gold and groups must have the shape ({n},)")
        if self.predicted.ndim != 2 or self.predicted.shape[1] != n or not len(self.predicted):
            raise ValueError(f"predicted must have the shape (seeds, {n}) with at least one seed")
        if self.outcomes.shape != self.predicted.shape:
            raise ValueError("outcomes must have the shape of predicted")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def seeds(self) -> int:
        """Number of training seeds."""
        return len(self.predicted)

    @property
    def na(self) -> int:
        """Code of the declared NA label."""
        return len(self.schema.label_names) - 1

    @property
    def scored(self) -> NDArray[np.bool_]:
        """Which answers are scored, shape (seeds, n)."""
        return np.asarray(self.predicted != LEFT_OUT)

    @property
    def parsed(self) -> NDArray[np.bool_]:
        """Which answers were read as a label of the schema, shape (seeds, n)."""
        return np.asarray(self.outcomes == _PARSED)

    @property
    def unparsed_count(self) -> int:
        """How many answers, over all seeds, are missing or unreadable."""
        return int((~self.parsed).sum())

    def outcome_counts(self) -> tuple[Mapping[Outcome, int], ...]:
        """How many answers of each seed had each outcome; every outcome is a key."""
        counts = [np.bincount(row, minlength=len(_OUTCOMES)) for row in self.outcomes]
        return tuple(
            {outcome: int(row[code]) for code, outcome in enumerate(_OUTCOMES)} for row in counts
        )

    def seed(self, index: int) -> Answers:
        """The answers of one training seed."""
        return replace(
            self,
            predicted=self.predicted[[index]],
            outcomes=self.outcomes[[index]],
        )

    def subset(self, ids: Iterable[str]) -> Answers:
        """The answers to some of the examples, in the order of ``ids``.

        Raises:
            DataError: When an id is unknown or stands twice.
        """
        wanted = tuple(ids)
        position = {example_id: i for i, example_id in enumerate(self.ids)}
        raise_problems(
            [
                *_twice(wanted, "the ids asked for"),
                *(
                    Problem(f"no answer was joined for the id {i!r}", "ask for ids of the gold")
                    for i in wanted
                    if i not in position
                ),
            ]
        )
        index = np.array([position[i] for i in wanted], dtype=np.int64)
        return replace(
            self,
            ids=wanted,
            gold=self.gold[index],
            predicted=self.predicted[:, index],
            groups=_numbered(self.groups[index]),
            outcomes=self.outcomes[:, index],
        )

    def with_unparsed(self, how: Unparsed) -> Answers:
        """Scores missing and unreadable answers in another way.

        Args:
            how: ``wrong`` as a label outside the schema: a false positive, and a false negative
                where gold is not NA (the default of ``join``); ``na`` as if the system had
                answered NA; ``left_out`` not at all, in the seed where it happened.
        """
        code = {"wrong": OUTSIDE, "na": self.na, "left_out": LEFT_OUT}[how]
        return replace(self, predicted=np.where(self.parsed, self.predicted, code))


def join(
    gold: Sequence[Example], predictions: Sequence[Sequence[Prediction]], schema: Schema
) -> Answers:
    """Joins predictions to gold by example id.

    Args:
        gold: Labelled examples; their order is that of the result.
        predictions: One sequence per training seed, each in any order. An example without a
            prediction gets the outcome ``MISSING`` and the code ``OUTSIDE``.
        schema: The schema both use.

    Raises:
        DataError: When a gold label is absent or not in the schema, an id stands twice, a
            prediction is for an example that is not in gold, or its label is not in the schema.
        ValueError: When there is no seed at all.
    """
    labels = {example.id: example.relation for example in gold}
    ids = tuple(example.id for example in gold)
    problems = _twice(ids, "gold")
    rows: list[dict[str, tuple[str | None, Outcome]]] = []
    for seed, row in enumerate(predictions):
        where = f"the predictions of seed {seed}" if len(predictions) > 1 else "the predictions"
        problems += _twice((p.example_id for p in row), where)
        problems += _unknown((p.example_id for p in row), labels, where)
        problems += [
            Problem(
                f"the prediction for {p.example_id!r} has the label {p.label!r},"
                f" which the schema {schema.name!r} does not have",
                "give it the outcome invalid_label, or correct the label",
            )
            for p in row
            if p.label is not None and p.label not in schema
        ]
        rows.append({p.example_id: (p.label, p.outcome) for p in row})
    return _joined(labels, ids, [e.group_key for e in gold], rows, schema, problems)


def join_labels(
    gold: Mapping[str, str],
    predicted: Mapping[str, str | None],
    schema: Schema,
    *,
    groups: Mapping[str, str] | None = None,
) -> Answers:
    """Joins label-only data, such as published predictions, by id.

    A predicted label must equal a label of the schema exactly; any other string has the
    outcome ``INVALID_LABEL``, None or a missing id ``MISSING``, and both count as ``OUTSIDE``.

    Args:
        gold: Id to gold label; the order is that of the result.
        predicted: Id to predicted label.
        schema: The schema of the gold labels.
        groups: Id to group, where examples share one.

    Raises:
        DataError: When a gold label is not in the schema or a predicted id is not in gold.
    """
    row = {
        i: (label, Outcome.PARSED)
        if label in schema
        else (None, Outcome.MISSING if label is None else Outcome.INVALID_LABEL)
        for i, label in predicted.items()
    }
    keys = [groups.get(i, i) if groups is not None else i for i in gold]
    problems = _unknown(predicted, gold, "the predictions")
    return _joined(dict(gold), tuple(gold), keys, [row], schema, problems)


def _joined(
    labels: Mapping[str, str | None],
    ids: tuple[str, ...],
    groups: Sequence[str],
    rows: Sequence[Mapping[str, tuple[str | None, Outcome]]],
    schema: Schema,
    problems: list[Problem],
) -> Answers:
    problems = [
        *problems,
        *(
            Problem(
                f"the gold label of {i!r} is {label!r}, which the schema {schema.name!r}"
                " does not have",
                "correct the label, or add it to the schema",
            )
            for i, label in labels.items()
            if label is None or label not in schema
        ),
    ]
    raise_problems(problems)
    code: dict[str | None, int] = {name: c for c, name in enumerate(schema.label_names)}
    code[None] = OUTSIDE
    missing = (None, Outcome.MISSING)
    outcome_code = {outcome: c for c, outcome in enumerate(_OUTCOMES)}
    read = [[row.get(i, missing) for i in ids] for row in rows]
    shape = (len(rows), len(ids))
    return Answers(
        schema=schema,
        ids=ids,
        gold=np.array([code[labels[i]] for i in ids], dtype=np.int64),
        predicted=np.array([[code[label] for label, _ in r] for r in read], np.int64).reshape(
            shape
        ),
        groups=_numbered(np.array(groups, dtype=np.str_)),
        outcomes=np.array([[outcome_code[o] for _, o in r] for r in read], np.int8).reshape(shape),
    )


def _numbered(keys: NDArray[np.str_] | NDArray[np.int64]) -> NDArray[np.int64]:
    return np.unique(keys, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _twice(ids: Iterable[str], where: str) -> list[Problem]:
    return [
        Problem(f"the id {i!r} stands {count} times in {where}", "give every example one row")
        for i, count in Counter(ids).items()
        if count > 1
    ]


def _unknown(ids: Iterable[str], known: Mapping[str, object], where: str) -> list[Problem]:
    return [
        Problem(f"{where} have the id {i!r}, which is not in gold", "remove it or correct the id")
        for i in ids
        if i not in known
    ]
