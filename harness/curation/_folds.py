"""Out-of-fold probabilities: what students say of rows that they were not trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from harness.documents import FileModel
from harness.errors import ConfigError
from harness.relations import Example, Schema
from harness.students import make_student

__all__ = ["FoldOptions", "label_columns", "out_of_fold"]


class FoldOptions(FileModel):
    """Options of gates that train students on parts of the set.

    Attributes:
        folds: Parts; each is labelled by a student that was trained on the others.
        student: The student, by its registry name.
        student_options: Its options.
        seed: Seed of the parts and of training.
    """

    folds: int = Field(default=5, ge=2)
    student: str = Field(default="linear.v1", min_length=1)
    student_options: dict[str, Any] = Field(default_factory=dict)
    seed: int = Field(default=0, ge=0)

    @field_validator("student")
    @classmethod
    def _known(cls, name: str) -> str:
        from harness.students import students

        try:
            return students.resolve(name)
        except ConfigError as error:
            raise ValueError("; ".join(map(str, error.problems))) from None


def label_columns(rows: Sequence[Example], schema: Schema) -> NDArray[np.int64]:
    """Each row's label as its place in the schema's order, shape (rows,)."""
    places: Mapping[str, int] = {name: at for at, name in enumerate(schema.label_names)}
    return np.array([places[row.relation or ""] for row in rows], dtype=np.int64)


def out_of_fold(
    rows: Sequence[Example], schema: Schema, options: FoldOptions
) -> NDArray[np.float64] | None:
    """Probabilities of shape (rows, labels), from students that did not see the row.

    Parts are balanced by label as far as its rows go round, and rows of one group stay together.
    Entity types are left out unless every mention has one, so that no part is typed by chance.
    None where there are fewer groups than two, or one label only: then there is nothing to learn.
    """
    if len({row.relation for row in rows}) < 2 or len({row.group_key for row in rows}) < 2:
        return None
    part = _parts(rows, options)
    if any(mention.type is None for row in rows for mention in (row.head, row.tail)):
        rows = [_untyped(row) for row in rows]
    found = np.zeros((len(rows), len(schema.label_names)))
    for fold in np.unique(part):
        seen = [row for row, own in zip(rows, part, strict=True) if own != fold]
        student = make_student(options.student, schema=schema, options=options.student_options)
        student.fit(examples=seen, seed=options.seed)
        held_out = np.flatnonzero(part == fold)
        asked = [rows[int(place)].labelled(None) for place in held_out]
        found[held_out] = student.predict_proba(examples=asked)
    return found


def _parts(rows: Sequence[Example], options: FoldOptions) -> NDArray[np.int64]:
    """The part of each row: groups are dealt out label by label, in a shuffled order."""
    rng = np.random.default_rng(options.seed)
    groups: dict[str, str] = {}
    for row in rows:
        groups.setdefault(row.group_key, row.relation or "")
    names = list(groups)
    order = sorted(rng.permutation(len(names)).tolist(), key=lambda place: groups[names[place]])
    dealt = {names[place]: at % options.folds for at, place in enumerate(order)}
    return np.array([dealt[row.group_key] for row in rows], dtype=np.int64)


def _untyped(row: Example) -> Example:
    return replace(row, head=replace(row.head, type=None), tail=replace(row.tail, type=None))
