"""Break-even: it solves the equation, and says so where there is no solution."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from harness.costs import COST_MODES, BreakEven, Money, SystemCost, break_even, mean_draws

dollars = st.floats(0, 1e5).map(lambda amount: round(amount, 4))


def system(one_off: float | None, per_1000: float | None, *, assumed: bool = False) -> SystemCost:
    each = Money(per_1000, assumed)
    return SystemCost(Money(one_off), None, each, dict.fromkeys(COST_MODES, each), None)


@given(dollars, dollars, dollars, dollars)
def test_break_even_solves_its_equation_or_has_no_solution(
    student_one_off: float, student_each: float, one_off: float, each: float
) -> None:
    student, reference = system(student_one_off, student_each), system(one_off, each)
    found = break_even(student, reference)
    if found.kind == "after":
        volume = found.volume
        assert volume is not None and volume > 0
        mine = student_one_off + volume * student_each / 1000
        assert mine == pytest.approx(one_off + volume * each / 1000)
        assert student_one_off > one_off and student_each < each
    elif found.kind == "at_once":
        assert found.volume == 0
        assert student_one_off <= one_off and student_each <= each
    else:
        assert found == BreakEven("never")
        assert student_each >= each


@given(dollars, dollars, dollars, st.floats(0, 1e6))
def test_before_break_even_the_reference_is_cheaper_and_after_it_the_student(
    extra: float, each: float, saved: float, step: float
) -> None:
    assume(extra > 0.01 and saved > 0.01)
    found = break_even(system(extra, each), system(0.0, each + saved))
    assert found.kind == "after" and found.volume is not None

    def ahead(volume: float) -> float:
        return volume * saved / 1000 - extra

    assert ahead(found.volume + step + 1) > 0
    assert ahead(found.volume * 0.99) < 0


@pytest.mark.parametrize("place", range(4))
def test_one_unknown_cost_makes_the_break_even_unknown(place: int) -> None:
    costs: list[float | None] = [10.0, 1.0, 0.0, 2.0]
    costs[place] = None
    found = break_even(system(*costs[:2]), system(*costs[2:]))
    assert found == BreakEven("unknown")


@pytest.mark.parametrize(
    ("student", "reference", "kind"),
    [
        (system(0, 1), system(0, 2), "at_once"),
        (system(1, 2), system(2, 2), "at_once"),
        (system(1, 2), system(1, 2), "never"),  # it never gets cheaper
        (system(2, 2), system(1, 2), "never"),
        (system(0, 3), system(9, 2), "never"),  # ahead at first, overtaken later
        (system(9, 1), system(0, 2), "after"),
    ],
)
def test_the_kinds_at_their_borders(student: SystemCost, reference: SystemCost, kind: str) -> None:
    assert break_even(student, reference).kind == kind


def test_an_assumed_price_makes_the_break_even_assumed() -> None:
    assert break_even(system(10, 1), system(0, 2, assumed=True)).assumed
    assert break_even(system(10, None), system(0, 2, assumed=True)).assumed
    assert not break_even(system(10, 1), system(0, 2)).assumed


def test_another_mode_of_the_reference_moves_the_break_even() -> None:
    student, reference = system(10, 0), system(0, 2)
    assert break_even(student, reference).volume == pytest.approx(5_000)
    half = break_even(student, reference, reference_per_1000=Money(1.0))
    assert half.volume == pytest.approx(10_000)


def test_the_interval_covers_how_costs_vary_over_sentences() -> None:
    costs = np.random.default_rng(3).gamma(2.0, 0.001, size=600)
    reference = system(0, float(costs.mean() * 1000))
    found = break_even(system(10, 0.1), reference, reference_draws=mean_draws(costs))
    assert found.volume is not None and found.low is not None and found.high is not None
    assert found.low < found.volume < found.high
    # The width follows from the standard error of the mean (delta method).
    error = costs.std() / math.sqrt(costs.size)
    expected = 2 * 1.96 * error * found.volume / (costs.mean() - 0.0001)
    assert found.high - found.low == pytest.approx(expected, rel=0.1)


def test_draws_that_never_break_even_leave_the_interval_open() -> None:
    draws = np.linspace(0.0005, 0.0015, 100)  # around the student's own cost
    found = break_even(system(10, 1), system(0, 1.2), reference_draws=draws)
    assert found.kind == "after"
    assert found.low is not None and math.isfinite(found.low)
    assert found.high == math.inf


def test_draws_of_both_are_taken_in_pairs() -> None:
    student, reference = system(10, 1), system(0, 2)
    draws = np.linspace(0.001, 0.002, 50)
    found = break_even(student, reference, student_draws=draws, reference_draws=draws + 0.001)
    assert found.low == pytest.approx(10_000)
    assert found.high == pytest.approx(10_000)
    with pytest.raises(ValueError, match="50 draws of the student, 49 of the reference"):
        break_even(student, reference, student_draws=draws, reference_draws=draws[1:])
    with pytest.raises(ValueError, match="at least one"):
        break_even(student, reference, student_draws=[])


def test_draws_of_a_mean_are_repeatable_and_centre_on_it() -> None:
    costs = [1.0, 2.0, 6.0]
    draws = mean_draws(costs, draws=4000, seed=5)
    assert draws.shape == (4000,)
    assert np.array_equal(draws, mean_draws(costs, draws=4000, seed=5))
    assert draws.mean() == pytest.approx(3.0, abs=0.1)
    assert draws.std() == pytest.approx(np.std(costs) / math.sqrt(3), rel=0.05)
    assert np.array_equal(mean_draws([0.5] * 7, draws=3), [0.5] * 3)
    with pytest.raises(ValueError, match="at least one"):
        mean_draws([])
