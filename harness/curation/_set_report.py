"""A report on one training set: where its rows went, what they are like, how near to what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from harness.curation._coverage import Coverage, coverage
from harness.curation._nearness import Nearness, nearness
from harness.curation._profile import SetProfile, profile_of
from harness.curation._record import NoiseEstimate
from harness.curation._varied import DiversityMeasure, diversity_at
from harness.documents import FileModel
from harness.errors import MissingExtraError
from harness.relations import Example, Schema

__all__ = ["Compared", "SetCost", "SetReport", "SetStep", "describe_set"]

AT = 200
"""Rows at which diversity is measured, unless said otherwise."""


class SetStep(FileModel):
    """One stage that wrote, labelled or judged rows.

    Attributes:
        name: Generator, extractor or gate.
        does: ``writes`` new rows or ``judges`` those that came in.
        came: Rows that were written, or came in.
        kept: Rows that stay.
        rejected: The others, by reason and label.
    """

    name: str
    does: Literal["writes", "judges"]
    came: int = Field(ge=0)
    kept: int = Field(ge=0)
    rejected: dict[str, dict[str, int]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _accounts_for_every_row(self) -> Self:
        if self.kept + self.rejections != self.came:
            raise ValueError(f"{self.kept} + {self.rejections} rows are not {self.came}")
        return self

    @property
    def rejections(self) -> int:
        """Number of rejected rows."""
        return sum(sum(labels.values()) for labels in self.rejected.values())


class SetCost(FileModel):
    """What a set cost to make, in dollars; None is unknown.

    Attributes:
        total: All of it: writing, asking again, reviewing.
        per_kept_row: The same over the rows that stay.
        assumed: Whether a price or token count in it is assumed.
    """

    total: float | None
    per_kept_row: float | None
    assumed: bool


class SetReport(FileModel):
    """What is to be said of one set.

    Attributes:
        format: Version of this file's form.
        name: The set's name: how it was made.
        steps: The stages that its rows went through, in order.
        profile: What its rows look like.
        diversity: How varied they are, at a fixed number of rows.
        noise: Estimates of label noise, each with how it comes about; none: it is unknown.
        gold: Nearness to the human-labelled rows behind the set.
        gold_profile: What those look like.
        test: Nearness to the test set.
        test_profile: What that looks like.
        coverage: What of the test set the rows have in them.
        cost: What the set cost; None where nobody worked it out.
        notes: What could not be measured, and why.
    """

    format: Literal[1] = 1
    name: str
    steps: tuple[SetStep, ...]
    profile: SetProfile
    diversity: tuple[DiversityMeasure, ...] = ()
    noise: tuple[NoiseEstimate, ...] = ()
    gold: Nearness | None = None
    gold_profile: SetProfile | None = None
    test: Nearness | None = None
    test_profile: SetProfile | None = None
    coverage: Coverage | None = None
    cost: SetCost | None = None
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _accounts_for_every_row(self) -> Self:
        gone = sum(step.rejections for step in self.steps)
        if self.steps and self.profile.rows + gone != self.written:
            raise ValueError(
                f"{self.profile.rows} kept and {gone} rejected are not {self.written} written"
            )
        return self

    @property
    def written(self) -> int:
        """Rows that were written in all."""
        return sum(step.came for step in self.steps if step.does == "writes")

    def measure(self, name: str) -> DiversityMeasure | None:
        """One measure of diversity; None where it was not taken."""
        return next((found for found in self.diversity if found.name == name), None)


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """A set that another one is compared with.

    Attributes:
        rows: Its rows.
        vectors: The same as vectors of length 1; None where they are not encoded.
    """

    rows: Sequence[Example]
    vectors: NDArray[np.float32] | None = None


def describe_set(
    own: Compared,
    *,
    name: str,
    schema: Schema,
    steps: Sequence[SetStep] = (),
    noise: Sequence[NoiseEstimate] = (),
    gold: Compared | None = None,
    test: Compared | None = None,
    at: int = AT,
    seed: int = 0,
) -> SetReport:
    """Describes a set. Reads nothing and asks nobody.

    Args:
        own: The set.
        name: Its name.
        schema: The relation schema, whose order tables have.
        steps: The stages that its rows went through.
        noise: What gates said of its label noise.
        gold: The human-labelled rows behind it, if any.
        test: The test set, if any.
        at: Rows at which diversity is measured.
        seed: Of the draws.
    """
    labels = schema.label_names
    notes = []
    bleu = True
    if len(own.rows) < at:
        notes.append(f"The set has fewer than {at} rows: its diversity is not measured.")
    elif own.vectors is None:
        notes.append("Rows are not encoded: no cosines, no Vendi score, no nearest sentences.")
    try:
        diversity = diversity_at(own.rows, own.vectors, size=at, seed=seed)
    except MissingExtraError as error:
        bleu = False
        notes.append(f"{error.message} {error.hint}")
        diversity = diversity_at(own.rows, own.vectors, size=at, seed=seed, bleu=bleu)
    return SetReport(
        name=name,
        steps=tuple(steps),
        profile=profile_of(own.rows, labels),
        diversity=diversity,
        noise=tuple(noise),
        gold=_near(own, gold, labels),
        gold_profile=None if gold is None else profile_of(gold.rows, labels),
        test=_near(own, test, labels),
        test_profile=None if test is None else profile_of(test.rows, labels),
        coverage=None if test is None else coverage(own.rows, test.rows, labels),
        notes=tuple(notes),
    )


def _near(own: Compared, other: Compared | None, labels: Sequence[str]) -> Nearness | None:
    if other is None or own.vectors is None or other.vectors is None:
        return None
    return nearness(own.rows, own.vectors, other.rows, other.vectors, labels)
