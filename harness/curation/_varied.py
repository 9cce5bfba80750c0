"""Diversity at a fixed number of rows: the only one at which two sets can be compared."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from harness.curation._profile import connecting_pattern
from harness.documents import FileModel
from harness.metrics import (
    compression_ratio,
    distinct_n,
    distinct_share,
    mean_pairwise_cosine,
    self_bleu,
    vendi_score,
)
from harness.relations import Example

__all__ = ["Difference", "DiversityMeasure", "difference", "diversity_at"]

_BLEU_ROWS = 50  # rows of a draw that self-BLEU compares: its cost grows with their square


class DiversityMeasure(FileModel):
    """A figure of diversity at a fixed number of rows.

    Attributes:
        name: What is measured.
        more: Whether a higher or a lower figure means more diverse.
        rows: Rows of every draw.
        draws: Draws without replacement.
        value: Mean over the draws.
        sd: Standard deviation over the draws.
        low: Their 2.5% quantile.
        high: Their 97.5% quantile.
    """

    name: str
    more: Literal["higher", "lower"]
    rows: int
    draws: int
    value: float
    sd: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference of one measure between two sets, at equal numbers of rows.

    Attributes:
        name: The measure.
        value: Second minus first.
        low: Lower 95% bound.
        high: Upper 95% bound.
        more_diverse: ``first``, ``second``, or None where the interval holds 0.
    """

    name: str
    value: float
    low: float
    high: float
    more_diverse: Literal["first", "second"] | None


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    more: Literal["higher", "lower"]
    of: Callable[[Sequence[Example], NDArray[np.float32] | None], float | None]
    vectors: bool = False
    bleu: bool = False


def _texts(rows: Sequence[Example]) -> list[str]:
    return [row.text for row in rows]


_KINDS = (
    _Kind("compression_ratio", "lower", lambda rows, _: compression_ratio(_texts(rows))),
    _Kind("distinct_1", "higher", lambda rows, _: distinct_n(_texts(rows), 1)),
    _Kind("distinct_2", "higher", lambda rows, _: distinct_n(_texts(rows), 2)),
    _Kind("distinct_3", "higher", lambda rows, _: distinct_n(_texts(rows), 3)),
    _Kind(
        "distinct_patterns",
        "higher",
        lambda rows, _: distinct_share([connecting_pattern(row) for row in rows]),
    ),
    _Kind(
        "distinct_pairs",
        "higher",
        lambda rows, _: distinct_share(
            [f"{row.head.surface}\t{row.tail.surface}".casefold() for row in rows]
        ),
    ),
    _Kind("self_bleu", "lower", lambda rows, _: self_bleu(_texts(rows[:_BLEU_ROWS])), bleu=True),
    _Kind(
        "mean_cosine",
        "lower",
        lambda _, vectors: None if vectors is None else mean_pairwise_cosine(vectors),
        vectors=True,
    ),
    _Kind(
        "vendi_score",
        "higher",
        lambda _, vectors: None if vectors is None else vendi_score(vectors),
        vectors=True,
    ),
)


def diversity_at(
    rows: Sequence[Example],
    vectors: NDArray[np.float32] | None,
    *,
    size: int,
    draws: int = 50,
    seed: int = 0,
    bleu: bool = True,
) -> tuple[DiversityMeasure, ...]:
    """Measures draws of ``size`` rows each; the interval tells how much the choice of rows does.

    Draws are without replacement (a row that came twice would look like a copy), so that with
    ``size`` near the set's own size they hardly differ. Self-BLEU takes the first 50 rows of each.

    Args:
        rows: The set.
        vectors: Its rows as vectors of length 1, shape (rows, size of a vector); None leaves out
            the measures that need them.
        size: Rows of a draw.
        draws: How many.
        seed: Of the draws; the same rows and seed give the same figures.
        bleu: Whether self-BLEU is measured, which needs sacrebleu.

    Returns:
        One entry per measure; none where the set has fewer rows than ``size``, or ``size`` is
        below 2.
    """
    if len(rows) < size or size < 2:
        return ()
    rng = np.random.default_rng(seed)
    chosen = [rng.permutation(len(rows))[:size] for _ in range(draws)]
    found = []
    for kind in _KINDS:
        if (kind.vectors and vectors is None) or (kind.bleu and not bleu):
            continue
        values = [
            value
            for places in chosen
            if (
                value := kind.of(
                    [rows[place] for place in places],
                    vectors[places] if kind.vectors and vectors is not None else None,
                )
            )
            is not None
        ]
        if values:
            low, high = np.quantile(values, (0.025, 0.975))
            found.append(
                DiversityMeasure(
                    name=kind.name, more=kind.more, rows=size, draws=len(values),
                    value=float(np.mean(values)), sd=float(np.std(values)),
                    low=float(low), high=float(high),
                )
            )  # fmt: skip
    return tuple(found)


def difference(first: DiversityMeasure, second: DiversityMeasure) -> Difference:
    """Compares one measure of two sets by the normal interval of their draws' spread.

    Raises:
        ValueError: When the two are not the same measure at the same number of rows.
    """
    if (first.name, first.rows) != (second.name, second.rows):
        raise ValueError("only one measure at one number of rows can be compared")
    value = second.value - first.value
    half = 1.959963984540054 * math.hypot(first.sd, second.sd)
    better: Literal["first", "second"] | None = None
    if abs(value) > half:
        better = "second" if (value > 0) == (first.more == "higher") else "first"
    return Difference(first.name, value, value - half, value + half, better)
