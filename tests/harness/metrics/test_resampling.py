"""Intervals and paired tests: against exact enumeration, by property and by simulation."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from harness.errors import DataError
from harness.metrics import (
    Answers,
    compare,
    examples_needed,
    holm,
    interval,
    metrics,
    score,
)
from harness.relations import load_schema

Build = Callable[..., Answers]
SCHEMA = load_schema("semeval-2010-task-8")
LABELS = len(SCHEMA.label_names)
NAMES = ("micro_f1", "semeval_macro_f1", "accuracy")


def made(
    gold: NDArray[np.int64], predicted: NDArray[np.int64], groups: NDArray[np.int64] | None = None
) -> Answers:
    n = len(gold)
    return Answers(
        schema=SCHEMA,
        ids=tuple(map(str, range(n))),
        gold=gold,
        predicted=predicted,
        groups=np.arange(n) if groups is None else groups,
        outcomes=np.zeros(predicted.shape, np.int8),
    )


def simulated(
    rng: np.random.Generator, *, gold: NDArray[np.int64], right: list[float]
) -> NDArray[np.int64]:
    """Answers that are right with a chance per seed, and else any label."""
    shape = (len(right), len(gold))
    hit = rng.random(shape) < np.array(right)[:, None]
    return np.where(hit, gold, rng.integers(0, LABELS, shape))


@st.composite
def systems(draw: st.DrawFn, sides: int = 1) -> list[Answers]:
    n = draw(st.integers(1, 12))
    code = st.integers(0, LABELS - 1)
    gold = np.array(draw(st.lists(code, min_size=n, max_size=n)))
    groups = np.array(draw(st.lists(st.integers(0, 5), min_size=n, max_size=n)))
    found = []
    for _ in range(sides):
        seeds = draw(st.integers(1, 3))
        row = st.lists(code, min_size=n, max_size=n)
        predicted = np.array(draw(st.lists(row, min_size=seeds, max_size=seeds)))
        found.append(made(gold, predicted, groups))
    return found


# -- intervals -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None)
@given(found=systems())
def test_an_interval_contains_its_estimate_and_stays_in_bounds(
    name: str, found: list[Answers]
) -> None:
    (answers,) = found
    result = interval(answers, name, resamples=50)
    assert -1e-9 <= result.low <= result.value <= result.high <= 100 + 1e-9
    assert result.value == pytest.approx(score(answers, name).mean())
    assert result.seed_min <= result.value + 1e-9 and result.value <= result.seed_max + 1e-9
    assert (result.seed_sd is None) == (answers.seeds == 1)
    assert result.groups == len(np.unique(answers.groups))


@settings(deadline=None)
@given(found=systems(sides=2), data=st.data())
def test_results_do_not_depend_on_the_order_of_examples(
    found: list[Answers], data: st.DataObject
) -> None:
    system, reference = found
    order = data.draw(st.permutations(system.ids))
    once = compare(system, reference, "micro_f1", resamples=50)
    again = compare(system.subset(order), reference, "micro_f1", resamples=50)
    assert once == again
    assert (once.draws == again.draws).all()
    moved = interval(system.subset(order), "micro_f1", resamples=50)
    assert moved == interval(system, "micro_f1", resamples=50)


def test_the_bootstrap_agrees_with_enumerating_every_resample() -> None:
    gold = np.array([0, 1, 2, 18])
    predicted = np.array([[0, 1, 3, 2], [0, 5, 2, 18], [4, 1, 2, 18]])
    groups = np.array([0, 0, 1, 2])
    answers = made(gold, predicted, groups)
    metric = metrics.get("micro_f1")
    counts = metric.counts(answers)
    by_group = np.stack([counts[:, groups == g].sum(axis=1) for g in range(3)], axis=1)
    exact = []
    for drawn in itertools.product(range(3), repeat=3):
        of_seed = metric.value(by_group[:, list(drawn)].sum(axis=1))
        # two of three seeds are drawn: the mean's variance is then unbiased
        exact += [of_seed[list(s)].mean() for s in itertools.product(range(3), repeat=2)]
    result = interval(answers, "micro_f1", resamples=100_000, level=0.5)
    low, high = np.quantile(exact, [0.25, 0.75])
    assert (result.low, result.high) == pytest.approx((low, high), abs=0.5)
    against = compare(answers, made(gold, predicted[:1] * 0 + 18, groups), "micro_f1")
    assert against.draws.mean() == pytest.approx(np.mean(exact), abs=0.5)
    assert against.draws.std() == pytest.approx(np.std(exact), abs=0.5)


def test_seeds_drawn_give_the_unbiased_variance_of_their_mean() -> None:
    gold = np.zeros(2000, np.int64)
    right = np.array([0.5, 0.6, 0.7])
    predicted = (np.arange(2000) / 2000 >= right[:, None]).astype(np.int64)
    answers = made(gold, predicted, np.zeros(2000, np.int64))  # one group: examples do not vary
    reference = made(gold, np.zeros((1, 2000), np.int64), np.zeros(2000, np.int64))
    found = compare(answers, reference, "accuracy")
    assert found.seeds_sd == pytest.approx(10.0 / math.sqrt(3))
    assert found.draws.std() == pytest.approx(10.0 / math.sqrt(3), rel=0.02)
    assert found.examples_sd < 0.2 * found.seeds_sd  # none, but for the noise of the draws


def test_seeds_that_differ_by_chance_alone_add_no_constant_spread() -> None:
    rng = np.random.default_rng(12)
    spreads = []
    for _ in range(20):
        gold = rng.integers(0, LABELS, 200)
        system = made(gold, simulated(rng, gold=gold, right=[0.6] * 4))
        reference = made(gold, simulated(rng, gold=gold, right=[0.6]))
        found = compare(system, reference, "accuracy", resamples=500)
        spreads.append(found.seeds_sd**2)
        by_seed = score(system, "accuracy")
        assert found.seeds_sd < by_seed.std(ddof=1) / 2
    assert np.mean(spreads) < (100 * math.sqrt(0.24 / 200)) ** 2 / 4 / 2


def test_a_group_shares_its_fate_and_widens_the_interval() -> None:
    rng = np.random.default_rng(0)
    base = rng.integers(0, 5, 200)
    gold = np.repeat(base, 4)
    predicted = np.repeat(np.where(rng.random(200) < 0.7, base, 6), 4)[None]
    alone = interval(made(gold, predicted), "micro_f1")
    grouped = interval(made(gold, predicted, np.repeat(np.arange(200), 4)), "micro_f1")
    assert (alone.groups, grouped.groups) == (800, 200)
    assert (grouped.high - grouped.low) / (alone.high - alone.low) == pytest.approx(2, rel=0.1)


def test_the_spread_over_seeds_is_told_apart_from_the_interval() -> None:
    gold = np.arange(100) % 5
    predicted = np.stack([np.where(np.arange(100) < right, gold, 6) for right in (50, 60, 70)])
    found = interval(made(gold, predicted), "accuracy", resamples=200)
    assert (found.value, found.seed_min, found.seed_max) == (60.0, 50.0, 70.0)
    assert found.seed_sd == pytest.approx(10.0)
    assert found.seeds == 3


def test_no_example_or_a_foolish_option_is_refused(build: Build) -> None:
    with pytest.raises(DataError, match="no example to score"):
        interval(build([], []), "micro_f1")
    some = build(["born_in"], ["born_in"])
    with pytest.raises(ValueError, match="resamples"):
        interval(some, "micro_f1", resamples=0)
    with pytest.raises(ValueError, match="level"):
        compare(some, some, "micro_f1", level=1.0)


# -- paired comparison ---------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None)
@given(found=systems())
def test_a_system_does_not_differ_from_itself(name: str, found: list[Answers]) -> None:
    (answers,) = found
    result = compare(answers, answers, name, resamples=50)
    assert (result.difference, result.p_bootstrap, result.p_randomisation) == (0.0, 1.0, 1.0)
    assert result.low <= 0.0 <= result.high


@settings(deadline=None)
@given(found=systems(sides=2))
def test_a_comparison_the_other_way_round_has_the_opposite_sign(found: list[Answers]) -> None:
    one, other = found
    there = compare(one, other, "micro_f1", resamples=50)
    back = compare(other, one, "micro_f1", resamples=50)
    assert there.difference == pytest.approx(-back.difference)
    assert there.low <= there.difference <= there.high
    for result in (there, back):
        assert 0 < result.p_bootstrap <= 1 and 0 < result.p_randomisation <= 1


def exact_randomisation(system: Answers, reference: Answers, name: str) -> float:
    """Share of all swaps, done literally on the answers, that reach the difference."""
    metric = metrics.get(name)
    groups = np.unique(system.groups)
    reached, swaps = 0, list(itertools.product([False, True], repeat=len(groups)))
    observed = score(system, name).mean() - score(reference, name).mean()
    for swap in swaps:
        taken = np.isin(system.groups, groups[np.array(swap)])
        difference = []
        for one, other in itertools.product(system.predicted, reference.predicted):
            mixed = np.stack([np.where(taken, other, one), np.where(taken, one, other)])
            both = replace(system, predicted=mixed, outcomes=np.zeros(mixed.shape, np.int8))
            values = metric.value(metric.counts(both).sum(axis=1))
            difference.append(values[0] - values[1])
        reached += abs(np.mean(difference)) >= abs(observed) - 1e-9
    return reached / len(swaps)


@pytest.mark.parametrize(("seeds", "reference_seeds"), [(1, 1), (3, 1), (2, 2)])
@pytest.mark.parametrize("name", ["micro_f1", "semeval_macro_f1"])
def test_randomisation_agrees_with_enumerating_every_swap(
    name: str, seeds: int, reference_seeds: int
) -> None:
    rng = np.random.default_rng(seeds)
    gold = rng.integers(0, 6, 24)
    groups = np.arange(24) % 9
    system = made(gold, simulated(rng, gold=gold, right=[0.8] * seeds), groups)
    reference = made(gold, simulated(rng, gold=gold, right=[0.5] * reference_seeds), groups)
    found = compare(system, reference, name, resamples=20_000)
    exact = exact_randomisation(system, reference, name)
    assert found.p_randomisation == pytest.approx(exact, abs=0.015)


def test_a_clear_difference_is_found_and_its_p_is_never_zero() -> None:
    rng = np.random.default_rng(1)
    gold = rng.integers(0, LABELS, 500)
    system = made(gold, simulated(rng, gold=gold, right=[0.8, 0.82, 0.81]))
    reference = made(gold, simulated(rng, gold=gold, right=[0.5]))
    found = compare(system, reference, "micro_f1", resamples=999)
    assert found.low > 10
    assert found.p_bootstrap == found.p_randomisation == pytest.approx(1 / 1000)
    assert (found.system_seeds, found.reference_seeds, found.examples) == (3, 1, 500)
    assert found.probability_within(2.0) == 1.0
    assert found.probability_within(-100.0) == 0.0


def test_the_same_seed_gives_the_same_comparison_and_another_seed_another() -> None:
    rng = np.random.default_rng(2)
    gold = rng.integers(0, LABELS, 100)
    one, other = (made(gold, simulated(rng, gold=gold, right=[0.6])) for _ in range(2))
    first = compare(one, other, "micro_f1", resamples=200, seed=3)
    assert (first.draws == compare(one, other, "micro_f1", resamples=200, seed=3).draws).all()
    assert (first.draws != compare(one, other, "micro_f1", resamples=200, seed=4).draws).any()


def test_a_pair_over_different_examples_gold_or_groups_is_refused(build: Build) -> None:
    one = build(["born_in", "no_relation"], ["born_in", None])
    with pytest.raises(DataError, match=r"1 only in the system, 0 only in the reference"):
        compare(one, one.subset(["x0"]), "micro_f1")
    with pytest.raises(DataError, match="1 examples have different gold labels"):
        compare(one, build(["born_in", "born_in"], [None, None]), "micro_f1")
    grouped = build(["born_in", "no_relation"], [None, None], groups=["s", "s"])
    with pytest.raises(DataError, match="different groups"):
        compare(one, grouped, "micro_f1")


def test_the_variant_of_a_metric_holds_for_both_sides(build: Build) -> None:
    gold = ["born_in"] * 4
    system = build(gold, ["born_in", "born_in", None, None])
    reference = build(gold, ["born_in", "founded_by", "founded_by", "founded_by"])
    assert compare(system, reference, "accuracy", resamples=10).difference == 25.0
    found = compare(system, reference, "accuracy@unparsed=left_out", resamples=10)
    assert found.difference == 75.0


# -- how many more, and how many tests -----------------------------------------------------


def test_examples_needed_is_what_the_formula_says_and_would_suffice() -> None:
    rng = np.random.default_rng(5)
    gold = rng.integers(0, LABELS, 400)
    one, other = simulated(rng, gold=gold, right=[0.7]), simulated(rng, gold=gold, right=[0.73])
    found = compare(made(gold, one), made(gold, other), "micro_f1")
    assert found.low < -2.0 < found.high
    more = examples_needed(found, tolerance=2.0)
    z, gap = 1.959963984540054, abs(found.difference + 2.0)
    assert more == math.ceil(400 * (z * found.examples_sd / gap) ** 2) - 400
    times = math.ceil((400 + more) / 400) + 1  # one to spare: the percentiles are drawn
    larger = [made(np.tile(gold, times), np.tile(row, times)) for row in (one, other)]
    assert examples_needed(compare(*larger, "micro_f1"), tolerance=2.0) == 0


def test_no_further_example_is_needed_where_a_bound_separates() -> None:
    rng = np.random.default_rng(6)
    gold = rng.integers(0, LABELS, 400)
    good = made(gold, simulated(rng, gold=gold, right=[0.9]))
    bad = made(gold, simulated(rng, gold=gold, right=[0.5]))
    assert examples_needed(compare(good, bad, "micro_f1"), tolerance=2.0) == 0
    assert examples_needed(compare(bad, good, "micro_f1"), tolerance=2.0) == 0


def test_no_number_of_examples_tells_where_the_seeds_spread_too_wide() -> None:
    rng = np.random.default_rng(7)
    gold = rng.integers(0, LABELS, 400)
    wild = made(gold, simulated(rng, gold=gold, right=[0.4, 0.6, 0.8]))
    steady = made(gold, simulated(rng, gold=gold, right=[0.6]))
    assert examples_needed(compare(wild, steady, "micro_f1"), tolerance=2.0) is None


def test_no_number_of_examples_tells_a_difference_at_the_tolerance() -> None:
    gold = np.zeros(100, np.int64)
    reference = made(gold, gold[None])
    system = made(gold, (np.arange(100) < 2).astype(np.int64)[None])
    found = compare(system, reference, "accuracy")
    assert found.difference == pytest.approx(-2.0)
    assert examples_needed(found, tolerance=2.0) is None


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_never_lowers_a_p_value_and_keeps_their_order(p_values: list[float]) -> None:
    corrected = holm(p_values)
    assert (corrected >= np.array(p_values)).all()
    assert (corrected <= 1).all()
    assert (corrected <= np.minimum(np.array(p_values) * len(p_values), 1) + 1e-12).all()
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(corrected[order]) >= 0).all()


def test_holm_leaves_out_tests_that_were_not_made() -> None:
    corrected = holm([0.01, math.nan, 0.04])
    assert corrected[[0, 2]] == pytest.approx([0.02, 0.04])
    assert math.isnan(corrected[1])
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([1.5])


# -- by simulation -------------------------------------------------------------------------


def test_ten_thousand_resamples_of_a_full_test_set_take_seconds() -> None:
    rng = np.random.default_rng(8)
    gold = rng.integers(0, LABELS, 2717)
    system = made(gold, simulated(rng, gold=gold, right=[0.7] * 3))
    reference = made(gold, simulated(rng, gold=gold, right=[0.8]))
    start = time.perf_counter()
    found = compare(system, reference, "micro_f1")
    assert time.perf_counter() - start < 5
    assert len(found.draws) == 10_000


@pytest.mark.slow
def test_the_interval_covers_the_true_score_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(9)
    big = rng.integers(0, LABELS, 400_000)
    true = score(made(big, simulated(rng, gold=big, right=[0.7])), "micro_f1")[0]
    covered = 0
    for trial in range(500):
        gold = rng.integers(0, LABELS, 300)
        answers = made(gold, simulated(rng, gold=gold, right=[0.7]))
        found = interval(answers, "micro_f1", resamples=1000, seed=trial)
        covered += found.low <= true <= found.high
    assert 0.92 <= covered / 500 <= 0.98


@pytest.mark.slow
def test_with_several_seeds_the_interval_covers_at_least_as_often_as_it_says() -> None:
    """Sentences differ in difficulty, which all seeds share; models differ by their seed."""
    rng = np.random.default_rng(10)

    def trial(n: int, seeds: int) -> Answers:
        gold = rng.integers(0, LABELS, n)
        easy = rng.beta(1.2, 0.5, n)
        power = np.exp(rng.normal(0, 0.05, seeds))[:, None]
        hit = rng.random((seeds, n)) < easy**power
        return made(gold, np.where(hit, gold, rng.integers(0, LABELS, (seeds, n))))

    true = float(score(trial(50_000, 40), "micro_f1").mean())
    covered = 0
    for number in range(500):
        found = interval(trial(300, 4), "micro_f1", resamples=1000, seed=number)
        covered += found.low <= true <= found.high
    assert 0.93 <= covered / 500 <= 0.995


@pytest.mark.slow
def test_equal_systems_are_called_different_no_more_often_than_the_level_says() -> None:
    rng = np.random.default_rng(11)
    false_alarms = np.zeros(2)
    for trial in range(400):
        gold = rng.integers(0, LABELS, 200)
        one, other = (made(gold, simulated(rng, gold=gold, right=[0.6])) for _ in range(2))
        found = compare(one, other, "micro_f1", resamples=500, seed=trial)
        false_alarms += np.array([found.p_bootstrap, found.p_randomisation]) <= 0.05
    assert (false_alarms / 400 <= 0.085).all()
    assert (false_alarms / 400 >= 0.02).all()
