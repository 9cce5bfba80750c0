"""The metrics: micro-F1 without NA, SemEval's macro-F1, accuracy and the F1 of NA."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.metrics._answers import OUTSIDE, Answers
from harness.metrics._metric import metrics
from harness.relations import Schema

__all__ = ["Accuracy", "MicroF1", "NaF1", "SemevalMacroF1"]


@dataclass(frozen=True, slots=True)
class MicroF1:
    """Micro-averaged F1 over all labels but the declared NA.

    With ``tp`` right positive answers, ``predicted`` positive answers and ``gold`` positive
    examples, ``F1 = 100 * 2 * tp / (predicted + gold)``. A wrong positive counts in both, and so
    does an answer outside the schema; where gold is NA it counts in ``predicted`` alone. 0 where
    there is neither a positive answer nor a positive example, as in TACRED's scorer.

    Args:
        name: Registry name.
        directed: Whether a right relation with its arguments the wrong way round is wrong.

    >>> import numpy as np
    >>> MicroF1("micro_f1").value(np.array([3.0, 4.0, 6.0]))  # tp, predicted, gold
    array(60.)
    >>> float(MicroF1("micro_f1").value(np.zeros(3)))  # neither positives nor answers
    0.0
    """

    name: str
    directed: bool = True
    source: str = "Zhang et al. 2017, TACRED (tacrev/evaluation/score.py)"

    @property
    def summary(self) -> str:
        """One line for listings."""
        return f"micro-F1 over all labels but the declared NA{_suffix(self.directed)}"

    def counts(self, answers: Answers, /) -> NDArray[np.float64]:
        """Right positives, positive answers, positive examples; shape (seeds, n, 3)."""
        gold, predicted, na = _coded(answers, directed=self.directed)
        positive = gold != na
        right = (predicted == gold) & positive
        return _masked(answers, right, predicted != na, np.broadcast_to(positive, right.shape))

    def value(self, sums: NDArray[np.float64], /) -> NDArray[np.float64]:
        """F1 in 0..100."""
        return _ratio(200.0 * sums[..., 0], sums[..., 1] + sums[..., 2])


@dataclass(frozen=True, slots=True)
class SemevalMacroF1:
    """Macro-averaged F1 over the relations, as the official scorer of SemEval-2010 Task 8.

    For a relation without its direction, ``tp`` counts answers with the right relation and
    direction, ``predicted`` all answers with the relation, those with the wrong direction among
    them (the scorer's ``xDIRx``), and ``gold`` its examples. ``F1 = 2 * tp / (predicted + gold)``;
    the score is 100 times the mean over the relations that gold holds, NA left out. A relation
    without a gold example is not in the mean, whatever was answered, and 0 is the score where gold
    holds none. An answer outside the schema belongs to no relation, so it costs recall and no
    precision, as a skipped sentence does in the official scorer.

    Args:
        name: Registry name.
        directed: False for the scorer's "ignoring directionality".

    >>> import numpy as np
    >>> metric = SemevalMacroF1("semeval_macro_f1")
    >>> metric.value(np.array([1.0, 1.0, 1.0,  0.0, 1.0, 1.0]))  # F1 of 100 and of 0
    array(50.)
    >>> metric.value(np.array([1.0, 1.0, 1.0,  0.0, 1.0, 0.0]))  # the second is not in gold
    array(100.)
    >>> float(metric.value(np.zeros(6)))
    0.0
    """

    name: str
    directed: bool = True
    source: str = "Hendrickx et al. 2010, section 4.2; semeval2010_task8_scorer-v1.2.pl"

    @property
    def summary(self) -> str:
        """One line for listings."""
        return f"macro-F1 over the relations without NA{_suffix(self.directed)}"

    def counts(self, answers: Answers, /) -> NDArray[np.float64]:
        """Right, answered and gold of each relation; shape (seeds, n, 3 * relations)."""
        gold, predicted, na = _coded(answers, directed=False)
        right = predicted == gold
        if self.directed:
            right = right & (answers.predicted == answers.gold)
        relations = np.arange(na)
        of_gold = gold[..., None] == relations
        of_answer = predicted[..., None] == relations
        shape = (*predicted.shape, na, 3)
        counts = np.zeros(shape)
        counts[..., 0] = of_answer & right[..., None]
        counts[..., 1] = of_answer
        counts[..., 2] = of_gold
        counts *= answers.scored[..., None, None]
        return counts.reshape(*predicted.shape, 3 * na)

    def value(self, sums: NDArray[np.float64], /) -> NDArray[np.float64]:
        """Macro-F1 in 0..100."""
        by_relation = sums.reshape(*sums.shape[:-1], -1, 3)
        right, answered, gold = (by_relation[..., i] for i in range(3))
        present = gold > 0
        f1 = _ratio(200.0 * right, answered + gold)
        return _ratio((f1 * present).sum(axis=-1), present.sum(axis=-1))


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Share of right answers, NA included: ``100 * right / n``; 0 for no examples.

    >>> import numpy as np
    >>> Accuracy().value(np.array([3.0, 4.0]))
    array(75.)
    """

    name: str = "accuracy"
    summary: str = "share of right answers, NA included"
    source: str = "diagnostic"

    def counts(self, answers: Answers, /) -> NDArray[np.float64]:
        """Right answers and answers; shape (seeds, n, 2)."""
        return _masked(answers, answers.predicted == answers.gold, answers.scored)

    def value(self, sums: NDArray[np.float64], /) -> NDArray[np.float64]:
        """Accuracy in 0..100."""
        return _ratio(100.0 * sums[..., 0], sums[..., 1])


@dataclass(frozen=True, slots=True)
class NaF1:
    """F1 of the declared NA label alone, a diagnostic and no measure of extraction.

    ``F1 = 100 * 2 * tp / (predicted + gold)`` with NA as the only positive label; 0 where NA is
    neither answered nor gold. On TACRED a constant ``no_relation`` has 87.99.

    >>> import numpy as np
    >>> round(float(NaF1().value(np.array([8.0, 10.0, 8.0]))), 2)  # always NA, 8 of 10 are
    88.89
    """

    name: str = "na_f1"
    summary: str = "F1 of the declared NA label alone (a diagnostic)"
    source: str = "diagnostic"

    def counts(self, answers: Answers, /) -> NDArray[np.float64]:
        """Right NA answers, NA answers, NA examples; shape (seeds, n, 3)."""
        gold = np.broadcast_to(answers.gold == answers.na, answers.predicted.shape)
        predicted = answers.predicted == answers.na
        return _masked(answers, gold & predicted, predicted, gold)

    def value(self, sums: NDArray[np.float64], /) -> NDArray[np.float64]:
        """F1 in 0..100."""
        return _ratio(200.0 * sums[..., 0], sums[..., 1] + sums[..., 2])


def relation_codes(schema: Schema) -> NDArray[np.int64]:
    """Code of the relation of each label, in the schema's order; NA gets the last, as a label."""
    names = [relation.name for relation in schema.relations]
    return np.array(
        [len(names) if label.relation is None else names.index(label.relation)
         for label in schema.labels],
        dtype=np.int64,
    )  # fmt: skip


def _coded(answers: Answers, *, directed: bool) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Gold, predicted and NA as codes of labels or, without direction, of relations."""
    if directed:
        return answers.gold, answers.predicted, answers.na
    codes = relation_codes(answers.schema)
    inside = answers.predicted >= 0
    predicted = np.where(inside, codes[np.where(inside, answers.predicted, 0)], OUTSIDE)
    return codes[answers.gold], predicted, len(answers.schema.relations)


def _masked(answers: Answers, *columns: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.stack([column & answers.scored for column in columns], axis=-1).astype(np.float64)


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(part / np.where(whole > 0, whole, 1.0))


def _suffix(directed: bool) -> str:
    return "" if directed else ", direction ignored"


metrics.register("micro_f1")(MicroF1("micro_f1"))
metrics.register("micro_f1_undirected")(MicroF1("micro_f1_undirected", directed=False))
metrics.register("semeval_macro_f1")(SemevalMacroF1("semeval_macro_f1"))
metrics.register("semeval_macro_f1_undirected")(
    SemevalMacroF1("semeval_macro_f1_undirected", directed=False)
)
metrics.register("accuracy")(Accuracy())
metrics.register("na_f1")(NaF1())
