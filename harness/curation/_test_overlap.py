"""The gate ``test_overlap``: no row that stands in the test set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydantic import BaseModel, Field

from harness.datasets import find_overlaps
from harness.documents import FileModel
from harness.protocols import KEPT, GateContext, Judgement
from harness.relations import Example

__all__ = ["TestOverlap", "TestOverlapOptions"]


class TestOverlapOptions(FileModel):
    """Options of ``test_overlap.v1``.

    Attributes:
        near: Whether near-duplicates of test sentences are rejected as well.
        threshold: Least indel similarity of a near-duplicate.
    """

    __test__ = False  # no test class, whatever its name begins with

    near: bool = True
    threshold: float = Field(default=0.85, gt=0, le=1)


class TestOverlap:
    """Rejects rows whose sentence is one of the test set's, whatever is marked in it.

    Reasons: ``in_test``, ``in_test_normalised`` and ``near_test``. The test set's labels are not
    looked at.
    """

    __test__ = False

    name: ClassVar[str] = "test_overlap.v1"
    summary: ClassVar[str] = "no sentence of the test set, nor one that is nearly"
    source: ClassVar[str] = "calldistil; rapidfuzz"
    Options: ClassVar[type[BaseModel]] = TestOverlapOptions
    uses_test: ClassVar[bool] = True
    noise: ClassVar[str | None] = None

    def __init__(self, *, context: GateContext, options: TestOverlapOptions) -> None:
        self._test = context.test
        self._options = options

    def judge(self, *, rows: Sequence[Example]) -> tuple[Judgement, ...]:
        """Compares every row with every test sentence."""
        options = self._options
        found = find_overlaps(rows, self._test, near=options.near, threshold=options.threshold)
        judged: dict[str, Judgement] = {}
        for reason, pairs in (
            ("in_test", found.exact),
            ("in_test_normalised", found.normalised),
            ("near_test", sorted(found.near, key=lambda pair: -pair.similarity)),
        ):
            for pair in pairs:
                judged.setdefault(
                    pair.left, Judgement(reason, f"{pair.right} ({pair.similarity:.2f})")
                )
        return tuple(judged.get(row.id, KEPT) for row in rows)
