"""One sentence and one backend, without a run: for trying an extractor from Python."""

from __future__ import annotations

from harness.protocols import Backend, Completion, Extractor, Failure, answers_of
from harness.relations import Example, Prediction

__all__ = ["ask"]


def ask(extractor: Extractor, example: Example, backend: Backend) -> Prediction:
    """Advances one dialogue to its end. Nothing is stored: asking again is paid again.

    Raises:
        BackendError: When a call comes back without an answer.
    """
    dialogue = extractor.extract(example=example)
    try:
        requests = next(dialogue)
        while True:
            # Answers come in any order; equal requests may be asked once each.
            waiting: dict[object, list[Completion]] = {}
            for outcome in answers_of(backend, requests):
                if isinstance(outcome, Failure):
                    raise outcome.error
                waiting.setdefault(outcome.request, []).append(outcome)
            requests = dialogue.send([waiting[request].pop(0) for request in requests])
    except StopIteration as stop:
        prediction: Prediction = stop.value
        return prediction
