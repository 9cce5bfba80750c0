"""What one gate did to a set, as a file: nothing comes in that does not stay or get a reason."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Self

from pydantic import Field, model_validator

from harness.documents import FileModel
from harness.protocols import Judgement
from harness.relations import Example

__all__ = ["CurationRecord", "NoiseEstimate", "record_of", "wilson"]


class NoiseEstimate(FileModel):
    """An estimate of the share of rows whose label is wrong.

    Attributes:
        how: How the estimate comes about.
        rows: Rows that were looked at.
        noisy: Those that were found wrong.
        low: Lower 95% bound of the share (Wilson's score interval).
        high: Upper bound.
    """

    how: str
    rows: int = Field(ge=0)
    noisy: int = Field(ge=0)
    low: float
    high: float

    @classmethod
    def of(cls, how: str, *, noisy: int, rows: int) -> Self:
        """The estimate from counts."""
        low, high = wilson(noisy, rows)
        return cls(how=how, rows=rows, noisy=noisy, low=low, high=high)

    @property
    def share(self) -> float | None:
        """Share of noisy rows; None where there was none to look at."""
        return self.noisy / self.rows if self.rows else None


class CurationRecord(FileModel):
    """What ``curation.json`` of a gate's artefact holds.

    Attributes:
        gate: The gate, with its version.
        written: Rows that came in.
        kept: Rows that stay.
        rejected: Rows that do not, by reason and label.
        noise: What the gate says of the label noise of the rows that came in.
        cuts_answers: Whether the rows that stay cost only the part of each answer up to them.
    """

    gate: str
    written: int = Field(ge=0)
    kept: int = Field(ge=0)
    rejected: dict[str, dict[str, int]] = Field(default_factory=dict)
    noise: NoiseEstimate | None = None
    cuts_answers: bool = False

    @model_validator(mode="after")
    def _accounts_for_every_row(self) -> Self:
        if self.kept + self.rejections != self.written:
            raise ValueError(
                f"{self.kept} kept and {self.rejections} rejected are not {self.written} written"
            )
        return self

    @property
    def rejections(self) -> int:
        """Number of rejected rows."""
        return sum(sum(labels.values()) for labels in self.rejected.values())


def record_of(
    gate: str,
    rows: Sequence[Example],
    judgements: Sequence[Judgement],
    *,
    noise: str | None = None,
    judged: int | None = None,
    cuts_answers: bool = False,
) -> CurationRecord:
    """Counts what a gate said of each row.

    Args:
        gate: Its full name.
        rows: The rows that came in.
        judgements: One per row.
        noise: How its rejections estimate label noise; None where they do not.
        judged: Rows that were looked at, if not all.
        cuts_answers: See ``CurationRecord``.
    """
    rejected: dict[str, Counter[str]] = {}
    for row, judgement in zip(rows, judgements, strict=True):
        if judgement.reason is not None:
            rejected.setdefault(judgement.reason, Counter())[str(row.relation)] += 1
    bad = sum(not judgement.kept for judgement in judgements)
    looked_at = len(rows) if judged is None else judged
    return CurationRecord(
        gate=gate,
        written=len(rows),
        kept=len(rows) - bad,
        rejected={reason: dict(labels) for reason, labels in rejected.items()},
        noise=NoiseEstimate.of(noise, noisy=bad, rows=looked_at) if noise is not None else None,
        cuts_answers=cuts_answers,
    )


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """95% bounds of a share by Wilson's score interval (Wilson 1927, JASA 22).

    >>> [round(bound, 3) for bound in wilson(0, 10)]
    [0.0, 0.278]
    >>> wilson(0, 0)
    (0.0, 1.0)
    """
    if trials == 0:
        return 0.0, 1.0
    z = 1.959963984540054
    share = successes / trials
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials)
    half *= math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))
