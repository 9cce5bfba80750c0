"""A prediction is a label or a typed reason why there is none."""

from __future__ import annotations

import pytest

from harness.relations import Outcome, Prediction


@pytest.mark.parametrize("outcome", [o for o in Outcome if o is not Outcome.PARSED])
def test_an_answer_that_was_not_parsed_has_no_label(outcome: Outcome) -> None:
    assert Prediction("1", None, outcome).label is None
    with pytest.raises(ValueError, match="cannot have the label 'Other'"):
        Prediction("1", "Other", outcome)


def test_a_parsed_answer_has_a_label() -> None:
    with pytest.raises(ValueError, match="cannot have the label None"):
        Prediction("1", None)


def test_confidence_is_the_probability_of_the_predicted_label_or_unknown() -> None:
    assert Prediction("1", "a", probabilities={"a": 0.7, "b": 0.3}).confidence == 0.7
    assert Prediction("1", "a").confidence is None
    assert Prediction("1", None, Outcome.EMPTY, probabilities={"a": 1.0}).confidence is None
