"""An extractor's dialogues over a backend, advanced together round by round."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

from harness.errors import BackendError, CalldistilError
from harness.protocols import (
    Backend,
    Completion,
    Dialogue,
    Extractor,
    Failure,
    Request,
    answers_of,
)
from harness.relations import Example, Prediction

__all__ = ["converse_now", "labelled"]


def converse_now(
    extractor: Extractor, backend: Backend, examples: Sequence[Example]
) -> list[Prediction | CalldistilError]:
    """Predictions in the order of the examples; an example whose call failed has its error.

    Nothing is stored: in a chain, what LangChain caches and traces is the user's choice. A request
    that several examples make in one round is asked once.
    """
    results: dict[int, Prediction | CalldistilError] = {}
    open_: dict[int, tuple[Dialogue[Prediction], Sequence[Request]]] = {}

    def advance(place: int, dialogue: Dialogue[Prediction], answers: Any) -> None:
        try:
            open_[place] = (dialogue, dialogue.send(answers))
        except StopIteration as stop:
            results[place] = stop.value

    for place, example in enumerate(examples):
        advance(place, extractor.extract(example=example), None)
    while open_:
        asked = list(dict.fromkeys(r for _, requests in open_.values() for r in requests))
        outcomes: dict[Request, Completion | Failure] = {}
        with closing(answers_of(backend, asked)) as answers:
            outcomes = {outcome.request: outcome for outcome in answers}
        going, open_ = open_, {}
        for place, (dialogue, requests) in going.items():
            got: list[Completion] = []
            for request in requests:
                outcome = outcomes.get(request)
                if isinstance(outcome, Completion):
                    got.append(outcome)
                    continue
                results[place] = (
                    outcome.error
                    if outcome is not None
                    else BackendError("The backend gave no answer.", retryable=True)
                )
                dialogue.close()
                break
            else:
                advance(place, dialogue, got)
    return [results[place] for place in range(len(examples))]


def labelled(prediction: Prediction) -> dict[str, Any]:
    """A prediction as JSON values."""
    return {
        "id": prediction.example_id,
        "relation": prediction.label,
        "probability": prediction.confidence,
        "outcome": str(prediction.outcome),
    }
