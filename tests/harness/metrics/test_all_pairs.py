"""All pairs of several systems: one set of draws, Holm, tied groups."""

from __future__ import annotations

import time

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.errors import DataError
from harness.metrics import AllPairs, Answers, compare, compare_all, holm, tied_groups
from harness.relations import Schema


def answers(
    schema: Schema, accuracy: float, *, n: int = 400, seeds: int = 1, chance: int = 0
) -> Answers:
    """Answers that are right with a chance, to gold that is always the same."""
    labels = len(schema.label_names)
    gold = np.random.default_rng(99).integers(0, labels, n)
    rng = np.random.default_rng([chance, round(accuracy * 1000), seeds])
    right = rng.random((seeds, n)) < accuracy
    return Answers(
        schema=schema,
        ids=tuple(map(str, range(n))),
        gold=gold,
        predicted=np.where(right, gold, (gold + 1) % labels),
        groups=np.arange(n),
        outcomes=np.zeros((seeds, n), np.int8),
    )


def of(scores: list[float], p: NDArray[np.float64]) -> AllPairs:
    return AllPairs(np.array(scores), p, p)


def p_matrix(size: int, shown: list[tuple[int, int]]) -> NDArray[np.float64]:
    found = np.ones((size, size))
    for i, j in shown:
        found[i, j] = found[j, i] = 0.001
    return found


def test_a_pair_agrees_with_the_paired_bootstrap_of_compare(semeval_schema: Schema) -> None:
    first, second = answers(semeval_schema, 0.80, seeds=3), answers(semeval_schema, 0.77)
    pairs = compare_all([first, second], "micro_f1", resamples=4000)
    single = compare(first, second, "micro_f1", resamples=4000)
    assert pairs.scores[0] - pairs.scores[1] == pytest.approx(single.difference)
    assert pairs.p[0, 1] == pytest.approx(single.p_bootstrap, abs=0.03)


def test_p_values_are_corrected_over_all_pairs(semeval_schema: Schema) -> None:
    systems = [answers(semeval_schema, a) for a in (0.9, 0.86, 0.7, 0.69)]
    pairs = compare_all(systems, "micro_f1", resamples=1000)
    upper = np.triu_indices(4, 1)
    assert pairs.p_holm[upper] == pytest.approx(holm(pairs.p[upper]))
    assert (pairs.p == pairs.p.T).all() and (pairs.p_holm == pairs.p_holm.T).all()


def test_the_order_of_examples_does_not_matter(semeval_schema: Schema) -> None:
    first, second = answers(semeval_schema, 0.8), answers(semeval_schema, 0.7)
    turned = second.subset(reversed(second.ids))
    assert (
        compare_all([first, second], "micro_f1", resamples=500).p
        == compare_all([first, turned], "micro_f1", resamples=500).p
    ).all()


def test_systems_on_other_examples_are_refused(semeval_schema: Schema) -> None:
    first = answers(semeval_schema, 0.8)
    with pytest.raises(DataError, match="different examples"):
        compare_all([first, first.subset(first.ids[:100])], "micro_f1", resamples=100)


def test_equal_systems_are_tied(semeval_schema: Schema) -> None:
    same = answers(semeval_schema, 0.8)
    ties = tied_groups(compare_all([same, same, same], "micro_f1", resamples=200))
    assert {(tie.group, tie.best, tie.worst) for tie in ties} == {(1, 1, 3)}


def test_clearly_different_systems_are_ranked(semeval_schema: Schema) -> None:
    systems = [answers(semeval_schema, a) for a in (0.5, 0.95, 0.75)]
    ties = tied_groups(compare_all(systems, "micro_f1", resamples=1000))
    assert [(tie.group, tie.best, tie.worst) for tie in ties] == [(3, 3, 3), (1, 1, 1), (2, 2, 2)]


def test_a_system_between_two_joins_their_groups_and_the_ranges_tell_them_apart() -> None:
    ties = tied_groups(of([90, 85, 80], p_matrix(3, [(0, 2)])))
    assert [tie.group for tie in ties] == [1, 1, 1]
    assert [(tie.best, tie.worst) for tie in ties] == [(1, 2), (1, 3), (2, 3)]


def test_no_group_ends_where_one_pair_across_it_is_open() -> None:
    shown = [(0, 2), (0, 3), (1, 2), (1, 3)]
    assert [t.group for t in tied_groups(of([90, 85, 80, 70], p_matrix(4, shown)))] == [1, 1, 2, 2]
    for left in range(4):
        open_ = shown[:left] + shown[left + 1 :]
        ties = tied_groups(of([90, 85, 80, 70], p_matrix(4, open_)))
        assert [tie.group for tie in ties] == [1, 1, 1, 1]


@pytest.mark.slow
def test_twenty_systems_on_2717_examples_take_less_than_half_a_minute(
    semeval_schema: Schema,
) -> None:
    systems = [answers(semeval_schema, 0.7 + 0.01 * i, n=2717, chance=i) for i in range(20)]
    started = time.perf_counter()
    pairs = compare_all(systems, "semeval_macro_f1", resamples=10_000)
    assert time.perf_counter() - started < 30
    assert pairs.p.shape == (20, 20)
