"""The gates ``duplicates`` and ``near_duplicates``: of a pair one stays, the earlier."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from harness.curation._encoder import SetEncoder
from harness.datasets import normalise_text
from harness.documents import FileModel
from harness.errors import MissingExtraError
from harness.protocols import KEPT, GateContext, Judgement
from harness.relations import Example

__all__ = ["Duplicates", "DuplicatesOptions", "NearDuplicates", "NearDuplicatesOptions"]

_CHUNK = 256  # rows compared at once: bounds memory to 256 scores per row


class DuplicatesOptions(FileModel):
    """Options of ``duplicates.v1``.

    Attributes:
        pairs: Whether rows of one sentence that mark other mentions are rows of their own.
    """

    pairs: bool = True


class Duplicates:
    """Rejects rows whose sentence and mentions stood before, case and punctuation aside.

    ``duplicate`` where the label is the same, ``other_label_before`` where it is another: then
    the two contradict each other, and the later one goes.
    """

    name: ClassVar[str] = "duplicates.v1"
    summary: ClassVar[str] = "one row per sentence and pair of mentions"
    source: ClassVar[str] = "calldistil"
    Options: ClassVar[type[BaseModel]] = DuplicatesOptions
    uses_test: ClassVar[bool] = False
    noise: ClassVar[str | None] = None

    def __init__(self, *, context: GateContext, options: DuplicatesOptions) -> None:
        self._options = options

    def judge(self, *, rows: Sequence[Example]) -> tuple[Judgement, ...]:
        """The first of equal rows stays."""
        first: dict[tuple[str, ...], Example] = {}
        judged = []
        for row in rows:
            before = first.setdefault(self._key(row), row)
            if before is row:
                judged.append(KEPT)
            elif before.relation == row.relation:
                judged.append(Judgement("duplicate", before.id))
            else:
                judged.append(Judgement("other_label_before", before.id))
        return tuple(judged)

    def _key(self, row: Example) -> tuple[str, ...]:
        if not self._options.pairs:
            return (normalise_text(row.text),)
        # What stands before a mention places it, whatever case and punctuation do to offsets.
        parts = [row.text]
        for mention in (row.head, row.tail):
            parts += [row.text[: mention.start], mention.surface]
        return tuple(map(normalise_text, parts))


class NearDuplicatesOptions(FileModel):
    """Options of ``near_duplicates.v1``.

    Attributes:
        by: What is compared: ``characters`` (indel similarity of the normalised texts, every pair
            compared) or ``meaning`` (cosine of sentence vectors, found by semhash).
        threshold: Least similarity of a near-duplicate; 0.85 by characters and 0.95 by meaning if
            left out.
        within_label: Whether only rows of one label are compared, so that near pairs of
            different labels, which teach the border between them, both stay.
        encoder: The encoder of ``meaning``.
    """

    by: Literal["characters", "meaning"] = "characters"
    threshold: float | None = Field(default=None, gt=0, le=1)
    within_label: bool = True
    encoder: str = Field(default="all-MiniLM-L6-v2", min_length=1)


class NearDuplicates:
    """Rejects rows that are nearly an earlier row that stays: ``near_duplicate``."""

    name: ClassVar[str] = "near_duplicates.v1"
    summary: ClassVar[str] = "no row that is nearly another, by characters or by meaning"
    source: ClassVar[str] = "rapidfuzz; semhash"
    Options: ClassVar[type[BaseModel]] = NearDuplicatesOptions
    uses_test: ClassVar[bool] = False
    noise: ClassVar[str | None] = None

    def __init__(self, *, context: GateContext, options: NearDuplicatesOptions) -> None:
        self._options = options
        self._markers = context.schema.markers

    def judge(self, *, rows: Sequence[Example]) -> tuple[Judgement, ...]:
        """Earlier rows stay."""
        judged = [KEPT] * len(rows)
        parts: dict[str | None, list[int]] = defaultdict(list)
        for place, row in enumerate(rows):
            parts[row.relation if self._options.within_label else None].append(place)
        vectors = self._vectors(rows) if self._options.by == "meaning" else None
        for places in parts.values():
            part = [rows[place] for place in places]
            if vectors is None:
                found = _by_characters(part, self._options.threshold or 0.85)
            else:
                found = _by_meaning(part, vectors[places], self._options.threshold or 0.95)
            for place, judgement in zip(places, found, strict=True):
                judged[place] = judgement
        return tuple(judged)

    def _vectors(self, rows: Sequence[Example]) -> NDArray[np.float32]:
        return SetEncoder(self._options.encoder, self._markers).encode(rows)


def _by_characters(rows: Sequence[Example], threshold: float) -> list[Judgement]:
    from rapidfuzz import fuzz, process

    texts = [normalise_text(row.text) for row in rows]
    judged: list[Judgement] = []
    stays: list[int] = []
    for start in range(0, len(rows), _CHUNK):
        chunk = texts[start : start + _CHUNK]
        scores = process.cdist(
            chunk, texts[: start + len(chunk)],
            scorer=fuzz.ratio, score_cutoff=100 * threshold, dtype=np.float64,
        )  # fmt: skip
        for offset, near in enumerate(scores):
            found = [other for other in stays if near[other] > 0]
            if found:
                best = max(found, key=lambda other: (near[other], -other))
                judged.append(_near(rows[best], float(near[best]) / 100))
            else:
                stays.append(start + offset)
                judged.append(KEPT)
    return judged


def _by_meaning(
    rows: Sequence[Example], vectors: NDArray[np.float32], threshold: float
) -> list[Judgement]:
    try:
        from semhash import SemHash
        from vicinity import Backend
    except ImportError:
        raise MissingExtraError(
            package="semhash", extra="curation", feature="comparing rows by meaning"
        ) from None
    if len(rows) < 2:
        return [KEPT] * len(rows)
    # The place makes records distinct: exact duplicates are found by their vectors as well.
    records = [{"place": str(place)} for place in range(len(rows))]
    held = SemHash.from_embeddings(
        vectors, records, model=_Encoded(), columns=["place"], ann_backend=Backend.BASIC
    )
    judged = [KEPT] * len(rows)
    for found in held.self_deduplicate(threshold=threshold).filtered:
        before = rows[int(found.duplicate_of["place"])]
        judged[int(found.record["place"])] = _near(before, found.score)
    return judged


class _Encoded:
    """Stands where semhash wants an encoder; the vectors are there already."""

    def encode(self, inputs: object, **_: object) -> NDArray[np.float32]:
        raise NotImplementedError("rows are encoded beforehand")


def _near(row: Example, similarity: float) -> Judgement:
    return Judgement("near_duplicate", f"{row.id} ({similarity:.2f})")
