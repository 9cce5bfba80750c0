"""The verdict from answers and costs up, one constructed world for each way it can end."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from harness.costs import CostDraws, Money, SystemCost
from harness.metrics import Answers
from harness.report import HeadToHead, SystemResult, TrainingRows, build_head_to_head

MakeAnswers = Callable[..., Answers]
DRAWS = 1000


def cost(one_off: float | None, per_1000: float | None) -> SystemCost:
    each = Money(per_1000)
    return SystemCost(Money(one_off), 0.0, each, {"list": each}, None)


def drawn(one_off: float, per_1000: float, spread: float) -> CostDraws:
    """Draws of a running cost that lies ``spread`` around its mean."""
    at = np.linspace(-1, 1, DRAWS)
    return CostDraws(np.full(DRAWS, one_off), {"list": per_1000 / 1000 * (1 + spread * at)})


def decided(
    llm: Answers,
    student: Answers,
    *,
    llm_cost: SystemCost | None = None,
    student_cost: SystemCost | None = None,
    volume: int = 100_000,
) -> HeadToHead:
    llm_cost = llm_cost or cost(0.0, 1.0)
    student_cost = student_cost or cost(3.4, 0.0)
    known = [c.one_off.amount is not None and c.per_1000.amount is not None
             for c in (llm_cost, student_cost)]  # fmt: skip
    return build_head_to_head(
        experiment="constructed",
        systems=[
            SystemResult("llm", "direct", llm, cost=llm_cost,
                         cost_draws=drawn(0, llm_cost.per_1000.amount or 0, 0.15)
                         if known[0] else None),
            SystemResult("small", "distilled", student, TrainingRows(generated=384),
                         cost=student_cost,
                         cost_draws=drawn(student_cost.one_off.amount or 0,
                                          student_cost.per_1000.amount or 0, 0.0)
                         if known[1] else None),
        ],
        reference="llm",
        candidate="small",
        volume=volume,
        test_name="test",
        resamples=500,
    )  # fmt: skip


def ends(table: HeadToHead) -> tuple[str, str, str]:
    assert table.verdict is not None
    return table.verdict.kind, table.verdict.quality, table.verdict.cost


def within(table: HeadToHead) -> float:
    gap = table.row("small").difference
    assert gap is not None and gap.within_tolerance is not None
    return gap.within_tolerance


def test_a_clear_win_says_after_how_many_sentences_with_an_interval(
    make_answers: MakeAnswers,
) -> None:
    table = decided(make_answers([40], n=2000), make_answers([45], n=2000))
    assert ends(table) == ("distil", "holds", "pays")
    even = table.row("small").break_even
    assert even is not None
    # 3.40 dollars at 0.001 a sentence, which lies 14.25% either way in 95% of the draws.
    assert even.volume == pytest.approx(3400)
    assert (even.low, even.high) == pytest.approx((3400 / 1.1425, 3400 / 0.8575), rel=0.002)
    assert table.verdict is not None
    assert "pays for itself after 3,400 [2,976, 3,967] sentences" in table.verdict.sentence
    assert within(table) == 1


def test_a_clear_loss(make_answers: MakeAnswers) -> None:
    table = decided(make_answers([40], n=2000), make_answers([500], n=2000))
    assert ends(table) == ("do_not_distil", "fails", "pays")
    assert within(table) == 0


def test_a_tie(make_answers: MakeAnswers) -> None:
    same = make_answers([40], n=2000)
    table = decided(same, same)
    assert ends(table) == ("distil", "holds", "pays")
    assert "gains 0.0 [0.0, 0.0] F1" in (table.verdict.sentence if table.verdict else "")


def test_too_few_examples_say_how_many_more_would_tell(make_answers: MakeAnswers) -> None:
    table = decided(make_answers([2], n=60), make_answers([4], n=60))
    assert ends(table)[:2] == ("not_separable", "open")
    assert table.verdict is not None
    assert table.verdict.further_examples is not None
    assert "further test examples would tell" in table.verdict.sentence
    assert 0 < within(table) < 1


def test_an_unknown_price_leaves_the_cost_unknown_and_the_break_even_without_interval(
    make_answers: MakeAnswers,
) -> None:
    good = make_answers([45], n=2000)
    table = decided(make_answers([40], n=2000), good, llm_cost=cost(0.0, None))
    assert ends(table) == ("cost_unknown", "holds", "unknown")
    even = table.row("small").break_even
    assert even is not None
    assert (even.kind, even.low, even.high) == ("unknown", None, None)


def test_a_local_model_that_costs_nothing_is_never_undercut(make_answers: MakeAnswers) -> None:
    table = decided(make_answers([40], n=2000), make_answers([45], n=2000), llm_cost=cost(0.0, 0.0))
    assert ends(table) == ("do_not_distil", "holds", "never")


def test_a_student_that_is_better_and_cheaper_from_the_first_sentence(
    make_answers: MakeAnswers,
) -> None:
    table = decided(
        make_answers([300], n=2000), make_answers([40], n=2000), student_cost=cost(0.0, 0.0)
    )
    assert ends(table) == ("distil", "holds", "pays")
    assert "is cheaper from the first sentence" in (table.verdict.sentence if table.verdict else "")


def test_a_break_even_beyond_the_volume(make_answers: MakeAnswers) -> None:
    table = decided(make_answers([40], n=2000), make_answers([45], n=2000), volume=1000)
    assert ends(table) == ("do_not_distil", "holds", "beyond")
