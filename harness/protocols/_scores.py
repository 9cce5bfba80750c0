"""What a backend says of labels that it scores instead of writing an answer."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

from harness.errors import OutputParseError
from harness.protocols._calls import Completion

__all__ = ["LabelScore", "read_scores", "scores_text"]


@dataclass(frozen=True, slots=True)
class LabelScore:
    """How likely a model finds one label as its whole answer.

    Raw, so that every normalisation can be had from a stored answer without a new call.

    Attributes:
        log_probability: Natural logarithm of the label's probability: the sum over its tokens,
            each given the prompt and the label's tokens before it.
        tokens: Number of the label's tokens, at least 1.
        constrained: The same sum, where at each step only tokens that lead to one of the labels
            count: what decoding at temperature 1 under a grammar of the labels would give.
    """

    log_probability: float
    tokens: int
    constrained: float

    def __post_init__(self) -> None:
        if not self.log_probability <= 0 or not self.constrained <= 0 or self.tokens < 1:
            raise ValueError(f"{self} is no score: logarithms are at most 0, tokens at least 1")


def scores_text(scores: Mapping[str, LabelScore]) -> str:
    """Scores as the text of a completion, to be stored, shipped and read again.

    >>> scores_text({"a": LabelScore(-0.5, 2, -0.25)})
    '{"a": [-0.5, 2, -0.25]}'
    """
    return json.dumps(
        {
            label: [float(s.log_probability), int(s.tokens), float(s.constrained)]
            for label, s in scores.items()
        },
        ensure_ascii=False,
    )


def read_scores(completion: Completion) -> dict[str, LabelScore]:
    """Reads the scores of the request's labels, in the request's order.

    Raises:
        OutputParseError: When the text does not hold exactly a score for each label.
    """
    try:
        document = json.loads(completion.text)
        found = {label: _score(document[label]) for label in completion.request.labels}
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
        raise OutputParseError(f"no scores of the labels: {error}", raw=completion.text) from None
    if not found or set(document) != set(found):
        raise OutputParseError("scores of other labels than those asked", raw=completion.text)
    return found


def _score(values: object) -> LabelScore:
    if not isinstance(values, list) or len(values) != 3:
        raise ValueError("a score is [log-probability, tokens, constrained]")
    log_probability, tokens, constrained = values
    if not isinstance(tokens, int) or isinstance(tokens, bool):
        raise ValueError("the number of tokens is not an integer")
    score = LabelScore(float(log_probability), tokens, float(constrained))
    if math.isnan(score.log_probability) or math.isnan(score.constrained):
        raise ValueError("a score is not a number")
    return score
