"""The rule of the verdict, one constructed case for each branch."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.costs import BreakEven
from harness.metrics import Comparison
from harness.report import Candidate, Verdict, choose, decide

AFTER = BreakEven("after", 3400.0, assumed=True)
AT_ONCE = BreakEven("at_once", 0.0)
NEVER = BreakEven("never")
UNKNOWN = BreakEven("unknown")


def compared(
    difference: float, low: float, high: float, *, seeds_sd: float = 0.0, examples: int = 600
) -> Comparison:
    """A comparison with the bounds named, its draws normal around the difference."""
    sd = (high - low) / 2 / 1.96
    draws = difference + sd * np.random.default_rng(0).standard_normal(4000)
    return Comparison(
        difference=difference,
        low=low,
        high=high,
        p_bootstrap=0.5,
        p_randomisation=0.5,
        level=0.95,
        examples_sd=sd,
        seeds_sd=seeds_sd,
        examples=examples,
        groups=examples,
        system_seeds=3,
        reference_seeds=1,
        draws=draws,
    )


def decided(comparison: Comparison, even: BreakEven, *, volume: int = 10_000) -> Verdict:
    return decide(comparison, even, tolerance=2.0, volume=volume, student="plain", reference="llm")


def test_a_clear_win_distils_and_says_assumed() -> None:
    verdict = decided(compared(-0.6, -1.5, 0.4), AFTER)
    assert verdict.kind == "distil"
    assert verdict.assumed
    assert verdict.sentence == (
        "Distil: plain loses 0.6 [-0.4, 1.5] F1 against llm, within the tolerance of 2.0, and"
        " pays for itself after 3,400 sentences (assumed prices)."
    )


def test_a_clear_loss_does_not_distil_however_cheap() -> None:
    verdict = decided(compared(-12.0, -15.2, -9.1), AT_ONCE)
    assert (verdict.kind, verdict.quality) == ("do_not_distil", "fails")
    assert "loses 12.0 [9.1, 15.2] F1 against llm, more than the tolerance" in verdict.sentence


def test_a_clear_loss_does_not_distil_at_an_unknown_price() -> None:
    verdict = decided(compared(-12.0, -15.2, -9.1), UNKNOWN)
    assert verdict.kind == "do_not_distil"
    assert verdict.sentence.endswith("Its cost is unknown.")


def test_a_tie_within_the_tolerance_distils() -> None:
    verdict = decided(compared(0.0, -1.0, 1.0), AFTER)
    assert verdict.kind == "distil"
    assert "gains 0.0 [-1.0, 1.0] F1" in verdict.sentence


def test_too_few_examples_are_not_separable_and_the_lacking_ones_are_counted() -> None:
    verdict = decided(compared(-1.0, -4.0, 2.0, examples=100), AFTER)
    assert verdict.kind == "not_separable"
    # n = 100 * 3**2 / 1**2 = 900 examples in all: bounds 3 points off, a gap of 1 point
    assert verdict.further_examples == pytest.approx(800, abs=2)
    assert f"about {verdict.further_examples:,} further test examples would tell" in (
        verdict.sentence
    )
    assert verdict.sentence.endswith("It pays for itself after 3,400 sentences (assumed prices).")


def test_one_further_example_is_told_in_the_singular() -> None:
    verdict = decided(compared(-1.0, -2.0004, 0.0004, examples=1000), AFTER)
    assert verdict.further_examples == 1
    assert "about 1 further test example would tell" in verdict.sentence


def test_a_difference_at_the_tolerance_needs_no_number_of_examples() -> None:
    verdict = decided(compared(-2.0, -4.0, 0.0), AFTER)
    assert (verdict.kind, verdict.further_examples) == ("not_separable", None)
    assert "no number of test examples would tell" in verdict.sentence


def test_spread_over_seeds_that_hides_the_gap_asks_for_seeds() -> None:
    verdict = decided(compared(-1.0, -6.0, 4.0, seeds_sd=2.0), AFTER)
    assert verdict.further_examples is None
    assert "more training seeds may" in verdict.sentence


def test_quality_alone_decides_nothing_where_the_price_is_unknown() -> None:
    verdict = decided(compared(3.0, 1.0, 5.0), UNKNOWN)
    assert (verdict.kind, verdict.cost) == ("cost_unknown", "unknown")
    assert verdict.sentence.startswith("Quality holds, cost unknown: plain gains 3.0 [1.0, 5.0]")


def test_an_open_quality_at_an_unknown_price_is_not_separable() -> None:
    verdict = decided(compared(-1.0, -4.0, 2.0), UNKNOWN)
    assert verdict.kind == "not_separable"
    assert verdict.sentence.endswith("Its cost is unknown.")


def test_a_local_model_that_costs_nothing_is_never_undercut() -> None:
    verdict = decided(compared(0.5, -1.0, 2.0), NEVER)
    assert (verdict.kind, verdict.quality, verdict.cost) == ("do_not_distil", "holds", "never")
    assert verdict.sentence == (
        "Do not distil: plain never gets cheaper. It gains 0.5 [-1.0, 2.0] F1 against llm,"
        " within the tolerance of 2.0."
    )


def test_a_student_better_than_the_llm_distils() -> None:
    verdict = decided(compared(3.0, 1.0, 5.0), AT_ONCE)
    assert verdict.kind == "distil"
    assert not verdict.assumed
    assert "gains 3.0 [1.0, 5.0] F1 against llm" in verdict.sentence
    assert verdict.sentence.endswith("and is cheaper from the first sentence.")


def test_a_break_even_beyond_the_volume_does_not_distil_at_this_volume() -> None:
    verdict = decided(compared(0.5, -1.0, 2.0), AFTER, volume=1000)
    assert (verdict.kind, verdict.cost) == ("do_not_distil", "beyond")
    assert verdict.sentence.startswith(
        "Do not distil at 1,000 sentences: plain pays for itself only after 3,400 sentences"
        " (assumed prices)."
    )


def test_a_break_even_at_the_volume_pays() -> None:
    assert decided(compared(0.5, -1.0, 2.0), AFTER, volume=3400).kind == "distil"


def test_a_bound_at_the_tolerance_is_neither_above_nor_below() -> None:
    assert decided(compared(-1.0, -2.0, 0.0), AFTER).quality == "open"
    assert decided(compared(-3.0, -4.0, -2.0), AFTER).quality == "open"


def test_an_interval_of_the_break_even_stands_in_the_sentence() -> None:
    even = BreakEven("after", 3400.0, 2900.0, math.inf)
    assert "after 3,400 [2,900, never] sentences" in decided(compared(0, -1, 1), even).sentence


def test_a_metric_that_is_not_micro_f1_keeps_its_name() -> None:
    verdict = decide(
        compared(0.5, -1, 2), AFTER, tolerance=2, volume=9999, metric="semeval_macro_f1"
    )
    assert "gains 0.5 [-1.0, 2.0] semeval_macro_f1" in verdict.sentence


def test_the_best_of_several_is_named_as_such_and_its_interval_widened() -> None:
    pool = [
        Candidate("bad", compared(-12, -15, -9), AFTER, 3.0),
        Candidate("dear", compared(1.0, 0.0, 2.0), AFTER, 9.0),
        Candidate("cheap", compared(0.5, -0.5, 1.5), AFTER, 5.0),
    ]
    verdict = choose(pool, tolerance=2.0, volume=10_000, reference="llm")
    assert verdict is not None
    assert (verdict.kind, verdict.system, verdict.candidates) == ("distil", "cheap", 3)
    assert "best of 3 students on this test set" in verdict.sentence
    assert "98.33%" in verdict.sentence


def test_choosing_among_many_can_cost_the_verdict() -> None:
    near = compared(-0.5, -1.9, 0.9)
    alone = choose([Candidate("a", near, AFTER)], tolerance=2.0, volume=10_000, reference="llm")
    many = choose(
        [Candidate(f"{i}", near, AFTER) for i in range(20)],
        tolerance=2.0,
        volume=10_000,
        reference="llm",
    )
    assert alone is not None
    assert many is not None
    assert (alone.kind, many.kind) == ("distil", "not_separable")


def test_without_a_student_there_is_no_verdict() -> None:
    assert choose([], tolerance=2.0, volume=1, reference="llm") is None


@given(
    difference=st.floats(-20, 20),
    below=st.floats(0, 20),
    above=st.floats(0, 20),
    even=st.sampled_from([AFTER, AT_ONCE, NEVER, UNKNOWN]),
    volume=st.integers(1, 10_000),
)
def test_distil_is_said_only_of_what_holds_and_pays(
    difference: float, below: float, above: float, even: BreakEven, volume: int
) -> None:
    comparison = compared(difference, difference - below, difference + above)
    verdict = decided(comparison, even, volume=volume)
    holds = comparison.low > -2.0
    pays = even.kind == "at_once" or (even.volume is not None and even.volume <= volume)
    assert (verdict.kind == "distil") == (holds and pays)
    if comparison.high < -2.0:
        assert verdict.kind == "do_not_distil"
    assert ("assumed" in verdict.sentence) <= even.assumed
