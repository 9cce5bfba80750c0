"""SemEval-2010 Task 8: the recorded LLM on 600 test sentences against linear students."""

from __future__ import annotations

from pathlib import Path

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
    pytest.mark.semeval,
    pytest.mark.slow,
    pytest.mark.usefixtures("semeval_data"),
    pytest.mark.calldistil(experiment="semeval-linear.yaml"),
]


@pytest.mark.calldistil(systems=("llm",))
def test_no_more_than_one_percent_of_the_llm_cannot_be_read(
    semeval_data: Path, calldistil_system: SystemUnderTest
) -> None:
    assert_unparsed_at_most(calldistil_system, 1.0)
    assert_score_at_least(calldistil_system, 80.0, shown=True)


def test_labelled_rows_beside_generated_ones_do_not_harm(
    semeval_data: Path, calldistil_run: RunUnderTest
) -> None:
    more, fewer = calldistil_run.system("labelled-2000+plain"), calldistil_run.system("plain")
    assert_not_worse(more, fewer, by=0.0)


def test_the_student_costs_less_over_a_million_sentences(
    semeval_data: Path, calldistil_run: RunUnderTest
) -> None:
    assert_costs_less(calldistil_run.system("labelled-2000+plain"), sentences=1_000_000)
