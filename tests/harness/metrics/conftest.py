"""Strategies and builders of answers, over the built-in schemas."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from harness.metrics import Answers, join_labels
from harness.relations import Schema

Build = Callable[..., Answers]


@pytest.fixture(scope="session")
def build(demo_schema: Schema) -> Build:
    """Answers of one seed from gold and predicted labels; None is an answer not given."""

    def make(
        gold: Sequence[str],
        predicted: Sequence[str | None],
        schema: Schema = demo_schema,
        groups: Sequence[str] | None = None,
    ) -> Answers:
        ids = [f"x{i}" for i in range(len(gold))]
        return join_labels(
            dict(zip(ids, gold, strict=True)),
            dict(zip(ids, predicted, strict=True)),
            schema,
            groups=None if groups is None else dict(zip(ids, groups, strict=True)),
        )

    return make
