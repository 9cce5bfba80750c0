"""Scores of labels as the text of a completion."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import OutputParseError
from harness.protocols import Completion, LabelScore, Message, Request, read_scores, scores_text

NAMES = st.text(min_size=1, max_size=12)
LOGS = st.floats(max_value=0, allow_nan=False)
SCORES = st.builds(LabelScore, LOGS, st.integers(1, 50), LOGS)


def answer(text: str, labels: tuple[str, ...]) -> Completion:
    return Completion(Request((Message("user", "which?"),), labels=labels), text)


@given(st.dictionaries(NAMES, SCORES, min_size=1, max_size=6))
def test_scores_survive_their_text_in_the_order_of_the_labels(
    scores: dict[str, LabelScore],
) -> None:
    labels = tuple(reversed(scores))
    found = read_scores(answer(scores_text(scores), labels))
    assert found == scores
    assert tuple(found) == labels


@given(st.text(max_size=40))
def test_any_other_text_is_a_parse_error(text: str) -> None:
    with pytest.raises(OutputParseError):
        read_scores(answer(text, ("no such label \x00",)))


@pytest.mark.parametrize(
    "text",
    [
        '{"a": [-1, 1, -1], "b": [-1, 1, -1]}',
        '{"a": [-1, 1]}',
        '{"a": [-1, 1.5, -1]}',
        '{"a": [-1, true, -1]}',
        '{"a": [1, 1, -1]}',
        '{"a": [NaN, 1, -1]}',
        '{"a": ["x", 1, -1]}',
        "[]",
        "null",
        "[" * 100_000,
    ],
)
def test_scores_of_other_labels_or_of_another_form_are_parse_errors(text: str) -> None:
    with pytest.raises(OutputParseError):
        read_scores(answer(text, ("a",)))


@pytest.mark.parametrize("values", [(0.1, 1, 0.0), (-1.0, 0, -1.0), (math.nan, 1, -1.0)])
def test_an_impossible_score_cannot_be_made(values: tuple[float, int, float]) -> None:
    with pytest.raises(ValueError, match="is no score"):
        LabelScore(*values)
