"""A student first, a direct system where the student is not confident."""

from __future__ import annotations

from collections.abc import Sequence

from harness.protocols import Progress
from harness.relations import Example, Prediction, Schema
from harness.shipping._system import System, SystemPart

__all__ = ["CascadeSystem"]


class CascadeSystem:
    """Asks the direct system about what the student gives less than the threshold.

    Args:
        student: Answers first, with a probability of every label.
        direct: Answers the rest.
        threshold: Confidence under which ``direct`` is asked.
        name: The system's name.
    """

    def __init__(
        self, student: System, direct: System, *, threshold: float, name: str = "cascade"
    ) -> None:
        self._student = student
        self._direct = direct
        self._threshold = threshold
        self._name = name

    @property
    def name(self) -> str:
        """The system's name."""
        return self._name

    @property
    def kind(self) -> SystemPart:
        """``cascade``."""
        return "cascade"

    @property
    def schema(self) -> Schema:
        """The schema of both parts."""
        return self._student.schema

    @property
    def threshold(self) -> float:
        """Confidence under which the direct system is asked."""
        return self._threshold

    def answer(
        self, examples: Sequence[Example], /, *, progress: Progress | None = None
    ) -> Sequence[Prediction]:
        """Labels examples: an answer without probabilities is the direct system's."""
        answers = list(self._student.answer(examples))
        doubtful = [
            at for at, first in enumerate(answers) if (first.confidence or 0.0) < self._threshold
        ]
        done = len(examples) - len(doubtful)

        def report(asked: int, _: int) -> None:
            if progress is not None:
                progress(done + asked, len(examples))

        second = self._direct.answer([examples[at] for at in doubtful], progress=report)
        for at, answer in zip(doubtful, second, strict=True):
            answers[at] = answer
        return answers

    def close(self) -> None:
        """Closes both parts."""
        self._student.close()
        self._direct.close()
