"""All pairs at once say what each pair alone says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.errors import DataError
from harness.metrics import Answers, compare, compare_all, holm
from harness.relations import Outcome, Relation, Schema

SCHEMA = Schema("small", "none", tuple(Relation(f"r{i}") for i in range(4)))


def answers(rng: np.random.Generator, gold: np.ndarray, groups: np.ndarray, share: float,
            seeds: int) -> Answers:  # fmt: skip
    shape = (seeds, len(gold))
    said = np.where(rng.random(shape) < share, gold, rng.integers(0, 5, shape))
    outcomes = np.full(shape, tuple(Outcome).index(Outcome.PARSED), np.int8)
    return Answers(SCHEMA, tuple(f"e{i}" for i in range(len(gold))), gold, said, groups, outcomes)


@pytest.fixture(scope="module")
def systems() -> list[Answers]:
    rng = np.random.default_rng(4)
    gold, groups = rng.integers(0, 5, 240), np.repeat(np.arange(120), 2)
    return [
        answers(rng, gold, groups, share, seeds)
        for share, seeds in ((0.85, 1), (0.7, 3), (0.72, 3), (0.83, 2))
    ]


@pytest.mark.parametrize("metric", ["micro_f1", "semeval_macro_f1", "micro_f1@unparsed=na"])
def test_each_pair_agrees_with_the_comparison_of_the_two_alone(
    systems: list[Answers], metric: str
) -> None:
    pairs = compare_all(systems, metric, resamples=4000, seed=1)
    assert [(p.first, p.second) for p in pairs] == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    for pair in pairs:
        alone = compare(systems[pair.first], systems[pair.second], metric, resamples=4000)
        assert pair.difference == pytest.approx(alone.difference)
        assert pair.low <= pair.difference <= pair.high
        # Within what two sets of 4,000 draws differ by chance.
        assert (pair.low, pair.high) == pytest.approx((alone.low, alone.high), abs=0.6)
        assert pair.p_randomisation == pytest.approx(alone.p_randomisation, abs=0.04)
        assert pair.p_bootstrap == pytest.approx(alone.p_bootstrap, abs=0.04)
    corrected = holm([pair.p_randomisation for pair in pairs])
    assert [pair.p_holm for pair in pairs] == pytest.approx(list(corrected))


def test_equal_systems_differ_by_nothing(systems: list[Answers]) -> None:
    (pair,) = compare_all([systems[0], systems[0]], "micro_f1", resamples=100)
    assert (pair.difference, pair.low, pair.high) == (0, 0, 0)
    assert (pair.p_randomisation, pair.p_bootstrap, pair.p_holm) == (1, 1, 1)


def test_the_order_of_the_examples_does_not_matter(systems: list[Answers]) -> None:
    turned = [systems[0], systems[1].subset(systems[1].ids[::-1])]
    assert compare_all(turned, "micro_f1", resamples=200) == compare_all(
        systems[:2], "micro_f1", resamples=200
    )


def test_fewer_than_two_systems_have_no_pair(systems: list[Answers]) -> None:
    assert compare_all([], "micro_f1") == ()
    assert compare_all(systems[:1], "micro_f1") == ()


def test_systems_on_other_examples_are_named(systems: list[Answers]) -> None:
    other = systems[2].subset(systems[2].ids[:100])
    with pytest.raises(DataError, match=r"systems 0 and 2: .* different examples"):
        compare_all([*systems[:2], other], "micro_f1")
    wrong = replace(systems[1], gold=(systems[1].gold + 1) % 5)
    with pytest.raises(DataError, match=r"systems 0 and 1: .* different gold labels"):
        compare_all([systems[0], wrong], "micro_f1")
