"""What a system says of one example."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["Outcome", "Prediction"]


class Outcome(StrEnum):
    """How an answer was read."""

    PARSED = "parsed"
    INVALID_LABEL = "invalid_label"
    AMBIGUOUS = "ambiguous"
    EMPTY = "empty"
    REFUSED = "refused"
    CUT_OFF = "cut_off"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Prediction:
    """A system's answer for one example.

    Attributes:
        example_id: Id of the example it is for.
        label: A label of the schema if ``outcome`` is ``PARSED``, else None.
        outcome: How the answer was read.
        answer: The raw answer, where there was one.
        probabilities: Label name to probability, where the system gives them.
        evidence: What the system says it relied on, where it says so.

    Raises:
        ValueError: When label and outcome do not fit.
    """

    example_id: str
    label: str | None
    outcome: Outcome = Outcome.PARSED
    answer: str | None = None
    probabilities: Mapping[str, float] = field(default_factory=dict, hash=False)
    evidence: str | None = None

    def __post_init__(self) -> None:
        if (self.label is not None) != (self.outcome is Outcome.PARSED):
            raise ValueError(f"a prediction {self.outcome} cannot have the label {self.label!r}")

    @property
    def confidence(self) -> float | None:
        """Probability of the predicted label, where known."""
        return self.probabilities.get(self.label) if self.label is not None else None
