"""The gates ``first``, ``balance`` and ``target``: how many rows of each label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import BaseModel, Field

from harness.documents import FileModel
from harness.protocols import KEPT, GateContext, Judgement
from harness.relations import Example

__all__ = ["Balance", "BalanceOptions", "First", "FirstOptions", "Target", "TargetOptions"]


class FirstOptions(FileModel):
    """Options of ``first.v1``.

    Attributes:
        n: Rows of each label that stay: the first that were written.
    """

    n: int = Field(ge=1)


class First:
    """Keeps the first ``n`` rows of each label in the order of the answer: ``after_first``.

    What a student on them costs is each prompt and the answer's tokens up to the last row
    that stays, so that a learning curve has the cost of having asked for so many.
    """

    name: ClassVar[str] = "first.v1"
    summary: ClassVar[str] = "the first n rows of each label, at the cost of those alone"
    source: ClassVar[str] = "calldistil"
    Options: ClassVar[type[BaseModel]] = FirstOptions
    uses_test: ClassVar[bool] = False
    noise: ClassVar[str | None] = None
    cuts_answers: ClassVar[bool] = True
    """The report charges each answer up to its last row that stays."""

    def __init__(self, *, context: GateContext, options: FirstOptions) -> None:
        self._options = options

    def judge(self, *, rows: Sequence[Example]) -> tuple[Judgement, ...]:
        """Earlier rows stay."""
        n = self._options.n
        return _at_most(rows, {str(row.relation): n for row in rows}, "after_first")


class BalanceOptions(FileModel):
    """Options of ``balance.v1``.

    Attributes:
        ratio: Rows of a label at most, as a multiple of the rarest label's.
        na_ratio: The same for the NA label; as for the others if left out.
    """

    ratio: float = Field(default=1.0, ge=1)
    na_ratio: float | None = Field(default=None, ge=0)


class Balance:
    """Keeps of each label at most so many rows as the rarest has, or a multiple: ``surplus``.

    The rarest label is the one with fewest rows among those that have any, NA left aside.
    """

    name: ClassVar[str] = "balance.v1"
    summary: ClassVar[str] = "at most a multiple of the rarest label's rows for every label"
    source: ClassVar[str] = "calldistil"
    Options: ClassVar[type[BaseModel]] = BalanceOptions
    uses_test: ClassVar[bool] = False
    noise: ClassVar[str | None] = None

    def __init__(self, *, context: GateContext, options: BalanceOptions) -> None:
        self._na = context.schema.na_label
        self._options = options

    def judge(self, *, rows: Sequence[Example]) -> tuple[Judgement, ...]:
        """Earlier rows stay."""
        counts = Counter(str(row.relation) for row in rows)
        rarest = min((n for label, n in counts.items() if label != self._na), default=None)
        if rarest is None:
            return (KEPT,) * len(rows)
        limits = {label: round(self._options.ratio * rarest) for label in counts}
        if self._options.na_ratio is not None:
            limits[self._na] = round(self._options.na_ratio * rarest)
        return _at_most(rows, limits, "surplus")


class TargetOptions(FileModel):
    """Options of ``target.v1``.

    Attributes:
        count: Rows wanted of each label.
        attempts: How often the generator is asked for what is missing; 0 never asks again.
    """

    count: int = Field(ge=1)
    attempts: int = Field(default=2, ge=0, le=10)


class Target:
    """Keeps ``count`` rows of each label: ``beyond_target``.

    Where the gates before it left fewer, the generator is asked again for the labels and numbers
    that are missing, and those gates judge what it writes; a bounded number of times.
    """

    name: ClassVar[str] = "target.v1"
    summary: ClassVar[str] = "so many rows of each label; what is missing is asked for again"
    source: ClassVar[str] = "calldistil"
    Options: ClassVar[type[BaseModel]] = TargetOptions
    uses_test: ClassVar[bool] = False
    noise: ClassVar[str | None] = None

    def __init__(self, *, context: GateContext, options: TargetOptions) -> None:
        self._options = options

    def judge(self, *, rows: Sequence[Example]) -> tuple[Judgement, ...]:
        """Earlier rows stay."""
        count = self._options.count
        return _at_most(rows, {str(row.relation): count for row in rows}, "beyond_target")


def _at_most(
    rows: Sequence[Example], limits: Mapping[str, int], reason: str
) -> tuple[Judgement, ...]:
    seen: Counter[str] = Counter()
    judged = []
    for row in rows:
        label = str(row.relation)
        seen[label] += 1
        over = seen[label] > limits[label]
        judged.append(Judgement(reason, f"{limits[label]} stay") if over else KEPT)
    return tuple(judged)
