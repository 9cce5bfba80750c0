"""The newsroom demo. Its recorded LLM gets every sentence right: it shows the suite, no LLM."""

from __future__ import annotations

import pytest

from harness.pytest_plugin import (
    RunUnderTest,
    SystemUnderTest,
    assert_costs_less,
    assert_not_worse,
    assert_score_at_least,
    assert_unparsed_at_most,
)

pytestmark = [
    pytest.mark.demo,
    pytest.mark.calldistil(experiment="newsroom-linear.yaml"),
]


def test_every_answer_is_read(calldistil_system: SystemUnderTest) -> None:
    assert_unparsed_at_most(calldistil_system, 1.0)


def test_every_system_beats_the_most_frequent_label(calldistil_system: SystemUnderTest) -> None:
    frequent = calldistil_system.run.table.row("most_frequent").score.value
    assert_score_at_least(calldistil_system, frequent, shown=True)


def test_students_cost_less_per_sentence(calldistil_run: RunUnderTest) -> None:
    for name in ("plain", "diverse", "gold-8", "everything"):
        assert_costs_less(calldistil_run.system(name))


def test_more_rows_do_not_harm(calldistil_run: RunUnderTest) -> None:
    everything, plain = calldistil_run.system("everything"), calldistil_run.system("plain")
    assert_not_worse(everything, plain, by=0.0)


def test_a_linear_student_is_not_near_the_llm(calldistil_run: RunUnderTest) -> None:
    with pytest.raises(AssertionError, match="shown to be worse"):
        assert_not_worse(calldistil_run.system("everything"), by=3.0)
    assert calldistil_run.table.verdict is not None
    assert calldistil_run.table.verdict.kind == "do_not_distil"
