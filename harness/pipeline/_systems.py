"""The rows of an experiment's table: systems, and what students are trained on."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from harness.documents import FileModel, ResolvedPath
from harness.pipeline._gate_entry import GateEntry

__all__ = [
    "CalibrateEntry",
    "CascadeEntry",
    "GeneratedSource",
    "LabelledSource",
    "Source",
    "SystemEntry",
    "SystemKind",
]

SystemKind = Literal["direct", "distilled", "labelled", "gold", "mixed", "cascade"]


class GeneratedSource(FileModel):
    """Training rows that a generator writes.

    Attributes:
        generator: Registry name.
        backend: Name of the backend entry that it talks to.
        options: Its options.
    """

    generator: str
    backend: str
    options: dict[str, Any] = Field(default_factory=dict)


class LabelledSource(FileModel):
    """Real sentences of ``data.train`` that the teacher labels; their gold labels are not read.

    Attributes:
        extractor: The extractor that labels.
        backend: Its backend.
        options: Its options.
        ids: A JSON list of the sentences' ids; all of ``data.train`` if left out.
        limit: Keep only the first so many.
    """

    extractor: str
    backend: str
    options: dict[str, Any] = Field(default_factory=dict)
    ids: ResolvedPath | None = None
    limit: int | None = Field(default=None, ge=1)


class Source(FileModel):
    """One source of training rows: exactly one of generated, labelled and gold.

    Attributes:
        generated: Rows that a generator writes.
        labelled: Real sentences that the teacher labels.
        gold: Human labels: the ``few_shot`` set, or all of ``train``.
        curate: Gates that generated or labelled rows go through, in order.
    """

    generated: GeneratedSource | None = None
    labelled: LabelledSource | None = None
    gold: Literal["few_shot", "train"] | None = None
    curate: tuple[GateEntry, ...] = ()

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(v is not None for v in (self.generated, self.labelled, self.gold)) != 1:
            raise ValueError("a source is exactly one of: generated, labelled, gold")
        if self.gold is not None and self.curate:
            raise ValueError("gold rows are taken as they are: remove curate")
        return self

    @property
    def kind(self) -> SystemKind:
        """The kind of a row trained on this source alone."""
        if self.generated is not None:
            return "distilled"
        return "labelled" if self.labelled is not None else "gold"


class CalibrateEntry(FileModel):
    """How a label bias is taken out of a system's probabilities.

    Attributes:
        method: ``contextual`` (by its answers to sentences without content), ``batch`` (by its
            mean over the test sentences), ``prior`` (to the frequencies of ``wanted``) or
            ``estimated`` (a student's, from the label frequencies of its training rows to those
            estimated from its answers to the test sentences).
        wanted: Label frequencies to expect, for ``prior``; labels that are left out share what
            remains equally.
    """

    method: Literal["contextual", "batch", "prior", "estimated"]
    wanted: dict[str, float] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _frequencies(self) -> Self:
        if (self.method == "prior") != bool(self.wanted):
            raise ValueError("wanted holds the label frequencies of method: prior, and only of it")
        if any(share < 0 for share in self.wanted.values()) or sum(self.wanted.values()) > 1:
            raise ValueError("wanted holds frequencies, each 0 or more, together at most 1")
        return self


class CascadeEntry(FileModel):
    """A student first, a direct system where the student's confidence is under a threshold.

    Without ``threshold`` and ``choose`` there is no row, only the curve of the score against the
    cost over thresholds, which every cascade has. Both are made from stored answers.

    Attributes:
        student: Name of the system that answers first. Its confidence is its largest probability.
        direct: Name of the direct system that answers the rest.
        threshold: The threshold.
        choose: Choose it on ``data.dev``, which both answer and on which the student may not be
            trained. ``dev`` takes the highest score there, ``dev_within_tolerance`` the threshold
            that asks least and loses no more than ``verdict.tolerance`` against the direct system.
    """

    student: str
    direct: str
    threshold: float | None = Field(default=None, ge=0)
    choose: Literal["dev", "dev_within_tolerance"] | None = None

    @model_validator(mode="after")
    def _one_threshold(self) -> Self:
        if self.threshold is not None and self.choose is not None:
            raise ValueError("a cascade has a threshold or chooses one, not both")
        return self

    @property
    def is_row(self) -> bool:
        """Whether it has a threshold, and so answers."""
        return self.threshold is not None or self.choose is not None


class SystemEntry(FileModel):
    """One row of the table: a direct system (extractor, backend), a student or a cascade.

    Attributes:
        extractor: Extractor of a direct system.
        backend: Its backend.
        student: Student of a trained system.
        train_on: Sources of its training rows, in order.
        options: Options of the extractor or the student.
        dev: Whether the student is handed the development set, which its gold budget counts.
        ids: A JSON list of the test examples that a direct system answers, for a method that asks
            much per sentence; it is compared with the reference on these alone.
        type_constraints: Whether a student gives no probability to labels that the schema's
            argument types exclude; an extractor has an option of that name.
        calibrate: A correction of its probabilities, which makes it another system than the one
            without: declare both to see what it does.
        cascade: A student first, and a direct system for what it is not confident of.
        licence: Licence of a student, as you declare it for the leaderboard; that of a direct
            system stands at its backend.
    """

    extractor: str | None = None
    backend: str | None = None
    student: str | None = None
    train_on: tuple[Source, ...] = ()
    options: dict[str, Any] = Field(default_factory=dict)
    dev: bool = False
    ids: ResolvedPath | None = None
    type_constraints: bool = False
    calibrate: CalibrateEntry | None = None
    cascade: CascadeEntry | None = None
    licence: str | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.cascade is not None:
            if self.model_fields_set != {"cascade"}:
                raise ValueError("a cascade is made of two other systems and has no other keys")
            return self
        if (self.extractor is None) == (self.student is None):
            raise ValueError("a system has either an extractor (with a backend) or a student")
        if self.extractor is not None and self.backend is None:
            raise ValueError("a direct system names its backend")
        if self.extractor is not None and self.type_constraints:
            raise ValueError("an extractor takes type_constraints among its options")
        if self.student is not None and self.ids is not None:
            raise ValueError("only a direct system has ids: a student answers the whole test set")
        if self.extractor is not None and self.train_on:
            raise ValueError("only a student has train_on")
        if self.student is not None and not self.train_on:
            raise ValueError("a student names what it is trained on: train_on: [...]")
        method = self.calibrate.method if self.calibrate is not None else None
        if self.extractor is not None and method == "estimated":
            raise ValueError(
                "calibrate: estimated begins at the label frequencies of a student's training "
                "rows, and an extractor has none: take batch, or prior with wanted"
            )
        if self.extractor is not None and self.licence is not None:
            raise ValueError("a direct system's licence is its backend's: declare it there")
        if self.student is not None and self.backend is not None:
            raise ValueError("a student has no backend; its sources have")
        return self

    @property
    def kind(self) -> SystemKind:
        """direct, distilled, labelled, gold or mixed, from the sources; or cascade."""
        if self.cascade is not None:
            return "cascade"
        kinds = {source.kind for source in self.train_on}
        if not kinds:
            return "direct"
        return kinds.pop() if len(kinds) == 1 else "mixed"
